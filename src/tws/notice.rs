//! What TWS's messages without an order mean. Codes: the message code table of the TWS API documentation.

/// The order's id is not above those that TWS has seen from this client.
pub(super) const DUPLICATE_ORDER_ID: i32 = 103;
/// The client id is taken; TWS closes the connection after it.
pub(super) const CLIENT_ID_IN_USE: i32 = 326;
/// TWS lost IB.
const LINK_LOST: i32 = 1100;
/// TWS has IB back, and what it held was lost.
const LINK_RESTORED_DATA_LOST: i32 = 1101;
/// TWS has IB back.
const LINK_RESTORED: i32 = 1102;
/// The API port was changed; TWS closes the connection after it.
const PORT_RESET: i32 = 1300;
/// TWS sends account values to this client no more: another one asked, or this one ended it.
const UNSUBSCRIBED: i32 = 2100;
/// TWS's connection to its server is broken.
const LINK_BROKEN: i32 = 2110;
/// Rate exceeded; TWS closes the connection at the third time.
const RATE_EXCEEDED: i32 = 100;
/// Made by client libraries, in case one of them stands between: no connection, TWS too old, not connected.
const CLIENT_SIDE: [i32; 3] = [502, 503, 504];
/// A request could not be read, was not valid, or failed in TWS. Without an id it answers whatever query is open.
const REQUEST_FAILED: std::ops::RangeInclusive<i32> = 320..=323;

/// What to make of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// TWS lost IB or has it back.
    IbLink {
        /// Whether TWS is connected to IB now.
        connected: bool,
        /// Whether data was lost.
        data_lost: bool,
    },
    /// The query in flight failed.
    QueryFailed,
    /// If the connection ends now, this is why.
    LastWords,
    /// TWS sends no more values of an account.
    Unsubscribed,
    /// For the log.
    Other,
}

/// What a message without an order means.
pub(super) fn meaning(code: i32) -> Meaning {
    let link = |connected, data_lost| Meaning::IbLink {
        connected,
        data_lost,
    };
    match code {
        LINK_LOST | LINK_BROKEN => link(false, false),
        LINK_RESTORED_DATA_LOST => link(true, true),
        LINK_RESTORED => link(true, false),
        CLIENT_ID_IN_USE | PORT_RESET | RATE_EXCEEDED => Meaning::LastWords,
        UNSUBSCRIBED => Meaning::Unsubscribed,
        code if CLIENT_SIDE.contains(&code) => Meaning::LastWords,
        code if REQUEST_FAILED.contains(&code) => Meaning::QueryFailed,
        _ => Meaning::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_documentation_have_their_meaning() {
        let lost = Meaning::IbLink {
            connected: false,
            data_lost: false,
        };
        assert_eq!((meaning(1100), meaning(2110)), (lost, lost));
        assert_eq!(
            meaning(1101),
            Meaning::IbLink {
                connected: true,
                data_lost: true
            }
        );
        for code in [100, 326, 502, 503, 504, 1300] {
            assert_eq!(meaning(code), Meaning::LastWords, "{code}");
        }
        for code in [320, 321, 322, 323] {
            assert_eq!(meaning(code), Meaning::QueryFailed, "{code}");
        }
        for code in [0, 2104, 2158, 319, 324] {
            assert_eq!(meaning(code), Meaning::Other, "{code}");
        }
    }
}
