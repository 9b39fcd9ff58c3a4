//! Every method on the good path.

use ibkr_orders::wire::pb;
use pb::order_state::Status;
use pb::watch_response::Event;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use crate::world::{World, market, place, refused, resting};

#[tokio::test]
async fn health_says_who_is_connected() {
    let world = World::start().await;
    let health = world
        .stub()
        .await
        .health(pb::HealthRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert!(health.connected && health.ib_connected && health.store_ok);
    assert_eq!(health.paper, Some(true));
    assert_eq!(health.accounts, ["DU1234567"]);
    assert_eq!(health.client_id, 7);
    assert!(health.next_valid_id.is_some_and(|id| id > 0));
    world.end().await;
}

#[tokio::test]
async fn an_order_is_placed_and_watched_to_its_fill_with_its_commission() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let placed = stub.place(place(market())).await.unwrap().into_inner();
    assert!(placed.submitted && !placed.replayed && !placed.request_id.is_empty());
    assert!(placed.contract.is_some() && placed.order_payload.is_some());
    let request = pb::WatchRequest {
        order: Some(pb::watch_request::Order::OrderId(placed.order_id)),
        ..pb::WatchRequest::default()
    };
    let mut updates = stub.watch(request).await.unwrap().into_inner();
    let (mut last, mut fills, mut sequence) = (None, 0, 0);
    while let Some(update) = updates.message().await.unwrap() {
        assert!(update.sequence >= sequence, "sequences go back");
        sequence = update.sequence;
        match update.event.unwrap() {
            Event::Order(state) => last = Some(state),
            Event::Fill(_) => fills += 1,
            Event::SnapshotEnd(_) | Event::Link(_) | Event::Heartbeat(_) => {}
        }
    }
    let last = last.unwrap();
    assert_eq!(last.status(), Status::Filled);
    assert!(
        last.terminal && last.avg_fill_price.is_some() && last.commission.is_some(),
        "{last:?}"
    );
    assert_eq!((last.filled.as_str(), last.remaining.as_str()), ("1", "0"));

    let got = stub
        .get(pb::GetRequest {
            order: Some(pb::get_request::Order::PlacedAs(placed.request_id)),
            ..pb::GetRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(got.order.unwrap().order_id, placed.order_id);
    assert_eq!(got.fills.len(), 1);
    assert!(got.fills[0].commission.is_some());
    // The fill may have come before the watch began.
    assert!(fills <= 1);
    world.end().await;
}

#[tokio::test]
async fn a_staged_order_is_released_by_transmit_and_another_discarded_by_cancel() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let staged = pb::PlaceRequest {
        order: Some(resting()),
        ..pb::PlaceRequest::default()
    };
    let first = stub.place(staged.clone()).await.unwrap().into_inner();
    assert_eq!(first.state.unwrap().status(), Status::Staged);
    let request = pb::TransmitRequest {
        order: Some(pb::transmit_request::Order::OrderId(first.order_id)),
        ..pb::TransmitRequest::default()
    };
    let released = stub
        .transmit(request.clone())
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert!(
        released.transmit && released.status() != Status::Staged,
        "{released:?}"
    );
    assert!(stub.transmit(request).await.is_ok());

    let second = stub.place(staged).await.unwrap().into_inner();
    let request = pb::CancelRequest {
        order: Some(pb::cancel_request::Order::PlacedAs(second.request_id)),
        ..pb::CancelRequest::default()
    };
    let discarded = stub
        .cancel(request)
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert_eq!(discarded.status(), Status::Cancelled);
    world.end().await;
}

#[tokio::test]
async fn a_request_id_makes_one_order() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let request = pb::PlaceRequest {
        request_id: "desk-1".to_owned(),
        ..place(market())
    };
    let first = stub.place(request.clone()).await.unwrap().into_inner();
    let again = stub.place(request).await.unwrap().into_inner();
    assert_eq!((first.order_id, first.replayed), (again.order_id, false));
    assert!(again.replayed);
    world.end().await;
}

