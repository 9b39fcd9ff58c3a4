//! Places that are refused before anything is sent.

use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::wire::pb;
use tonic::Code;

use test_support::link;

use crate::world::{Plan, World, market, millis, place, refused, resting, seconds};

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
    assert_eq!(world.orders().await, []);
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
    let calls: Vec<_> = (0..100)
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
        placed >= 1 && paced >= 1,
        "{placed} placed, {paced} refused"
    );
    assert_eq!(world.orders().await.len(), placed);
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
    let sessions = link::sessions(&world.gateway);
    world.control().drop_connections().await.unwrap();
    link::session_after(&world.gateway, sessions).await;
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
