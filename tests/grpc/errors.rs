//! Every row of the published error table, as a caller with `google.rpc` types decodes it.

use std::time::Duration;

use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::wire::pb;
use pb::order_state::Status;
use tonic::Code;

use crate::world::{Plan, World, market, millis, place, refused, resting, seconds};

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
async fn without_tws_nothing_is_sent_and_a_retry_is_offered() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    let error = refused(
        stub.place(pb::PlaceRequest {
            timeout: millis(300),
            ..place(market())
        })
        .await,
    );
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "TWS_UNAVAILABLE")
    );
    assert_eq!(error.message, "could not connect to TWS");
    assert!(error.details.retry_info().unwrap().retry_delay.is_some());
    let health = stub
        .health(pb::HealthRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(!health.connected);
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
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
async fn a_live_account_is_refused() {
    let simulator = SimulatorConfig {
        accounts: vec!["U7654321".to_owned()],
        ..SimulatorConfig::on_free_port()
    };
    let world = World::plan(Plan {
        simulator: Some(simulator),
        ..Plan::default()
    })
    .await;
    let error = refused(world.stub().await.place(place(market())).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::FailedPrecondition, "LIVE_ACCOUNT")
    );
    let failure = error.details.precondition_failure().unwrap();
    assert_eq!(failure.violations[0].subject, "account");
    world.end().await;
}

#[tokio::test]
async fn while_tws_has_lost_ib_nothing_is_sent() {
    let world = World::start().await;
    let mut link = world.gateway.link();
    world.control().lose_ib().await.unwrap();
    link.wait_for(|link| !link.ib_connected).await.unwrap();
    let mut stub = world.stub().await;
    let error = refused(
        stub.place(pb::PlaceRequest {
            timeout: millis(500),
            ..place(market())
        })
        .await,
    );
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "IB_UNAVAILABLE")
    );
    assert!(error.details.retry_info().is_some());
    assert!(
        stub.list(pb::ListRequest::default())
            .await
            .unwrap()
            .into_inner()
            .orders
            .is_empty()
    );
    world.end().await;
}

#[tokio::test]
async fn more_orders_than_tws_may_be_sent_in_time_are_refused_before_they_are_stored() {
    let world = World::plan(Plan {
        config: Some(Box::new(|config| config.ib_max_messages_per_second = 10)),
        ..Plan::default()
    })
    .await;
    let stub = world.stub().await;
    let calls: Vec<_> = (0..60)
        .map(|_| {
            let mut stub = stub.clone();
            tokio::spawn(async move {
                stub.place(pb::PlaceRequest {
                    timeout: millis(300),
                    ..place(resting())
                })
                .await
            })
        })
        .collect();
    let (mut placed, mut paced) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => placed += 1,
            refusal => {
                let error = refused(refusal);
                assert_eq!(
                    (error.code, error.reason.as_str()),
                    (Code::ResourceExhausted, "PACING")
                );
                assert!(error.details.retry_info().unwrap().retry_delay.is_some());
                paced += 1;
            }
        }
    }
    assert!(
        placed >= 1 && paced >= 20,
        "{placed} placed, {paced} refused"
    );
    let stored = stub
        .clone()
        .list(pb::ListRequest::default())
        .await
        .unwrap()
        .into_inner()
        .orders
        .len();
    assert_eq!(stored, placed);
    world.end().await;
}

#[tokio::test]
async fn a_wrong_request_names_its_field() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let wrong: [(&str, Result<(), tonic::Status>); 9] = [
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
            "request_id",
            stub.get(pb::GetRequest {
                order_id: 1,
                request_id: "r".to_owned(),
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
                page_size: 1_001,
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
    world.end().await;
}

#[tokio::test]
async fn a_store_of_other_accounts_sends_nothing() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    stub.place(place(market())).await.unwrap();
    world
        .control()
        .set_accounts(vec!["DU9999999".to_owned()])
        .await
        .unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    world.connected(true).await;
    let error = refused(
        stub.place(pb::PlaceRequest {
            timeout: seconds(2),
            ..place(market())
        })
        .await,
    );
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::FailedPrecondition, "STORE_MISMATCH")
    );
    assert_eq!(
        error.details.precondition_failure().unwrap().violations[0].subject,
        "store"
    );
    world.end().await;
}

