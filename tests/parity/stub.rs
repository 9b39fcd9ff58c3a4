//! The raw stub: generated messages and nothing of the client library. What a gateway says is turned into the documents of the
//! contract by hand, as a program in another language would.

use ibkr_orders::wire::pb;
use pb::order_service_client::OrderServiceClient;
use serde_json::Value;
use tonic::Status;
use tonic::transport::Channel;

use crate::contract::{
    Bracket, Change, Get, Health, List, OrderState, Payload, Place, Problem, Replace,
    RuleViolation, Validate, Violation, Watch,
};
use crate::conversions::{
    fill, message, object, request_of, seconds, state, time, update, violations,
};
use crate::steps;

pub type Stub = OrderServiceClient<Channel>;

/// Which order, as the messages say it.
#[derive(Clone)]
pub enum Key {
    Id(i32),
    PlacedAs(String),
}

impl Key {
    /// Whether this is the name of an order, and not that of another one of its bracket.
    fn names(&self, order: &OrderState) -> bool {
        match self {
            Self::Id(order_id) => order.order_id == *order_id,
            Self::PlacedAs(request_id) => order.request_id == *request_id,
        }
    }
}

/// The `oneof order` of a request.
macro_rules! named {
    ($key:expr, $oneof:path) => {{
        use $oneof as Name;
        match $key {
            Key::Id(order_id) => Some(Name::OrderId(order_id)),
            Key::PlacedAs(request_id) => Some(Name::PlacedAs(request_id)),
        }
    }};
}

pub async fn health(mut stub: Stub) -> Health {
    let answer = stub
        .health(pb::HealthRequest {
            timeout: seconds(5.0),
        })
        .await
        .unwrap()
        .into_inner();
    Health {
        connected: answer.connected,
        next_valid_id: answer.next_valid_id,
        error: answer.error,
        detail: answer.detail,
        server_version: answer.server_version,
        accounts: answer.accounts,
        paper: answer.paper,
        client_id: answer.client_id,
        tws_time: answer.tws_time.map(time),
        ib_connected: answer.ib_connected,
        store_ok: answer.store_ok,
        version: answer.version,
        unknown_orders: answer.unknown_orders,
    }
}

pub async fn validate(mut stub: Stub, typed: &Value, transmit: bool) -> Validate {
    let request = pb::ValidateRequest {
        order: Some(message(typed)),
        transmit,
    };
    let answer = stub.validate(request).await.unwrap().into_inner();
    let errors = answer.errors.into_iter().map(|error| {
        Problem::Violation(Violation {
            kind: error.r#type,
            loc: error.loc,
            msg: error.msg,
            input: serde_json::from_str(&error.input).unwrap(),
        })
    });
    let errors: Vec<_> = errors.collect();
    Validate {
        valid: answer.valid,
        order_request: answer.order_request.map(request_of),
        effective_order_ref: answer.effective_order_ref,
        errors: (!errors.is_empty()).then_some(errors),
        warnings: listed(answer.warnings),
        unchecked: (!answer.unchecked.is_empty()).then_some(answer.unchecked),
    }
}

fn listed(warnings: Vec<pb::RuleViolation>) -> Option<Vec<RuleViolation>> {
    let listed = warnings.into_iter().map(|warning| RuleViolation {
        rule: warning.rule,
        subject: warning.subject,
        description: warning.description,
    });
    let listed: Vec<_> = listed.collect();
    (!listed.is_empty()).then_some(listed)
}

pub async fn place(mut stub: Stub, place: &steps::Place, patience: f64) -> Place {
    let request = pb::PlaceRequest {
        order: Some(message(&place.order)),
        transmit: place.transmit,
        dry_run: place.dry_run,
        timeout: seconds(patience),
        request_id: match place.request_id {
            Some(id) => id.to_owned(),
            None if place.dry_run => String::new(),
            None => uuid::Uuid::now_v7().to_string(),
        },
    };
    let request_id = Some(request.request_id.clone()).filter(|id| !id.is_empty());
    match stub.place(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            Place {
                submitted: answer.submitted,
                dry_run: answer.dry_run,
                order_id: (answer.order_id != 0).then_some(answer.order_id),
                state: answer.state.map(state),
                contract: answer.contract.map(object),
                order_payload: answer.order_payload.map(object),
                order_request: answer.order_request.map(request_of),
                effective_order_ref: answer.effective_order_ref,
                errors: None,
                error: None,
                request_id: (!answer.request_id.is_empty()).then_some(answer.request_id),
                replayed: answer.replayed,
                warnings: listed(answer.warnings),
                unchecked: (!answer.unchecked.is_empty()).then_some(answer.unchecked),
            }
        }
        Err(status) => {
            let errors = violations(&status);
            Place {
                submitted: false,
                dry_run: place.dry_run,
                order_id: None,
                state: None,
                contract: None,
                order_payload: None,
                order_request: None,
                effective_order_ref: None,
                error: errors.is_none().then(|| status.message().to_owned()),
                errors,
                request_id,
                replayed: false,
                warnings: None,
                unchecked: None,
            }
        }
    }
}

