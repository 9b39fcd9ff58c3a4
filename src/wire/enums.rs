//! The closed vocabularies: each proto value beside the domain value it stands for, once.

use crate::domain::{
    Action, LinkState, OcaType, OrderType, ReplacementStatus, SecType, Status, TimeInForce,
    TradingState,
};
use crate::error::Error;

use super::pb;

/// Pairs a proto enum with a domain enum. Both matches are exhaustive, so a new value on either side does not compile until
/// it is paired.
macro_rules! pairs {
    ($proto:ty, $unset:ident, $domain:ty $(, later $unknown:ident)? { $($proto_value:ident = $domain_value:ident,)+ }) => {
        impl From<$domain> for $proto {
            fn from(value: $domain) -> Self {
                match value { $(<$domain>::$domain_value => Self::$proto_value,)+ }
            }
        }

        impl Word for $domain {
            fn to_number(self) -> i32 {
                <$proto>::from(self).into()
            }

            $(fn unknown() -> Option<Self> {
                Some(Self::$unknown)
            })?

            fn from_number(number: i32) -> Result<Option<Self>, UnknownNumber> {
                match <$proto>::try_from(number) {
                    Ok(<$proto>::$unset) => Ok(None),
                    $(Ok(<$proto>::$proto_value) => Ok(Some(Self::$domain_value)),)+
                    Err(_) => Err(UnknownNumber(number)),
                }
            }
        }
    };
}

/// A number outside its proto enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnknownNumber(pub(super) i32);

/// A domain word that proto carries as a number.
pub(super) trait Word: Sized {
    /// Its number.
    fn to_number(self) -> i32;

    /// What stands for a word of a later version in an answer; `None` where nothing can.
    fn unknown() -> Option<Self> {
        None
    }

    /// The word; `None` for the zero value, which stands for "not given".
    fn from_number(number: i32) -> Result<Option<Self>, UnknownNumber>;
}

pairs!(pb::order::Action, Unspecified, Action { Buy = Buy, Sell = Sell, });
pairs!(pb::order::OrderType, Unspecified, OrderType, later Other {
    Mkt = Market,
    Lmt = Limit,
    Stp = Stop,
    StpLmt = StopLimit,
    Trail = Trail,
    TrailLimit = TrailLimit,
    Moc = MarketOnClose,
    Loc = LimitOnClose,
    Other = Other,
});
pairs!(pb::order::OcaType, Unspecified, OcaType {
    CancelWithBlock = CancelWithBlock,
    ReduceWithBlock = ReduceWithBlock,
    ReduceNonBlock = ReduceNonBlock,
});
pairs!(pb::order::SecType, Unspecified, SecType { Stk = Stock, });
pairs!(pb::order::TimeInForce, Unspecified, TimeInForce {
    Day = Day,
    Gtc = GoodTillCancelled,
    Ioc = ImmediateOrCancel,
    Fok = FillOrKill,
    Opg = OnOpen,
    Gtd = GoodTillDate,
});
pairs!(pb::order_state::Status, Unspecified, Status, later Unknown {
    Staged = Staged,
    Submitting = Submitting,
    Unconfirmed = Unconfirmed,
    ApiPending = ApiPending,
    PendingSubmit = PendingSubmit,
    PreSubmitted = PreSubmitted,
    Submitted = Submitted,
    PendingCancel = PendingCancel,
    Filled = Filled,
    Cancelled = Cancelled,
    ApiCancelled = ApiCancelled,
    Inactive = Inactive,
    Rejected = Rejected,
    Unknown = Unknown,
});
pairs!(pb::replacement::Status, Unspecified, ReplacementStatus, later Unconfirmed {
    Pending = Pending,
    Accepted = Accepted,
    Refused = Refused,
    Unconfirmed = Unconfirmed,
});
pairs!(pb::link::State, Unspecified, LinkState {
    Lost = Lost,
    Restored = Restored,
    Reconciled = Reconciled,
    IbLost = IbLost,
    IbRestored = IbRestored,
    Halted = Halted,
    Resumed = Resumed,
});
pairs!(pb::TradingState, Unspecified, TradingState {
    Active = Active,
    CancelOnly = CancelOnly,
});

/// A word of a request; `None` when it is not given.
pub(super) fn asked<W: Word>(field: &str, number: i32) -> Result<Option<W>, Error> {
    W::from_number(number).map_err(|UnknownNumber(number)| {
        Error::request_field(
            field,
            format!("this version knows no value {number}: use one that orders.proto names"),
            number.into(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proto_names_are_the_words_of_the_domain() {
        for word in Status::ALL {
            assert_eq!(
                pb::order_state::Status::from(*word).as_str_name(),
                word.as_str()
            );
            let number = pb::order_state::Status::from(*word) as i32;
            assert_eq!(Status::from_number(number), Ok(Some(*word)));
        }
        for word in Action::ALL {
            assert_eq!(pb::order::Action::from(*word).as_str_name(), word.as_str());
        }
        for word in OrderType::ALL {
            assert_eq!(
                pb::order::OrderType::from(*word).as_str_name(),
                word.as_str()
            );
        }
        for word in TimeInForce::ALL {
            assert_eq!(
                pb::order::TimeInForce::from(*word).as_str_name(),
                word.as_str()
            );
        }
        for word in OcaType::ALL {
            assert_eq!(pb::order::OcaType::from(*word).as_str_name(), word.as_str());
        }
        for word in SecType::ALL {
            assert_eq!(pb::order::SecType::from(*word).as_str_name(), word.as_str());
        }
    }

    #[test]
    fn zero_is_not_given_and_a_number_nobody_named_is_refused() {
        assert_eq!(Action::from_number(0), Ok(None));
        let error = asked::<Action>("order.action", 99).unwrap_err();
        assert_eq!(error.reason, crate::error::Reason::RequestInvalid);
        assert_eq!(error.violations[0].loc, ["order.action"]);
    }
}
