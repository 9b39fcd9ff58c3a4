//! Limits and halts.

use crate::domain::{
    Action, CancelAllIn, CancelAllOut, CancelResult, DEFAULT_TIMEOUT_SECONDS, Halt, HaltIn,
    HaltOut, LimitLeft, LimitsOut, ResumeIn, ResumeOut, Status, TradingState,
};
use crate::error::Error;

use super::enums::asked;
use super::fields::Take as _;
use super::pb;
use super::values::{duration, given, present, seconds, time_from_wire, time_to_wire};

impl TryFrom<pb::HaltRequest> for HaltIn {
    type Error = Error;

    fn try_from(request: pb::HaltRequest) -> Result<Self, Error> {
        let pb::HaltRequest {
            reason,
            caller,
            account,
            cancel_open,
            include_protective,
            timeout,
        } = request;
        Ok(Self {
            reason,
            caller: given(caller),
            account: given(account),
            cancel_open,
            include_protective,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        })
    }
}

impl From<HaltIn> for pb::HaltRequest {
    fn from(input: HaltIn) -> Self {
        let HaltIn {
            reason,
            caller,
            account,
            cancel_open,
            include_protective,
            timeout,
        } = input;
        Self {
            reason,
            caller: caller.unwrap_or_default(),
            account: account.unwrap_or_default(),
            cancel_open,
            include_protective,
            timeout: Some(duration(timeout)),
        }
    }
}

impl From<Halt> for pb::HaltEntry {
    fn from(halt: Halt) -> Self {
        let Halt {
            reason,
            caller,
            account,
            halted_by,
            since,
        } = halt;
        Self {
            reason,
            caller,
            account,
            halted_by,
            since: Some(time_to_wire(since)),
        }
    }
}

impl TryFrom<pb::HaltEntry> for Halt {
    type Error = Error;

    fn try_from(halt: pb::HaltEntry) -> Result<Self, Error> {
        let pb::HaltEntry {
            reason,
            caller,
            account,
            halted_by,
            since,
        } = halt;
        Ok(Self {
            reason,
            caller,
            account,
            halted_by,
            since: time_from_wire("since", present("since", since)?)?,
        })
    }
}

fn to_wire(halts: Vec<Halt>) -> Vec<pb::HaltEntry> {
    halts.into_iter().map(Into::into).collect()
}

fn from_wire(halts: Vec<pb::HaltEntry>) -> Result<Vec<Halt>, Error> {
    halts.into_iter().map(Halt::try_from).collect()
}

fn take_status(number: i32) -> Result<Status, Error> {
    number.take("status")
}

fn state(number: i32) -> Result<TradingState, Error> {
    number.take("state")
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
            state: pb::TradingState::from(state).into(),
            halts: to_wire(halts),
            persisted,
            cancelled: cancelled.map(Into::into),
        }
    }
}

impl TryFrom<pb::HaltResponse> for HaltOut {
    type Error = Error;

    fn try_from(out: pb::HaltResponse) -> Result<Self, Error> {
        let pb::HaltResponse {
            state: number,
            halts,
            persisted,
            cancelled,
        } = out;
        Ok(Self {
            state: state(number)?,
            halts: from_wire(halts)?,
            persisted,
            cancelled: cancelled.map(CancelAllOut::try_from).transpose()?,
        })
    }
}

impl From<pb::ResumeRequest> for ResumeIn {
    fn from(request: pb::ResumeRequest) -> Self {
        let pb::ResumeRequest { caller, account } = request;
        Self {
            caller: given(caller),
            account: given(account),
        }
    }
}

impl From<ResumeIn> for pb::ResumeRequest {
    fn from(input: ResumeIn) -> Self {
        let ResumeIn { caller, account } = input;
        Self {
            caller: caller.unwrap_or_default(),
            account: account.unwrap_or_default(),
        }
    }
}

impl From<ResumeOut> for pb::ResumeResponse {
    fn from(out: ResumeOut) -> Self {
        let ResumeOut { state, halts } = out;
        Self {
            state: pb::TradingState::from(state).into(),
            halts: to_wire(halts),
        }
    }
}

impl TryFrom<pb::ResumeResponse> for ResumeOut {
    type Error = Error;

    fn try_from(out: pb::ResumeResponse) -> Result<Self, Error> {
        let pb::ResumeResponse {
            state: number,
            halts,
        } = out;
        Ok(Self {
            state: state(number)?,
            halts: from_wire(halts)?,
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
        let result = |result| {
            let CancelResult {
                order_id,
                status,
                protective,
                error,
            } = result;
            pb::CancelResult {
                order_id,
                status: status.map_or(0, |status| pb::order_state::Status::from(status).into()),
                protective,
                error,
            }
        };
        Self {
            results: results.into_iter().map(result).collect(),
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
        let result = |result| {
            let pb::CancelResult {
                order_id,
                status,
                protective,
                error,
            } = result;
            Ok(CancelResult {
                order_id,
                status: match status {
                    0 => None,
                    number => Some(take_status(number)?),
                },
                protective,
                error,
            })
        };
        Ok(Self {
            results: results
                .into_iter()
                .map(result)
                .collect::<Result<_, Error>>()?,
            still_open,
        })
    }
}

impl From<LimitsOut> for pb::GetLimitsResponse {
    fn from(out: LimitsOut) -> Self {
        let LimitsOut {
            state,
            halts,
            hash,
            problem,
            positions_stale,
            limits,
        } = out;
        let left = |left| {
            let LimitLeft {
                table,
                rule,
                warn,
                limit,
                of,
                used,
                left,
            } = left;
            pb::LimitLeft {
                table,
                rule,
                warn,
                limit,
                of,
                used,
                left,
            }
        };
        Self {
            state: pb::TradingState::from(state).into(),
            halts: to_wire(halts),
            hash,
            problem,
            positions_stale,
            limits: limits.into_iter().map(left).collect(),
        }
    }
}

impl TryFrom<pb::GetLimitsResponse> for LimitsOut {
    type Error = Error;

    fn try_from(out: pb::GetLimitsResponse) -> Result<Self, Error> {
        let pb::GetLimitsResponse {
            state: number,
            halts,
            hash,
            problem,
            positions_stale,
            limits,
        } = out;
        let left = |left| {
            let pb::LimitLeft {
                table,
                rule,
                warn,
                limit,
                of,
                used,
                left,
            } = left;
            LimitLeft {
                table,
                rule,
                warn,
                limit,
                of,
                used,
                left,
            }
        };
        Ok(Self {
            state: state(number)?,
            halts: from_wire(halts)?,
            hash,
            problem,
            positions_stale,
            limits: limits.into_iter().map(left).collect(),
        })
    }
}
