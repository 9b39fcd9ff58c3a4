//! Calls with more metadata than a call may have.

use tonic::Code;

use crate::world::{World, refused};
use ibkr_orders::wire::pb;

#[tokio::test]
async fn metadata_beyond_the_bound_is_answered_with_a_status_of_the_gateway() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let with_bytes = |bytes: usize| {
        let mut request = tonic::Request::new(pb::HealthRequest::default());
        request
            .metadata_mut()
            .insert("x-note", "n".repeat(bytes).parse().unwrap());
        request
    };
    for bytes in [16 << 10, 64 << 10, 250 << 10] {
        let error = refused(stub.health(with_bytes(bytes)).await);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::InvalidArgument, "REQUEST_INVALID"),
            "{bytes}: {}",
            error.message
        );
        assert!(error.message.contains("metadata"), "{}", error.message);
    }
    // The connection goes on, and what is within the bound passes.
    assert!(stub.health(with_bytes(12 << 10)).await.is_ok());
    world.end().await;
}
