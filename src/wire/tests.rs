//! Requests and answers there and back.

use super::*;
use crate::domain::{
    CancelIn, GetIn, GetOut, HealthIn, ListIn, OrderError, OrderKey, PlaceIn, Status, TransmitIn,
    Violation, WatchIn,
};
use crate::error::Reason;

#[test]
fn an_order_is_named_by_exactly_one_of_its_names() {
    use pb::get_request::Order::{OrderId, PlacedAs};
    let named = |order| {
        let request = pb::GetRequest {
            order,
            ..pb::GetRequest::default()
        };
        GetIn::try_from(request).map(|input| input.order)
    };
    assert_eq!(named(Some(OrderId(5))), Ok(OrderKey::OrderId(5)));
    assert_eq!(
        named(Some(PlacedAs("r".to_owned()))),
        Ok(OrderKey::RequestId("r".to_owned()))
    );
    let error = named(None).unwrap_err();
    assert_eq!(error.reason, Reason::RequestInvalid);
    assert!(error.message.contains("placed_as"), "{error}");
}

#[test]
fn a_watch_is_of_one_order_or_with_the_id_0_of_all() {
    use pb::watch_request::Order::{OrderId, PlacedAs};
    for (order, meant) in [
        (None, None),
        (Some(OrderId(0)), None),
        (Some(OrderId(7)), Some(OrderKey::OrderId(7))),
        (
            Some(PlacedAs("r".to_owned())),
            Some(OrderKey::RequestId("r".to_owned())),
        ),
    ] {
        let request = pb::WatchRequest {
            order,
            ..pb::WatchRequest::default()
        };
        let watch = WatchIn::try_from(request).unwrap();
        assert_eq!(watch.order, meant);
        // The client says it so that it reads back the same.
        assert_eq!(
            WatchIn::try_from(pb::WatchRequest::from(watch.clone())),
            Ok(watch)
        );
    }
}

#[test]
fn an_empty_request_has_every_default() {
    let place = PlaceIn::try_from(pb::PlaceRequest::default()).unwrap();
    assert_eq!(
        (place.timeout, place.request_id, place.transmit),
        (5.0, None, false)
    );
    assert_eq!(
        WatchIn::try_from(pb::WatchRequest::default()),
        Ok(WatchIn::new(0))
    );
    assert_eq!(
        HealthIn::try_from(pb::HealthRequest::default()),
        Ok(HealthIn::default())
    );
    assert_eq!(
        ListIn::try_from(pb::ListRequest::default()),
        Ok(ListIn::default())
    );
}

#[test]
fn requests_of_the_client_read_back_as_they_were_meant() {
    let watch = WatchIn {
        max_wait: Some(0.25),
        after_sequence: 9,
        with_family: true,
        ..WatchIn::new(4)
    };
    assert_eq!(
        WatchIn::try_from(pb::WatchRequest::from(watch.clone())),
        Ok(watch)
    );
    let transmit = TransmitIn {
        request_id: Some("release".to_owned()),
        ..TransmitIn::within(OrderKey::RequestId("r".to_owned()), 1.5)
    };
    assert_eq!(
        TransmitIn::try_from(pb::TransmitRequest::from(transmit.clone())),
        Ok(transmit)
    );
    let cancel = CancelIn {
        request_id: Some("away".to_owned()),
        with_sibling: true,
        ..CancelIn::within(OrderKey::OrderId(3), 0.0)
    };
    assert_eq!(
        CancelIn::try_from(pb::CancelRequest::from(cancel.clone())),
        Ok(cancel)
    );
    let list = ListIn {
        statuses: vec![Status::Filled, Status::Unknown],
        symbol: Some("AAPL".to_owned()),
        bracket_id: Some(5),
        page_size: 7,
        page_token: "t".to_owned(),
    };
    assert_eq!(
        ListIn::try_from(pb::ListRequest::from(list.clone())),
        Ok(list)
    );
}

#[test]
fn an_order_with_its_fills_and_its_exits_survives_the_wire() {
    let (order, fill) = (state::tests::full_state(), state::tests::full_fill());
    let found = GetOut {
        legs: vec![order.clone(), order.clone()],
        order,
        fills: vec![fill],
        next_page_token: Some("more".to_owned()),
    };
    assert_eq!(
        GetOut::try_from(pb::GetResponse::from(found.clone())),
        Ok(found)
    );
}

#[test]
fn what_the_store_counts_of_a_row_is_more_than_its_message_has() {
    use prost::Message as _;
    // Pages end by the bytes of their rows as JSON: a message must not be larger.
    let (state, fill) = (state::tests::full_state(), state::tests::full_fill());
    let json = serde_json::to_vec(&state).unwrap().len();
    assert!(pb::OrderState::from(state).encoded_len() < json);
    let json = serde_json::to_vec(&fill).unwrap().len();
    assert!(pb::Fill::from(fill).encoded_len() < json);
}

#[test]
fn a_filter_by_no_status_or_one_nobody_knows_is_refused() {
    for number in [0, 99] {
        let request = pb::ListRequest {
            statuses: vec![number],
            ..pb::ListRequest::default()
        };
        assert_eq!(
            ListIn::try_from(request).unwrap_err().reason,
            Reason::RequestInvalid
        );
    }
}

#[test]
fn errors_of_a_validation_keep_their_input() {
    let violation =
        OrderError::Violation(Violation::field("enum", "tif", "use DAY", "NEVER".into()));
    let wire = pb::OrderError::from(violation.clone());
    assert_eq!(
        (wire.r#type.as_str(), wire.input.as_str()),
        ("enum", "\"NEVER\"")
    );
    assert_eq!(OrderError::from(wire), violation);
}
