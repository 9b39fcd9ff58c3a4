//! The raw stub: generated messages and nothing of the client library. What a gateway says is turned into the documents of the
//! contract by hand, as a program in another language would.

use ibkr_orders::wire::pb;
use pb::order_service_client::OrderServiceClient;
use serde_json::{Number, Value};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::contract::{
    Change, Empty, Fill, Get, Health, Heartbeat, Link, List, OrderRequest, OrderState, Place,
    Problem, Update, Validate, Violation, Watch,
};
use crate::scenarios;

pub type Stub = OrderServiceClient<Channel>;

/// Which order, as the messages say it.
pub struct Key {
    pub order_id: i32,
    pub request_id: String,
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
        server_version: answer.server_version,
        accounts: answer.accounts,
        paper: answer.paper,
        client_id: answer.client_id,
        tws_time: answer.tws_time.map(time),
        ib_connected: answer.ib_connected,
        store_ok: answer.store_ok,
        version: answer.version,
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
    }
}

pub async fn place(mut stub: Stub, place: &scenarios::Place, patience: f64) -> Place {
    let request = pb::PlaceRequest {
        order: Some(message(&place.order)),
        transmit: place.transmit,
        dry_run: place.dry_run,
        timeout: seconds(patience),
        request_id: place.request_id.unwrap_or_default().to_owned(),
    };
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
                request_id: place.request_id.map(str::to_owned),
                replayed: false,
            }
        }
    }
}

