//! Limits and halts.

use crate::domain::{
    Action, CancelAllIn, CancelAllOut, CancelResult, DEFAULT_TIMEOUT_SECONDS, Halt, HaltIn,
    HaltOut, LimitLeft, LimitsOut, ResumeIn, ResumeOut,
};
use crate::error::Error;

use super::enums::asked;
use super::fields::{Put, Take, same_fields};
use super::pb;
use super::values::{duration, given, seconds};

same_fields! {
    HaltIn = pb::HaltRequest { reason, caller, account, cancel_open, include_protective, timeout }
    Halt = pb::HaltEntry { reason, caller, account, halted_by, since }
    ResumeIn = pb::ResumeRequest { caller, account }
    ResumeOut = pb::ResumeResponse { state, halts }
    CancelResult = pb::CancelResult { order_id, status, protective, error }
    LimitsOut = pb::GetLimitsResponse { state, halts, hash, problem, positions_stale, limits }
    LimitLeft = pb::LimitLeft { table, rule, warn, limit, of, used, left }
}

impl From<HaltOut> for pb::HaltResponse {
    fn from(out: HaltOut) -> Self {
        let HaltOut {
            state,
            halts,
            persisted,
            cancelled,
        } = out;
        Self {
            state: state.put(),
            halts: halts.put(),
            persisted,
            cancelled: cancelled.map(Into::into),
        }
    }
}

impl TryFrom<pb::HaltResponse> for HaltOut {
    type Error = Error;

    fn try_from(out: pb::HaltResponse) -> Result<Self, Error> {
        let pb::HaltResponse {
            state,
            halts,
            persisted,
            cancelled,
        } = out;
        Ok(Self {
            state: state.take("state")?,
            halts: halts.take("halts")?,
            persisted,
            cancelled: cancelled.map(CancelAllOut::try_from).transpose()?,
        })
    }
}

impl TryFrom<pb::CancelAllRequest> for CancelAllIn {
    type Error = Error;

    fn try_from(request: pb::CancelAllRequest) -> Result<Self, Error> {
        let pb::CancelAllRequest {
            account,
            symbol,
            action,
            include_protective,
            unknown_orders,
            timeout,
        } = request;
        Ok(Self {
            account: given(account),
            symbol: given(symbol),
            action: asked::<Action>("action", action)?,
            include_protective,
            unknown_orders,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        })
    }
}

impl From<CancelAllIn> for pb::CancelAllRequest {
    fn from(input: CancelAllIn) -> Self {
        let CancelAllIn {
            account,
            symbol,
            action,
            include_protective,
            unknown_orders,
            timeout,
        } = input;
        Self {
            account: account.unwrap_or_default(),
            symbol: symbol.unwrap_or_default(),
            action: action.map_or(0, |action| pb::order::Action::from(action).into()),
            include_protective,
            unknown_orders,
            timeout: Some(duration(timeout)),
        }
    }
}

impl From<CancelAllOut> for pb::CancelAllResponse {
    fn from(out: CancelAllOut) -> Self {
        let CancelAllOut {
            results,
            still_open,
        } = out;
        Self {
            results: results.put(),
            still_open,
        }
    }
}

impl TryFrom<pb::CancelAllResponse> for CancelAllOut {
    type Error = Error;

    fn try_from(out: pb::CancelAllResponse) -> Result<Self, Error> {
        let pb::CancelAllResponse {
            results,
            still_open,
        } = out;
        Ok(Self {
            results: results.take("results")?,
            still_open,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Status, Timestamp, TradingState};

    #[test]
    fn limits_halts_and_what_became_of_orders_survive_the_wire() {
        let halt = Halt {
            reason: "looks wrong".to_owned(),
            caller: Some("algo".to_owned()),
            account: None,
            halted_by: Some("desk".to_owned()),
            since: Timestamp::from_unix_micros(1_795_000_000_000_001),
        };
        let left = LimitLeft {
            table: "default".to_owned(),
            rule: "max_daily_notional".to_owned(),
            warn: true,
            limit: "1000".to_owned(),
            of: Some("USD".to_owned()),
            used: Some("10".to_owned()),
            left: None,
        };
        let limits = LimitsOut {
            state: TradingState::CancelOnly,
            halts: vec![halt.clone()],
            hash: Some("ab".to_owned()),
            problem: None,
            positions_stale: true,
            limits: vec![left],
        };
        let message = pb::GetLimitsResponse::from(limits.clone());
        assert_eq!(LimitsOut::try_from(message), Ok(limits));
        let result = |order_id, status, error: Option<&str>| CancelResult {
            order_id,
            status,
            protective: order_id == 2,
            error: error.map(str::to_owned),
        };
        let halted = HaltOut {
            state: TradingState::CancelOnly,
            halts: vec![halt],
            persisted: true,
            cancelled: Some(CancelAllOut {
                results: vec![
                    result(1, Some(Status::Cancelled), None),
                    result(2, None, Some("unknown")),
                ],
                still_open: vec![2, 7],
            }),
        };
        let message = pb::HaltResponse::from(halted.clone());
        assert_eq!(HaltOut::try_from(message), Ok(halted));
        let nameless = pb::HaltEntry {
            since: None,
            ..pb::HaltEntry::default()
        };
        assert!(Halt::try_from(nameless).is_err());
    }

    #[test]
    fn what_is_not_given_is_everybody_and_everything() {
        let input = HaltIn::try_from(pb::HaltRequest::default());
        assert_eq!(input, Ok(HaltIn::new("")));
        let resume = ResumeIn::try_from(pb::ResumeRequest::default());
        assert_eq!(resume, Ok(ResumeIn::default()));
        let all = CancelAllIn {
            account: Some("DU1".to_owned()),
            action: Some(Action::Sell),
            timeout: 1.5,
            ..CancelAllIn::default()
        };
        let message = pb::CancelAllRequest::from(all.clone());
        assert_eq!(CancelAllIn::try_from(message), Ok(all));
    }
}
