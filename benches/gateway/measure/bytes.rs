//! Bytes between a caller and the gateway, counted by a tap between them.

use prost::Message;

use crate::Fallible;
use crate::load::{Until, closed_loop, place_request, place_resting, resting_order};
use crate::peers::pb::order_service_client::OrderServiceClient;
use crate::report::{Report, Target};
use crate::rig::{GatewayOptions, connect, gateway};
use crate::tap::{Tap, Way};

/// Header compression has learned everything by then.
const WARM: u64 = 20;
const CALLS: u64 = 200;

pub(crate) async fn count(report: &mut Report) -> Fallible<()> {
    let server = gateway(GatewayOptions::default()).await?;
    let tap = Tap::before(server.address).await?;
    let channel = connect(tap.address).await?;
    closed_loop(
        std::slice::from_ref(&channel),
        1,
        Until::Calls(WARM),
        |stub, number| place_resting(stub, 1_000 + number),
    )
    .await?;
    let before = (tap.bytes(Way::ToClient), tap.bytes(Way::ToServer));
    closed_loop(
        std::slice::from_ref(&channel),
        1,
        Until::Calls(CALLS),
        |stub, number| place_resting(stub, 2_000 + number),
    )
    .await?;
    let answer = (tap.bytes(Way::ToClient) - before.0) as f64 / CALLS as f64;
    let request = (tap.bytes(Way::ToServer) - before.1) as f64 / CALLS as f64;
    let message = OrderServiceClient::new(channel)
        .place(place_request(
            "bytes".to_owned(),
            resting_order(),
            std::time::Duration::from_secs(5),
        ))
        .await?
        .into_inner();
    report.add(
        "Bytes on the wire of a Place answer",
        answer,
        "B",
        Target::None,
        format!(
            "HTTP/2 frames, headers and trailers included; the message alone {} B; the request {request:.0} B; {CALLS} calls",
            message.encoded_len()
        ),
    );
    Ok(())
}
