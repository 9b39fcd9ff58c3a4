//! List.

use crate::domain::{ListIn, ListOut, OrderState, Status};
use crate::error::Error;

use super::enums::asked;
use super::pb;
use super::values::given;

impl TryFrom<pb::ListRequest> for ListIn {
    type Error = Error;

    fn try_from(request: pb::ListRequest) -> Result<Self, Error> {
        let pb::ListRequest {
            statuses,
            symbol,
            page_size,
            page_token,
            bracket_id,
        } = request;
        let word = |number| {
            asked::<Status>("statuses", number)?.ok_or_else(|| {
                Error::request_field(
                    "statuses",
                    "name a status, or none to list all",
                    number.into(),
                )
            })
        };
        Ok(Self {
            statuses: statuses.into_iter().map(word).collect::<Result<_, _>>()?,
            symbol: given(symbol),
            bracket_id: (bracket_id != 0).then_some(bracket_id),
            page_size,
            page_token,
        })
    }
}

impl From<ListIn> for pb::ListRequest {
    fn from(input: ListIn) -> Self {
        let ListIn {
            statuses,
            symbol,
            bracket_id,
            page_size,
            page_token,
        } = input;
        Self {
            statuses: statuses
                .into_iter()
                .map(|word| pb::order_state::Status::from(word).into())
                .collect(),
            symbol: symbol.unwrap_or_default(),
            page_size,
            page_token,
            bracket_id: bracket_id.unwrap_or_default(),
        }
    }
}

impl From<ListOut> for pb::ListResponse {
    fn from(out: ListOut) -> Self {
        let ListOut {
            orders,
            next_page_token,
        } = out;
        Self {
            orders: orders.into_iter().map(Into::into).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
        }
    }
}

impl TryFrom<pb::ListResponse> for ListOut {
    type Error = Error;

    fn try_from(out: pb::ListResponse) -> Result<Self, Error> {
        let pb::ListResponse {
            orders,
            next_page_token,
        } = out;
        Ok(Self {
            orders: orders
                .into_iter()
                .map(OrderState::try_from)
                .collect::<Result<_, _>>()?,
            next_page_token: given(next_page_token),
        })
    }
}
