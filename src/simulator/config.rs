//! How a simulator is set up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;

use super::frame::Hello;
use super::switches::Acknowledgement;
use super::{Fault, Switches};

/// Lowest server version that is spoken. Up to 200 all messages are text, from 213 on all are protobuf.
pub const SERVER_VERSION_MIN: i32 = 157;
/// Highest server version that is spoken.
pub const SERVER_VERSION_MAX: i32 = 226;

/// Who moves the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Marketable orders fill at once, and prices move by themselves: a step with every accepted order and, while no
    /// request comes in, a step per `tick`. A `tick` of zero leaves only the first.
    Automatic {
        /// Time between two price steps of a quiet market.
        tick: Duration,
    },
    /// Orders are acknowledged, and nothing fills, expires or moves until a [`Control`](super::Control) says so.
    Explicit,
}

/// Whether the exchange takes orders now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// Regular trading hours.
    Open,
    /// Outside them: orders are kept as PreSubmitted with warning 399, but for limit orders with `outsideRth`.
    Closed,
}

/// The currency in which an account is kept. Orders are in that of their contract, USD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseCurrency {
    /// Euro: margins and commissions of one answer then come in two currencies.
    Eur,
    /// US dollar.
    Usd,
}

impl BaseCurrency {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Usd => "USD",
        }
    }
}

/// Everything about a simulator that can be chosen. `..SimulatorConfig::default()` fills in the rest.
#[derive(Clone, Debug)]
pub struct SimulatorConfig {
    /// Where to listen; port 0 takes a free one. Default 127.0.0.1:7497.
    pub listen: SocketAddr,
    /// Start of all randomness: prices, displayed sizes, choices of venue. Default 7.
    pub seed: u64,
    /// Accounts of the login. Default one paper account.
    pub accounts: Vec<String>,
    /// Who moves the market. Default automatic, with half a second between steps of a quiet market.
    pub mode: Mode,
    /// What goes wrong, and when. Default nothing.
    pub faults: Vec<Fault>,
    /// Keep orders, ids, executions and prices here across restarts. Default nowhere.
    pub state_file: Option<PathBuf>,
    /// The "Read-Only API" setting: orders and cancels get error 321. Default off.
    pub read_only: bool,
    /// Highest server version to agree to, at most [`SERVER_VERSION_MAX`].
    pub server_version_max: i32,
    /// First order id of a client that was never seen. Default 1.
    pub first_order_id: i32,
    /// What TWS does where sources are silent or disagree. Default the likeliest of each.
    pub switches: Switches,
    /// Whether the exchange is open. Default open.
    pub hours: Hours,
    /// Requests per second and connection beyond which error 100 is sent; the third breach closes the connection.
    /// Default no limit. TWS: 50.
    pub max_messages_per_second: Option<u32>,
    /// Value in the contract's currency above which a single order gets 201. Default 4,000,000; `None` for no limit.
    pub buying_power: Option<Decimal>,
    /// The currency of the accounts. Default EUR, as in the paper account of the captures.
    pub base_currency: BaseCurrency,
    /// What each account begins with, in that currency. Default 1,000,000.
    pub starting_cash: Decimal,
    /// Symbols beside the built-in ones, with their starting price in USD. A starting price below one tick is raised.
    pub symbols: Vec<(String, Decimal)>,
    /// Delay of everything that is sent. Default none.
    pub latency: Duration,
    /// How long a connection may take to introduce itself. Default 10 s.
    pub handshake_timeout: Duration,
    /// Bytes that may wait for a peer that does not read; beyond it the peer is dropped. Default 64 MiB.
    pub outbox_bytes_max: usize,
    /// Largest request. Default 1 MiB.
    pub frame_bytes_max: usize,
    /// Connections at a time, logged in or not. Default 1,024.
    pub connections_max: usize,
    /// API clients at a time. Default 32, as in TWS.
    pub clients_max: usize,
    /// Finished orders and executions that are remembered, each. Default 100,000.
    pub history_max: usize,
    /// Requests that are remembered for [`View::messages`](super::View::messages). Default 100,000; 0 counts nothing.
    pub messages_max: usize,
}

/// The version that a client and a server agree on, where there is one: the lower of both highest.
pub(crate) fn agree_on_version(hello: &Hello, ours: i32) -> Option<i32> {
    let version = hello.max.min(ours);
    (version >= SERVER_VERSION_MIN && hello.min <= ours).then_some(version)
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7497),
            seed: 7,
            accounts: vec!["DU1234567".to_owned()],
            mode: Mode::Automatic {
                tick: Duration::from_millis(500),
            },
            faults: Vec::new(),
            state_file: None,
            read_only: false,
            server_version_max: SERVER_VERSION_MAX,
            first_order_id: 1,
            switches: Switches::default(),
            hours: Hours::Open,
            max_messages_per_second: None,
            buying_power: Some(Decimal::from(4_000_000)),
            base_currency: BaseCurrency::Eur,
            starting_cash: Decimal::from(1_000_000),
            symbols: Vec::new(),
            latency: Duration::ZERO,
            handshake_timeout: Duration::from_secs(10),
            outbox_bytes_max: 64 << 20,
            frame_bytes_max: 1 << 20,
            connections_max: 1024,
            clients_max: 32,
            history_max: 100_000,
            messages_max: 100_000,
        }
    }
}

impl SimulatorConfig {
    /// The least that a client needs to see of each order, as fast as it can be sent: for measuring the client.
    /// One acknowledgement instead of two, one Filled pair, no limit on value, nothing remembered for inspection.
    pub fn fastest() -> Self {
        Self {
            mode: Mode::Automatic {
                tick: Duration::ZERO,
            },
            switches: Switches {
                acknowledgement: Acknowledgement::Submitted,
                second_filled_pair: false,
                ..Switches::default()
            },
            buying_power: None,
            messages_max: 0,
            history_max: 10_000,
            ..Self::default()
        }
    }

    /// A free port of the loopback address, for tests.
    pub fn on_free_port() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            ..Self::default()
        }
    }

    /// On a free port, and nothing happens unless a test says so.
    pub fn explicit() -> Self {
        Self {
            mode: Mode::Explicit,
            ..Self::on_free_port()
        }
    }
}