/// A decimal of a document as a message has it.
fn decimal(typed: &Value) -> Option<String> {
    match typed {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn time_in_force(typed: &Value) -> i32 {
    typed.as_str().map_or(0, |word| {
        pb::order::TimeInForce::from_str_name(word).unwrap().into()
    })
}

fn payload(payload: pb::OrderPayload) -> Payload {
    Payload {
        contract: object(payload.contract.unwrap()),
        order: object(payload.order.unwrap()),
    }
}

pub async fn bracket(mut stub: Stub, step: &steps::Bracket, patience: f64) -> Bracket {
    let typed = &step.bracket;
    let leg = |name: &str| typed.get(name).filter(|leg| !leg.is_null());
    let request = pb::PlaceBracketRequest {
        entry: Some(message(&typed["entry"])),
        take_profit: leg("take_profit").map(|leg| pb::TakeProfit {
            limit_price: decimal(&leg["limit_price"]).unwrap_or_default(),
            tif: time_in_force(&leg["tif"]),
            outside_rth: leg["outside_rth"].as_bool(),
        }),
        stop_loss: leg("stop_loss").map(|leg| pb::StopLoss {
            stop_price: decimal(&leg["stop_price"]).unwrap_or_default(),
            limit_price: decimal(&leg["limit_price"]),
            tif: time_in_force(&leg["tif"]),
            outside_rth: leg["outside_rth"].as_bool(),
        }),
        dry_run: step.dry_run,
        timeout: seconds(patience),
        request_id: match step.request_id {
            Some(id) => id.to_owned(),
            None if step.dry_run => String::new(),
            None => uuid::Uuid::now_v7().to_string(),
        },
    };
    let request_id = Some(request.request_id.clone()).filter(|id| !id.is_empty());
    match stub.place_bracket(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            Bracket {
                submitted: answer.entry.is_some(),
                dry_run: answer.entry_payload.is_some(),
                entry: answer.entry.map(state),
                take_profit: answer.take_profit.map(state),
                stop_loss: answer.stop_loss.map(state),
                entry_payload: answer.entry_payload.map(payload),
                take_profit_payload: answer.take_profit_payload.map(payload),
                stop_loss_payload: answer.stop_loss_payload.map(payload),
                errors: None,
                error: None,
                request_id: (!answer.request_id.is_empty()).then_some(answer.request_id),
                replayed: answer.replayed,
                warnings: listed(answer.warnings),
                unchecked: (!answer.unchecked.is_empty()).then_some(answer.unchecked),
            }
        }
        Err(status) => {
            let errors = violations(&status);
            Bracket {
                submitted: false,
                dry_run: step.dry_run,
                entry: None,
                take_profit: None,
                stop_loss: None,
                entry_payload: None,
                take_profit_payload: None,
                stop_loss_payload: None,
                error: errors.is_none().then(|| status.message().to_owned()),
                errors,
                request_id,
                replayed: false,
                warnings: None,
                unchecked: None,
            }
        }
    }
}

pub async fn replace(mut stub: Stub, key: Key, step: &steps::Replace, patience: f64) -> Replace {
    let text = |name: &str| {
        let found = step.change.iter().find(|(field, _)| *field == name);
        found.map(|(_, text)| (*text).to_owned())
    };
    let request = pb::ReplaceRequest {
        order: named!(key, pb::replace_request::Order),
        quantity: text("quantity"),
        limit_price: text("limit_price"),
        stop_price: text("stop_price"),
        trail_amount: text("trail_amount"),
        trail_percent: text("trail_percent"),
        limit_offset: text("limit_offset"),
        tif: text("tif").map(|word| time_in_force(&word.into())),
        expected_revision: step.expected_revision,
        request_id: match step.request_id {
            Some(id) => id.to_owned(),
            None if step.dry_run => String::new(),
            None => uuid::Uuid::now_v7().to_string(),
        },
        timeout: seconds(patience),
        dry_run: step.dry_run,
    };
    let request_id = Some(request.request_id.clone()).filter(|id| !id.is_empty());
    match stub.replace(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            Replace {
                order: answer.order.map(state),
                dry_run: answer.order_payload.is_some(),
                contract: answer.contract.map(object),
                order_payload: answer.order_payload.map(object),
                errors: None,
                error: None,
                request_id: (!answer.request_id.is_empty()).then_some(answer.request_id),
                replayed: answer.replayed,
            }
        }
        Err(status) => {
            let errors = violations(&status);
            Replace {
                order: None,
                dry_run: step.dry_run,
                contract: None,
                order_payload: None,
                error: errors.is_none().then(|| status.message().to_owned()),
                errors,
                request_id,
                replayed: false,
            }
        }
    }
}

