//! Positions and account values.

use super::fields::{Put, Take, same_fields};
use super::pb::{self, watch_account_response::Event};
use super::values::{duration, given, present, seconds};
use crate::domain::{
    AccountFreshness, AccountIn, AccountOut, AccountUpdate, AccountValue,
    DEFAULT_POLL_INTERVAL_SECONDS, Position, PositionsIn, PositionsOut, WatchAccountIn,
};
use crate::error::Error;

same_fields! {
    PositionsIn = pb::ListPositionsRequest { account, timeout }
    PositionsOut = pb::ListPositionsResponse { positions, as_of, stale }
    Position = pb::Position {
        account, con_id, symbol, sec_type, exchange, currency, quantity, average_cost, market_price, market_value, unrealized_pnl, realized_pnl,
    }
    AccountIn = pb::GetAccountRequest { account, timeout }
    AccountOut = pb::GetAccountResponse { account, values, as_of, stale }
    AccountValue = pb::AccountValue { name, currency, value }
}

impl TryFrom<pb::WatchAccountRequest> for WatchAccountIn {
    type Error = Error;

    fn try_from(request: pb::WatchAccountRequest) -> Result<Self, Error> {
        let pb::WatchAccountRequest {
            account,
            poll_interval,
            max_wait,
        } = request;
        Ok(Self {
            account: given(account),
            poll_interval: seconds("poll_interval", poll_interval)?
                .unwrap_or(DEFAULT_POLL_INTERVAL_SECONDS),
            max_wait: seconds("max_wait", max_wait)?,
        })
    }
}

impl From<WatchAccountIn> for pb::WatchAccountRequest {
    fn from(input: WatchAccountIn) -> Self {
        let WatchAccountIn {
            account,
            poll_interval,
            max_wait,
        } = input;
        Self {
            account: account.unwrap_or_default(),
            poll_interval: Some(duration(poll_interval)),
            max_wait: max_wait.map(duration),
        }
    }
}

impl From<AccountUpdate> for pb::WatchAccountResponse {
    fn from(update: AccountUpdate) -> Self {
        let (account, event) = match update {
            AccountUpdate::Position(position) => {
                (position.account.clone(), Event::Position(position.into()))
            }
            AccountUpdate::Value { account, value } => (account, Event::Value(value.into())),
            AccountUpdate::Freshness(AccountFreshness {
                account,
                positions_as_of,
                positions_stale,
                values_as_of,
                values_stale,
            }) => {
                let freshness = pb::AccountFreshness {
                    positions_as_of: positions_as_of.put(),
                    positions_stale,
                    values_as_of: values_as_of.put(),
                    values_stale,
                };
                (account, Event::Freshness(freshness))
            }
            AccountUpdate::SnapshotEnd {} => {
                (String::new(), Event::SnapshotEnd(pb::SnapshotEnd {}))
            }
            AccountUpdate::Heartbeat {} => {
                (String::new(), Event::Heartbeat(pb::AccountHeartbeat {}))
            }
        };
        Self {
            account,
            event: Some(event),
        }
    }
}

impl TryFrom<pb::WatchAccountResponse> for AccountUpdate {
    type Error = Error;

