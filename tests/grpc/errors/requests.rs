//! Requests that are wrong in themselves.

use std::time::Duration;

use ibkr_orders::wire::pb;
use tonic::Code;

use crate::world::{Plan, World, market, place, refused, seconds};

#[tokio::test]
async fn an_invalid_order_names_every_violation() {
    let world = World::start().await;
    let order = pb::Order {
        quantity: "-1".to_owned(),
        limit_price: Some("5".to_owned()),
        action: 0,
        ..market()
    };
    let error = refused(world.stub().await.place(place(order)).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::InvalidArgument, "ORDER_INVALID")
    );
    let mut fields: Vec<_> = error
        .details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .collect();
    fields.sort_by(|a, b| a.field.cmp(&b.field));
    let said: Vec<_> = fields
        .iter()
        .map(|f| (f.field.as_str(), f.reason.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("action", "missing"),
            ("limit_price", "value_error"),
            ("quantity", "greater_than")
        ]
    );
    assert!(fields.iter().all(|f| !f.description.is_empty()));
    world.end().await;
}

#[tokio::test]
async fn a_request_id_of_another_order_is_refused() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let request = pb::PlaceRequest {
        request_id: "once".to_owned(),
        ..place(market())
    };
    stub.place(request.clone()).await.unwrap();
    let other = pb::PlaceRequest {
        order: Some(pb::Order {
            quantity: "2".to_owned(),
            ..market()
        }),
        ..request
    };
    let error = refused(stub.place(other).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::AlreadyExists, "REQUEST_ID_REUSED")
    );
    world.end().await;
}