pub async fn watch(
    mut stub: Stub,
    key: Key,
    max_wait: Option<f64>,
    after_sequence: u64,
    with_family: bool,
) -> Watch {
    let mut watch = Watch {
        order_id: match &key {
            Key::Id(order_id) => *order_id,
            Key::PlacedAs(_) => 0,
        },
        terminal: false,
        status: None,
        updates: Vec::new(),
        error: None,
    };
    let request = pb::WatchRequest {
        order: named!(key.clone(), pb::watch_request::Order),
        poll_interval: seconds(1.0),
        timeout: seconds(5.0),
        max_wait: max_wait.and_then(seconds),
        after_sequence,
        with_family,
    };
    let mut updates = match stub.watch(request).await {
        Ok(updates) => updates.into_inner(),
        Err(status) => {
            watch.error = Some(status.message().to_owned());
            return watch;
        }
    };
    loop {
        match updates.message().await {
            Ok(Some(message)) => {
                let update = update(message);
                if let Some(order) = &update.order
                    && key.names(order)
                {
                    watch.order_id = order.order_id;
                    watch.status = Some(order.status.clone());
                }
                if update.heartbeat.is_none() {
                    watch.updates.push(update);
                }
            }
            Ok(None) => {
                watch.terminal = true;
                break;
            }
            Err(status) => {
                watch.error = Some(status.message().to_owned());
                break;
            }
        }
    }
    // A stream that showed no state does not say how the order stands.
    if watch.status.is_none()
        && let Some(order) = get(stub, key).await.order
    {
        watch.order_id = order.order_id;
        watch.status = Some(order.status);
    }
    watch
}

pub async fn transmit(mut stub: Stub, key: Key, patience: f64) -> Change {
    let request = pb::TransmitRequest {
        order: named!(key, pb::transmit_request::Order),
        timeout: seconds(patience),
        ..pb::TransmitRequest::default()
    };
    change(
        stub.transmit(request)
            .await
            .map(|answer| answer.into_inner().order),
    )
}

pub async fn cancel(mut stub: Stub, key: Key, with_sibling: bool, patience: f64) -> Change {
    let request = pb::CancelRequest {
        order: named!(key, pb::cancel_request::Order),
        with_sibling,
        timeout: seconds(patience),
        ..pb::CancelRequest::default()
    };
    change(
        stub.cancel(request)
            .await
            .map(|answer| answer.into_inner().order),
    )
}

fn change(answer: Result<Option<pb::OrderState>, Status>) -> Change {
    match answer {
        Ok(order) => Change {
            order: order.map(state),
            error: None,
        },
        Err(status) => Change {
            order: None,
            error: Some(status.message().to_owned()),
        },
    }
}

pub async fn get(mut stub: Stub, key: Key) -> Get {
    match stub
        .get(pb::GetRequest {
            order: named!(key, pb::get_request::Order),
            ..pb::GetRequest::default()
        })
        .await
    {
        Ok(answer) => {
            let answer = answer.into_inner();
            Get {
                order: answer.order.map(state),
                fills: answer.fills.into_iter().map(fill).collect(),
                legs: answer.legs.into_iter().map(state).collect(),
                error: None,
            }
        }
        Err(status) => Get {
            order: None,
            fills: Vec::new(),
            legs: Vec::new(),
            error: Some(status.message().to_owned()),
        },
    }
}

pub async fn list(
    mut stub: Stub,
    status: &[&str],
    symbol: &str,
    bracket_id: i32,
    page_size: i32,
    page_token: String,
) -> List {
    let request = pb::ListRequest {
        statuses: status
            .iter()
            .map(|word| pb::order_state::Status::from_str_name(word).unwrap().into())
            .collect(),
        symbol: symbol.to_owned(),
        bracket_id,
        page_size,
        page_token,
    };
    match stub.list(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            List {
                orders: answer.orders.into_iter().map(state).collect(),
                next_page_token: (!answer.next_page_token.is_empty())
                    .then_some(answer.next_page_token),
                error: None,
            }
        }
        Err(status) => List {
            orders: Vec::new(),
            next_page_token: None,
            error: Some(status.message().to_owned()),
        },
    }
}