    fn try_from(update: pb::WatchAccountResponse) -> Result<Self, Error> {
        let pb::WatchAccountResponse { account, event } = update;
        Ok(match present("event", event)? {
            Event::Position(position) => Self::Position(position.try_into()?),
            Event::Value(value) => Self::Value {
                account,
                value: value.try_into()?,
            },
            Event::Freshness(pb::AccountFreshness {
                positions_as_of,
                positions_stale,
                values_as_of,
                values_stale,
            }) => Self::Freshness(AccountFreshness {
                account,
                positions_as_of: positions_as_of.take("positions_as_of")?,
                positions_stale,
                values_as_of: values_as_of.take("values_as_of")?,
                values_stale,
            }),
            Event::SnapshotEnd(pb::SnapshotEnd {}) => Self::SnapshotEnd {},
            Event::Heartbeat(pb::AccountHeartbeat {}) => Self::Heartbeat {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, Timestamp};

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    fn position() -> Position {
        Position {
            account: "DU1".to_owned(),
            con_id: 265_598,
            symbol: "AAPL".to_owned(),
            sec_type: "STK".to_owned(),
            exchange: Some("NASDAQ".to_owned()),
            currency: "USD".to_owned(),
            quantity: amount("-100.5"),
            average_cost: amount("320.64666965"),
            market_price: Some(amount("319.6300049")),
            market_value: Some(amount("-32122.81549245")),
            unrealized_pnl: Some(amount("-1.5")),
            realized_pnl: Some(amount("2")),
        }
    }

    fn at(micros: i64) -> Option<Timestamp> {
        Some(Timestamp::from_unix_micros(micros))
    }

    #[test]
    fn questions_and_answers_survive_the_wire() {
        let positions = PositionsOut {
            positions: vec![
                position(),
                Position {
                    exchange: None,
                    market_price: None,
                    market_value: None,
                    unrealized_pnl: None,
                    realized_pnl: None,
                    ..position()
                },
            ],
            as_of: at(1),
            stale: true,
        };
        let message = pb::ListPositionsResponse::from(positions.clone());
        assert_eq!(PositionsOut::try_from(message), Ok(positions));
        let account = AccountOut {
            account: "DU1".to_owned(),
            values: vec![
                AccountValue {
                    name: "NetLiquidation".to_owned(),
                    currency: Some("BASE".to_owned()),
                    value: "36992.49".to_owned(),
                },
                AccountValue {
                    name: "AccountReady".to_owned(),
                    currency: None,
                    value: "true".to_owned(),
                },
            ],
            as_of: at(2),
            stale: true,
        };
        let message = pb::GetAccountResponse::from(account.clone());
        assert_eq!(AccountOut::try_from(message), Ok(account));
        for account in [None, Some("DU1".to_owned())] {
            let input = PositionsIn {
                account: account.clone(),
                timeout: 1.5,
            };
            let message = pb::ListPositionsRequest::from(input.clone());
            assert_eq!(PositionsIn::try_from(message), Ok(input));
            let input = AccountIn {
                account: account.clone(),
                timeout: 0.0,
            };
            let message = pb::GetAccountRequest::from(input.clone());
            assert_eq!(AccountIn::try_from(message), Ok(input));
            let input = WatchAccountIn {
                account,
                poll_interval: 0.25,
                max_wait: Some(9.0),
            };
            let message = pb::WatchAccountRequest::from(input.clone());
            assert_eq!(WatchAccountIn::try_from(message), Ok(input));
        }
        let defaults = PositionsIn::try_from(pb::ListPositionsRequest::default());
        assert_eq!(defaults, Ok(PositionsIn::default()));
        let defaults = AccountIn::try_from(pb::GetAccountRequest::default());
        assert_eq!(defaults, Ok(AccountIn::default()));
        let defaults = WatchAccountIn::try_from(pb::WatchAccountRequest::default());
        assert_eq!(defaults, Ok(WatchAccountIn::default()));
    }

    #[test]
    fn every_update_survives_the_wire() {
        let updates = [
            AccountUpdate::Position(position()),
            AccountUpdate::Value {
                account: "DU2".to_owned(),
                value: AccountValue {
                    name: "Cushion".to_owned(),
                    currency: None,
                    value: "0.888751".to_owned(),
                },
            },
            AccountUpdate::Freshness(AccountFreshness {
                account: "DU1".to_owned(),
                positions_as_of: at(3),
                positions_stale: true,
                values_as_of: None,
                values_stale: false,
            }),
            AccountUpdate::SnapshotEnd {},
            AccountUpdate::Heartbeat {},
        ];
        for update in updates {
            let message = pb::WatchAccountResponse::from(update.clone());
            assert_eq!(AccountUpdate::try_from(message), Ok(update));
        }
        assert!(AccountUpdate::try_from(pb::WatchAccountResponse::default()).is_err());
    }
}