#[tokio::test]
async fn orders_are_listed_page_by_page_newest_first() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    for _ in 0..5 {
        stub.place(place(resting())).await.unwrap();
    }
    let (mut token, mut ids) = (String::new(), Vec::new());
    loop {
        let request = pb::ListRequest {
            page_size: 2,
            page_token: token,
            symbol: "AAPL".to_owned(),
            ..pb::ListRequest::default()
        };
        let page = stub.list(request).await.unwrap().into_inner();
        assert!(page.orders.len() <= 2);
        ids.extend(page.orders.into_iter().map(|order| order.order_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(ids.len(), 5);
    assert!(ids.is_sorted_by(|newer, older| newer > older), "{ids:?}");
    let none = pb::ListRequest {
        statuses: vec![Status::Rejected.into()],
        ..pb::ListRequest::default()
    };
    assert!(
        stub.list(none)
            .await
            .unwrap()
            .into_inner()
            .orders
            .is_empty()
    );
    world.end().await;
}

#[tokio::test]
async fn a_rejection_by_tws_is_an_answer_and_not_an_error() {
    let world = World::start().await;
    let order = pb::Order {
        symbol: "NOSUCHTHING".to_owned(),
        ..market()
    };
    let placed = world
        .stub()
        .await
        .place(place(order))
        .await
        .unwrap()
        .into_inner();
    let state = placed.state.unwrap();
    assert_eq!(
        (state.status(), state.last_error_code),
        (Status::Rejected, Some(200))
    );
    world.end().await;
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_stores_nothing() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let request = pb::PlaceRequest {
        dry_run: true,
        ..place(pb::Order {
            client_tag: Some("tag".to_owned()),
            ..market()
        })
    };
    let dry = stub.place(request).await.unwrap().into_inner();
    assert!(dry.dry_run && !dry.submitted && dry.order_id == 0 && dry.state.is_none());
    assert_eq!(dry.effective_order_ref.as_deref(), Some("tag"));
    let order = dry.order_request.unwrap();
    assert_eq!(
        (order.exchange.as_deref(), order.transmit),
        (Some("SMART"), Some(true))
    );
    assert_eq!(world.orders().await, []);
    world.end().await;
}

#[tokio::test]
async fn compressed_requests_are_read() {
    let world = World::start().await;
    let mut stub = world
        .stub()
        .await
        .send_compressed(CompressionEncoding::Gzip);
    let request = pb::ValidateRequest {
        order: Some(market()),
        transmit: false,
    };
    assert!(stub.validate(request).await.unwrap().into_inner().valid);
    world.end().await;
}

#[tokio::test]
async fn an_order_that_works_is_replaced_once_under_its_request_id() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let placed = stub.place(place(resting())).await.unwrap().into_inner();
    let before = placed.state.unwrap();
    let named = || {
        Some(pb::replace_request::Order::PlacedAs(
            placed.request_id.clone(),
        ))
    };
    let request = pb::ReplaceRequest {
        order: named(),
        quantity: Some("7".to_owned()),
        limit_price: Some("1.25".to_owned()),
        expected_revision: Some(before.terms_revision),
        request_id: "change-1".to_owned(),
        ..pb::ReplaceRequest::default()
    };

    // What would be sent, with nothing sent.
    let dry = pb::ReplaceRequest {
        dry_run: true,
        ..request.clone()
    };
    let dry = stub.replace(dry).await.unwrap().into_inner();
    assert!(
        dry.contract.is_some() && dry.order_payload.is_some(),
        "{dry:?}"
    );

    let first = stub.replace(request.clone()).await.unwrap().into_inner();
    assert_eq!(
        (first.request_id.as_str(), first.replayed),
        ("change-1", false)
    );
    let order = first.order.unwrap();
    let replacement = order.replacement.clone().unwrap();
    assert_eq!(
        replacement.status(),
        pb::replacement::Status::Accepted,
        "{order:?}"
    );
    assert_eq!(
        (
            order.order_id,
            order.quantity.as_str(),
            order.limit_price.as_deref()
        ),
        (before.order_id, "7", Some("1.25"))
    );
    assert_eq!(replacement.request_id, "change-1");

    let again = stub.replace(request).await.unwrap().into_inner();
    assert!(again.replayed, "{again:?}");

    for (wrong, code, reason) in [
        (
            pb::ReplaceRequest::default(),
            Code::InvalidArgument,
            "REQUEST_INVALID",
        ),
        (
            pb::ReplaceRequest {
                order: named(),
                ..pb::ReplaceRequest::default()
            },
            Code::InvalidArgument,
            "REQUEST_INVALID",
        ),
        (
            pb::ReplaceRequest {
                order: Some(pb::replace_request::Order::OrderId(4_242)),
                quantity: Some("3".to_owned()),
                ..pb::ReplaceRequest::default()
            },
            Code::NotFound,
            "ORDER_NOT_FOUND",
        ),
        (
            pb::ReplaceRequest {
                order: named(),
                limit_price: Some("1.5".to_owned()),
                expected_revision: Some(before.terms_revision),
                ..pb::ReplaceRequest::default()
            },
            Code::Aborted,
            "ORDER_CHANGED",
        ),
    ] {
        let error = refused(stub.replace(wrong).await);
        assert_eq!((error.code, error.reason.as_str()), (code, reason));
    }
    world.end().await;
}
