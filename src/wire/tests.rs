//! Requests and answers there and back.

use super::*;
use crate::domain::{HealthIn, ListIn, OrderError, OrderKey, PlaceIn, Status, Violation, WatchIn};
use crate::error::Reason;

#[test]
fn an_order_is_named_by_exactly_one_of_its_names() {
    let named = |order_id, request_id: &str| {
        OrderKey::try_from(pb::GetRequest {
            order_id,
            request_id: request_id.to_owned(),
        })
    };
    assert_eq!(named(5, ""), Ok(OrderKey::OrderId(5)));
    assert_eq!(named(0, "r"), Ok(OrderKey::RequestId("r".to_owned())));
    for (order_id, request_id) in [(0, ""), (5, "r"), (-1, ""), (-1, "r")] {
        let error = named(order_id, request_id).unwrap_err();
        assert_eq!(
            error.reason,
            Reason::RequestInvalid,
            "{order_id} {request_id:?}"
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
        ..WatchIn::new(4)
    };
    assert_eq!(
        WatchIn::try_from(pb::WatchRequest::from(watch.clone())),
        Ok(watch)
    );
    let key = OrderKey::RequestId("r".to_owned());
    assert_eq!(
        transmit_in(transmit_request(key.clone(), 1.5)),
        Ok((key.clone(), 1.5))
    );
    assert_eq!(cancel_in(cancel_request(key.clone(), 0.0)), Ok((key, 0.0)));
    let list = ListIn {
        status: vec![Status::Filled, Status::Unknown],
        symbol: Some("AAPL".to_owned()),
        page_size: 7,
        page_token: "t".to_owned(),
    };
    assert_eq!(
        ListIn::try_from(pb::ListRequest::from(list.clone())),
        Ok(list)
    );
}

#[test]
fn a_filter_by_no_status_or_one_nobody_knows_is_refused() {
    for number in [0, 99] {
        let request = pb::ListRequest {
            status: vec![number],
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
