//! The traces it exports, in a program that was built to.

use std::sync::{Arc, Mutex};

use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;

use crate::process::{Served, dir};

/// A collector that takes what is exported and keeps the bytes.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    use http_body_util::{BodyExt as _, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    assert!(request.uri().path().ends_with("TraceService/Export"));
                    let body = request.into_body().collect().await?.to_bytes();
                    kept.lock().unwrap().extend_from_slice(&body);
                    // An empty message.
                    let trailers = http::HeaderMap::from_iter([(
                        http::HeaderName::from_static("grpc-status"),
                        http::HeaderValue::from_static("0"),
                    )]);
                    let body = Full::new(bytes::Bytes::from_static(&[0; 5]))
                        .with_trailers(async move { Some(Ok(trailers)) });
                    let mut response = hyper::Response::new(body);
                    response.headers_mut().insert(
                        "content-type",
                        http::HeaderValue::from_static("application/grpc"),
                    );
                    Ok::<_, hyper::Error>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, received)
}

#[tokio::test]
async fn calls_are_exported_as_parts_of_their_callers_trace() {
    let dir = dir();
    let (url, received) = collector().await;
    let served = Served::start_with(&dir, &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).await;
    let mut stub = OrderServiceClient::connect(served.url()).await.unwrap();
    let mut request = tonic::Request::new(pb::HealthRequest::default());
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    stub.health(request).await.unwrap();
    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    let received = received.lock().unwrap();
    let has = |part: &[u8]| received.windows(part.len()).any(|window| window == part);
    assert!(
        has(&0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes()),
        "not in the caller's trace"
    );
    assert!(
        has(&0xb7ad_6b71_6920_3331_u64.to_be_bytes()),
        "not below the caller's span"
    );
    assert!(has(b"ibkr.orders.v1.OrderService/Health"));
    assert!(has(b"ibkr-orders"));
}