#[tokio::test]
async fn an_order_that_transmits_needs_a_request_id() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let unnamed = pb::PlaceRequest {
        request_id: String::new(),
        ..place(market())
    };
    let by_the_order_itself = pb::PlaceRequest {
        order: Some(pb::Order {
            transmit: Some(true),
            ..market()
        }),
        transmit: false,
        ..unnamed.clone()
    };
    for request in [unnamed.clone(), by_the_order_itself] {
        let answer = stub.place(request).await;
        let message = answer.as_ref().unwrap_err().message().to_owned();
        assert!(
            message.contains("twice") && message.contains("Nothing was sent"),
            "{message}"
        );
        names("request_id", answer.map(drop));
    }
    assert_eq!(world.orders().await, []);

    // What goes to no market needs none.
    let dry = pb::PlaceRequest {
        dry_run: true,
        ..unnamed.clone()
    };
    assert!(stub.place(dry).await.unwrap().into_inner().dry_run);
    let staged = pb::PlaceRequest {
        transmit: false,
        ..unnamed
    };
    let staged = stub.place(staged).await.unwrap().into_inner();
    assert!(!staged.request_id.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_bracket_needs_a_request_id_but_for_a_dry_run() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let unnamed = pb::PlaceBracketRequest {
        entry: Some(market()),
        stop_loss: Some(pb::StopLoss {
            stop_price: "1".to_owned(),
            ..pb::StopLoss::default()
        }),
        ..pb::PlaceBracketRequest::default()
    };
    let answer = stub.place_bracket(unnamed.clone()).await;
    names("request_id", answer.map(drop));
    assert_eq!(world.orders().await, []);
    let dry = pb::PlaceBracketRequest {
        dry_run: true,
        ..unnamed
    };
    let dry = stub.place_bracket(dry).await.unwrap().into_inner();
    assert_eq!((dry.entry, dry.request_id.as_str()), (None, ""));
    assert!(dry.entry_payload.is_some() && dry.stop_loss_payload.is_some());
    assert_eq!(dry.take_profit_payload, None);
    world.end().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_bracket_names_the_part_and_the_field() {
    let world = World::start().await;
    let wrong = pb::PlaceBracketRequest {
        entry: Some(pb::Order {
            tif: pb::order::TimeInForce::Ioc.into(),
            ..market()
        }),
        take_profit: Some(pb::TakeProfit::default()),
        stop_loss: Some(pb::StopLoss {
            stop_price: "1".to_owned(),
            tif: pb::order::TimeInForce::Fok.into(),
            ..pb::StopLoss::default()
        }),
        request_id: "wrong".to_owned(),
        ..pb::PlaceBracketRequest::default()
    };
    let error = refused(world.stub().await.place_bracket(wrong).await);
    assert_eq!(error.reason, "ORDER_INVALID");
    let violations = &error.details.bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
    assert_eq!(
        fields,
        ["entry.tif", "take_profit.limit_price", "stop_loss.tif"]
    );
    world.end().await;
}

#[tokio::test]
async fn where_it_is_allowed_an_order_that_transmits_needs_no_request_id() {
    let world = World::plan(Plan {
        settings: Some(Box::new(|settings| settings.allow_unnamed_place = true)),
        ..Plan::default()
    })
    .await;
    let unnamed = pb::PlaceRequest {
        request_id: String::new(),
        ..place(market())
    };
    let placed = world
        .stub()
        .await
        .place(unnamed)
        .await
        .unwrap()
        .into_inner();
    assert!(placed.submitted && !placed.request_id.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_wrong_request_names_its_field() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let wrong: [(&str, Result<(), tonic::Status>); 17] = [
        (
            "timeout",
            stub.place(pb::PlaceRequest {
                timeout: seconds(-1),
                ..place(market())
            })
            .await
            .map(drop),
        ),
        (
            "timeout",
            stub.place(pb::PlaceRequest {
                timeout: seconds(i64::MAX),
                ..place(market())
            })
            .await
            .map(drop),
        ),
        (
            "order.tif",
            stub.place(place(pb::Order {
                tif: 99,
                ..market()
            }))
            .await
            .map(drop),
        ),
        (
            "request_id",
            stub.place(pb::PlaceRequest {
                request_id: "x".repeat(129),
                ..place(market())
            })
            .await
            .map(drop),
        ),
        (
            "order_id",
            stub.get(pb::GetRequest::default()).await.map(drop),
        ),
        (
            "order_id",
            stub.get(pb::GetRequest {
                order: Some(pb::get_request::Order::OrderId(0)),
                ..pb::GetRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "placed_as",
            stub.get(pb::GetRequest {
                order: Some(pb::get_request::Order::PlacedAs(String::new())),
                ..pb::GetRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "order_id",
            stub.cancel(pb::CancelRequest::default()).await.map(drop),
        ),
        (
            "placed_as",
            stub.cancel(pb::CancelRequest {
                order: Some(pb::cancel_request::Order::PlacedAs(String::new())),
                ..pb::CancelRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "request_id",
            stub.cancel(pb::CancelRequest {
                order: Some(pb::cancel_request::Order::OrderId(1)),
                request_id: "x".repeat(129),
                ..pb::CancelRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "order_id",
            stub.transmit(pb::TransmitRequest {
                order: Some(pb::transmit_request::Order::OrderId(-1)),
                ..pb::TransmitRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "request_id",
            stub.transmit(pb::TransmitRequest {
                order: Some(pb::transmit_request::Order::OrderId(1)),
                request_id: "\u{7f}".to_owned(),
                ..pb::TransmitRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "placed_as",
            stub.watch(pb::WatchRequest {
                order: Some(pb::watch_request::Order::PlacedAs(String::new())),
                ..pb::WatchRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "order_id",
            stub.watch(pb::WatchRequest {
                order: Some(pb::watch_request::Order::OrderId(-1)),
                ..pb::WatchRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "page_token",
            stub.list(pb::ListRequest {
                page_token: "nonsense".to_owned(),
                ..pb::ListRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "page_size",
            stub.list(pb::ListRequest {
                page_size: -1,
                ..pb::ListRequest::default()
            })
            .await
            .map(drop),
        ),
        (
            "max_wait",
            stub.watch(pb::WatchRequest {
                max_wait: seconds(-5),
                ..pb::WatchRequest::default()
            })
            .await
            .map(drop),
        ),
    ];
    for (field, answer) in wrong {
        names(field, answer);
    }
    world.end().await;
}

fn names(field: &str, answer: Result<(), tonic::Status>) {
    let error = refused(answer);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::InvalidArgument, "REQUEST_INVALID"),
        "{field}: {}",
        error.message
    );
    let violations = &error
        .details
        .bad_request()
        .unwrap_or_else(|| panic!("{field}: no BadRequest"))
        .field_violations;
    assert_eq!(violations[0].field, field);
}

#[tokio::test]
async fn no_call_waits_longer_than_a_day_whatever_its_deadline() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let too_long = seconds(86_401);
    for deadline in [None, Some(Duration::from_secs(5))] {
        let health = timed(pb::HealthRequest { timeout: too_long }, deadline);
        names("timeout", stub.health(health).await.map(drop));
        let order = pb::PlaceRequest {
            timeout: too_long,
            ..place(market())
        };
        names(
            "timeout",
            stub.place(timed(order, deadline)).await.map(drop),
        );
        let transmit = pb::TransmitRequest {
            order: Some(pb::transmit_request::Order::OrderId(1)),
            timeout: too_long,
            ..pb::TransmitRequest::default()
        };
        names(
            "timeout",
            stub.transmit(timed(transmit, deadline)).await.map(drop),
        );
        let cancel = pb::CancelRequest {
            order: Some(pb::cancel_request::Order::OrderId(1)),
            timeout: too_long,
            ..pb::CancelRequest::default()
        };
        names(
            "timeout",
            stub.cancel(timed(cancel, deadline)).await.map(drop),
        );
        let watch = pb::WatchRequest {
            max_wait: too_long,
            ..pb::WatchRequest::default()
        };
        names(
            "max_wait",
            stub.watch(timed(watch, deadline)).await.map(drop),
        );
    }
    world.end().await;
}

fn timed<T>(message: T, deadline: Option<Duration>) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    request
}