pub async fn watch(
    mut stub: Stub,
    order_id: i32,
    max_wait: Option<f64>,
    after_sequence: u64,
) -> Watch {
    let mut watch = Watch {
        order_id,
        terminal: false,
        status: None,
        updates: Vec::new(),
        error: None,
    };
    let request = pb::WatchRequest {
        order_id,
        poll_interval: seconds(1.0),
        timeout: seconds(5.0),
        max_wait: max_wait.and_then(seconds),
        after_sequence,
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
                if let Some(order) = &update.order {
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
    if watch.status.is_none() {
        let key = Key {
            order_id,
            request_id: String::new(),
        };
        watch.status = get(stub, key).await.order.map(|order| order.status);
    }
    watch
}

pub async fn transmit(
    mut stub: Stub,
    Key {
        order_id,
        request_id,
    }: Key,
    patience: f64,
) -> Change {
    let request = pb::TransmitRequest {
        order_id,
        request_id,
        timeout: seconds(patience),
    };
    change(
        stub.transmit(request)
            .await
            .map(|answer| answer.into_inner().order),
    )
}

pub async fn cancel(
    mut stub: Stub,
    Key {
        order_id,
        request_id,
    }: Key,
    patience: f64,
) -> Change {
    let request = pb::CancelRequest {
        order_id,
        request_id,
        timeout: seconds(patience),
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

pub async fn get(
    mut stub: Stub,
    Key {
        order_id,
        request_id,
    }: Key,
) -> Get {
    match stub
        .get(pb::GetRequest {
            order_id,
            request_id,
        })
        .await
    {
        Ok(answer) => {
            let answer = answer.into_inner();
            Get {
                order: answer.order.map(state),
                fills: answer.fills.into_iter().map(fill).collect(),
                error: None,
            }
        }
        Err(status) => Get {
            order: None,
            fills: Vec::new(),
            error: Some(status.message().to_owned()),
        },
    }
}

pub async fn list(
    mut stub: Stub,
    status: &[&str],
    symbol: &str,
    page_size: i32,
    page_token: String,
) -> List {
    let request = pb::ListRequest {
        status: status
            .iter()
            .map(|word| pb::order_state::Status::from_str_name(word).unwrap().into())
            .collect(),
        symbol: symbol.to_owned(),
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

/// The violations of a status that says which fields are wrong. It does not say what was given.
fn violations(status: &Status) -> Option<Vec<Problem>> {
    if status.code() != Code::InvalidArgument {
        return None;
    }
    let details = status.get_details_bad_request().unwrap();
    let violation = |found: tonic_types::FieldViolation| {
        Problem::Violation(Violation {
            kind: found.reason,
            loc: found
                .field
                .split('.')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect(),
            msg: found.description,
            input: Value::Null,
        })
    };
    Some(
        details
            .field_violations
            .into_iter()
            .map(violation)
            .collect(),
    )
}

/// An order as a program would fill in the message.
fn message(typed: &Value) -> pb::Order {
    let text = |name: &str| typed[name].as_str().map(str::to_owned);
    let upper = |name: &str| text(name).map(|word| word.to_uppercase());
    let number = |name: &str| match &typed[name] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let word = |name: &str, read: fn(&str) -> Option<i32>| {
        upper(name).map_or(0, |word| read(&word).unwrap())
    };
    pb::Order {
        action: word("action", |word| {
            pb::order::Action::from_str_name(word).map(Into::into)
        }),
        symbol: text("symbol").unwrap_or_default(),
        order_type: word("order_type", |word| {
            pb::order::OrderType::from_str_name(word).map(Into::into)
        }),
        quantity: number("quantity").unwrap_or_default(),
        limit_price: number("limit_price"),
        sec_type: word("sec_type", |word| {
            pb::order::SecType::from_str_name(word).map(Into::into)
        }),
        exchange: text("exchange"),
        currency: text("currency"),
        tif: word("tif", |word| {
            pb::order::TimeInForce::from_str_name(word).map(Into::into)
        }),
        transmit: typed["transmit"].as_bool(),
        primary_exch: text("primary_exch"),
        client_tag: text("client_tag"),
        order_ref: text("order_ref"),
        account: text("account"),
        outside_rth: typed["outside_rth"].as_bool(),
    }
}

fn request_of(order: pb::Order) -> OrderRequest {
    OrderRequest {
        action: order.action().as_str_name().to_owned(),
        order_type: order.order_type().as_str_name().to_owned(),
        sec_type: order.sec_type().as_str_name().to_owned(),
        tif: order.tif().as_str_name().to_owned(),
        symbol: order.symbol,
        quantity: number(&order.quantity),
        limit_price: order.limit_price.as_deref().map(number),
        exchange: order.exchange.unwrap(),
        currency: order.currency.unwrap(),
        transmit: order.transmit.unwrap(),
        primary_exch: order.primary_exch,
        client_tag: order.client_tag,
        order_ref: order.order_ref,
        account: order.account,
        outside_rth: order.outside_rth.unwrap(),
    }
}

fn state(order: pb::OrderState) -> OrderState {
    OrderState {
        status: order.status().as_str_name().to_owned(),
        action: order.action().as_str_name().to_owned(),
        order_type: order.order_type().as_str_name().to_owned(),
        tif: order.tif().as_str_name().to_owned(),
        sec_type: order.sec_type().as_str_name().to_owned(),
        order_id: order.order_id,
        filled: number(&order.filled),
        avg_fill_price: order.avg_fill_price.as_deref().map(number),
        symbol: order.symbol,
        quantity: number(&order.quantity),
        limit_price: order.limit_price.as_deref().map(number),
        transmit: order.transmit,
        order_ref: order.order_ref,
        last_error_code: order.last_error_code,
        last_error: order.last_error,
        perm_id: order.perm_id,
        last_update: time(order.last_update.unwrap()),
        raw_state: order.raw_state,
        client_id: order.client_id,
        account: order.account,
        request_id: order.request_id,
        remaining: number(&order.remaining),
        terminal: order.terminal,
        sequence: order.sequence,
        commission: order.commission.as_deref().map(number),
        exchange: order.exchange,
        currency: order.currency,
        primary_exch: order.primary_exch,
        outside_rth: order.outside_rth,
        client_tag: order.client_tag,
        cancel_requested: order.cancel_requested,
        created_at: time(order.created_at.unwrap()),
    }
}

fn fill(fill: pb::Fill) -> Fill {
    Fill {
        order_id: fill.order_id,
        exec_id: fill.exec_id,
        quantity: number(&fill.quantity),
        price: number(&fill.price),
        time: fill.time.map(time),
        exchange: fill.exchange,
        commission: fill.commission.as_deref().map(number),
        currency: fill.currency,
    }
}

fn update(message: pb::WatchResponse) -> Update {
    use pb::watch_response::Event;
    let mut update = Update {
        sequence: message.sequence,
        order: None,
        snapshot_end: None,
        link: None,
        fill: None,
        heartbeat: None,
    };
    match message.event.unwrap() {
        Event::Order(order) => update.order = Some(state(order)),
        Event::SnapshotEnd(pb::SnapshotEnd {}) => update.snapshot_end = Some(Empty {}),
        Event::Link(link) => {
            update.link = Some(Link {
                state: link.state().as_str_name().to_owned(),
                peer: link.peer,
                text: link.text,
            });
        }
        Event::Fill(part) => update.fill = Some(fill(part)),
        Event::Heartbeat(beat) => {
            update.heartbeat = Some(Heartbeat {
                connected: beat.connected,
            })
        }
    }
    update
}

/// A decimal text as the JSON number that the documents have: whole numbers without a point.
fn number(text: &str) -> Number {
    text.parse::<i64>()
        .map(Number::from)
        .unwrap_or_else(|_| Number::from_f64(text.parse().unwrap()).unwrap())
}

fn time(time: prost_types::Timestamp) -> String {
    time.to_string()
}

fn seconds(seconds: f64) -> Option<prost_types::Duration> {
    Some(
        std::time::Duration::from_secs_f64(seconds)
            .try_into()
            .unwrap(),
    )
}

/// A free object as JSON.
fn object(object: prost_types::Struct) -> Value {
    Value::Object(
        object
            .fields
            .into_iter()
            .map(|(name, value)| (name, any(value)))
            .collect(),
    )
}

fn any(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind.unwrap() {
        Kind::NullValue(_) => Value::Null,
        Kind::BoolValue(value) => value.into(),
        Kind::NumberValue(value) if value.fract() == 0.0 && value.abs() < 1e15 => {
            (value as i64).into()
        }
        Kind::NumberValue(value) => value.into(),
        Kind::StringValue(value) => value.into(),
        Kind::ListValue(list) => list.values.into_iter().map(any).collect(),
        Kind::StructValue(value) => object(value),
    }
}