#[tokio::test]
async fn an_unknown_order_is_not_found() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let answers = [
        stub.get(pb::GetRequest {
            order_id: 4_242,
            ..pb::GetRequest::default()
        })
        .await
        .map(drop),
        stub.get(pb::GetRequest {
            request_id: "never".to_owned(),
            ..pb::GetRequest::default()
        })
        .await
        .map(drop),
        stub.transmit(pb::TransmitRequest {
            order_id: 4_242,
            ..pb::TransmitRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order_id: 4_242,
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
        stub.watch(pb::WatchRequest {
            order_id: 4_242,
            timeout: millis(200),
            ..pb::WatchRequest::default()
        })
        .await
        .map(drop),
    ];
    for answer in answers {
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::NotFound, "ORDER_NOT_FOUND")
        );
    }
    world.end().await;
}

#[tokio::test]
async fn an_order_that_ended_can_be_neither_released_nor_cancelled() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let rejected = stub
        .place(place(pb::Order {
            symbol: "NOSUCHTHING".to_owned(),
            ..market()
        }))
        .await
        .unwrap()
        .into_inner();
    let filled = stub
        .place(place(market()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let mut watch = stub
        .watch(pb::WatchRequest {
            order_id: filled,
            ..pb::WatchRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    while watch.message().await.unwrap().is_some() {}
    for answer in [
        stub.transmit(pb::TransmitRequest {
            order_id: rejected.order_id,
            ..pb::TransmitRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order_id: rejected.order_id,
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order_id: filled,
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
    ] {
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::FailedPrecondition, "ORDER_STATE")
        );
        assert_eq!(
            error.details.precondition_failure().unwrap().violations[0].r#type,
            "ORDER_STATE"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_watch_that_may_not_last_says_so_at_its_end() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let order_id = stub
        .place(place(resting()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let request = pb::WatchRequest {
        order_id,
        max_wait: millis(200),
        ..pb::WatchRequest::default()
    };
    let mut watch = stub.watch(request).await.unwrap().into_inner();
    let error = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch of a resting order ended well"),
            Err(status) => break refused::<()>(Err(status)),
        }
    };
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::DeadlineExceeded, "MAX_WAIT")
    );
    world.end().await;
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    for after_sequence in [1, u64::MAX] {
        let request = pb::WatchRequest {
            after_sequence,
            ..pb::WatchRequest::default()
        };
        let answer = match stub.watch(request).await {
            Ok(watch) => watch.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        };
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::OutOfRange, "SEQUENCE"),
            "{after_sequence}"
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_store_that_cannot_be_written_sends_nothing_and_works_again_afterwards() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    // Somebody else's tool holds the write lock for longer than a writer waits for it.
    let held = tokio_rusqlite::rusqlite::Connection::open(&world.config.order_db_path).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let request = pb::PlaceRequest {
        timeout: seconds(15),
        request_id: "kept-out".to_owned(),
        ..place(market())
    };
    let error = refused(stub.place(request.clone()).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "STORE")
    );
    assert!(error.details.retry_info().is_some());
    held.execute_batch("ROLLBACK").unwrap();
    let control = world.control();
    let orders = control.inspect(|view| view.orders().len()).await.unwrap();
    assert_eq!(orders, 0, "something was sent");
    let placed = stub.place(request).await.unwrap().into_inner();
    assert!(placed.submitted && !placed.replayed);
    world.end().await;
}

#[tokio::test]
async fn the_callers_deadline_comes_before_the_orders_timeout() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let mut request = tonic::Request::new(pb::PlaceRequest {
        timeout: seconds(20),
        ..place(market())
    });
    request.set_timeout(Duration::from_millis(400));
    let started = std::time::Instant::now();
    // Our own answer, and not the library's: it came before the deadline.
    let error = refused(world.stub().await.place(request).await);
    assert_eq!(error.reason, "TWS_UNAVAILABLE");
    assert!(
        started.elapsed() < Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
    world.end().await;
}

#[tokio::test]
async fn a_watch_ends_with_a_word_before_the_callers_deadline() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let order_id = stub
        .place(place(resting()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let mut request = tonic::Request::new(pb::WatchRequest {
        order_id,
        ..pb::WatchRequest::default()
    });
    request.set_timeout(Duration::from_millis(500));
    let mut watch = stub.watch(request).await.unwrap().into_inner();
    let status = loop {
        match watch.message().await {
            Ok(Some(update)) => drop(update),
            Ok(None) => panic!("the watch of a resting order ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(refused::<()>(Err(status)).reason, "MAX_WAIT");
    let state = stub
        .get(pb::GetRequest {
            order_id,
            ..pb::GetRequest::default()
        })
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert!(matches!(
        state.status(),
        Status::Submitted | Status::PreSubmitted
    ));
    world.end().await;
}
