//! The instruments that exist without being asked for.

/// A listed instrument. `start_cents` is where its price begins; it is not a quote of any day.
pub(crate) struct Known {
    pub(crate) symbol: &'static str,
    pub(crate) con_id: i32,
    pub(crate) start_cents: i64,
    pub(crate) venue: &'static str,
    pub(crate) name: &'static str,
}

const fn known(
    symbol: &'static str,
    con_id: i32,
    start_cents: i64,
    venue: &'static str,
    name: &'static str,
) -> Known {
    Known {
        symbol,
        con_id,
        start_cents,
        venue,
        name,
    }
}

/// Stocks and funds in USD, and one currency pair.
pub(crate) const BUILT_IN: &[Known] = &[
    known("AAPL", 265_598, 23_000, "NASDAQ", "APPLE INC"),
    known("AMD", 4_391, 16_000, "NASDAQ", "ADVANCED MICRO DEVICES"),
    known("AMZN", 3_691_937, 22_000, "NASDAQ", "AMAZON.COM INC"),
    known("BAC", 10_098, 5_000, "NYSE", "BANK OF AMERICA CORP"),
    known("DIS", 6_459, 11_500, "NYSE", "WALT DISNEY CO/THE"),
    known("F", 9_599_491, 1_200, "NYSE", "FORD MOTOR CO"),
    known("GE", 498_843_743, 28_000, "NYSE", "GENERAL ELECTRIC"),
    known("GOOG", 208_813_720, 24_000, "NASDAQ", "ALPHABET INC-CL C"),
    known("IBM", 8_314, 27_000, "NYSE", "INTL BUSINESS MACHINES CORP"),
    known("INTC", 270_639, 2_500, "NASDAQ", "INTEL CORP"),
    known("IWM", 9_579_970, 24_000, "ARCA", "ISHARES RUSSELL 2000 ETF"),
    known("JPM", 1_520_593, 30_000, "NYSE", "JPMORGAN CHASE & CO"),
    known("KO", 8_894, 7_000, "NYSE", "COCA-COLA CO/THE"),
    known("META", 107_113_386, 70_000, "NASDAQ", "META PLATFORMS INC"),
    known("MSFT", 272_093, 45_000, "NASDAQ", "MICROSOFT CORP"),
    known("NFLX", 15_124_833, 95_000, "NASDAQ", "NETFLIX INC"),
    known("NVDA", 4_815_747, 18_000, "NASDAQ", "NVIDIA CORP"),
    known(
        "QQQ",
        320_227_571,
        58_000,
        "NASDAQ",
        "INVESCO QQQ TRUST SERIES 1",
    ),
    known("SPY", 756_733, 64_000, "ARCA", "SPDR S&P 500 ETF TRUST"),
    known("T", 37_018_770, 2_800, "NYSE", "AT&T INC"),
    known("TSLA", 76_792_991, 34_000, "NASDAQ", "TESLA INC"),
    known("XOM", 13_977, 11_500, "NYSE", "EXXON MOBIL CORP"),
    known(
        "EUR",
        12_087_792,
        115,
        "IDEALPRO",
        "European Monetary Union Euro",
    ),
];

/// Where stocks trade and fill.
pub(crate) const VENUES: &[&str] = &[
    "NASDAQ", "IBKRATS", "ARCA", "NYSENAT", "BATS", "NYSE", "IEX", "ISLAND",
];
