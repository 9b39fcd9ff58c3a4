//! Reflection in both versions, asked as grpcurl asks: list, then the file of a symbol.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{FileDescriptorProto, MethodOptions};
use tokio_stream::iter;

use crate::world::{Plan, World};

const SERVICE: &str = "ibkr.orders.v1.OrderService";

macro_rules! reflects {
    ($test:ident, $version:ident) => {
        #[tokio::test]
        async fn $test() {
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

            let world = World::plan(Plan {
                without_tws: true,
                ..Plan::default()
            })
            .await;
            let ask = |request| ServerReflectionRequest {
                host: String::new(),
                message_request: Some(request),
            };
            let questions = [
                ask(MessageRequest::ListServices(String::new())),
                ask(MessageRequest::FileContainingSymbol(SERVICE.to_owned())),
                ask(MessageRequest::FileByFilename(
                    "google/protobuf/duration.proto".to_owned(),
                )),
                ask(MessageRequest::FileContainingSymbol(
                    "no.such.Thing".to_owned(),
                )),
            ];
            let mut client = ServerReflectionClient::new(world.channel().await);
            let mut answers = client
                .server_reflection_info(iter(questions))
                .await
                .unwrap()
                .into_inner();
            let mut next = async || {
                answers
                    .message()
                    .await
                    .unwrap()
                    .unwrap()
                    .message_response
                    .unwrap()
            };

            let MessageResponse::ListServicesResponse(list) = next().await else {
                panic!("no list")
            };
            let names: BTreeSet<_> = list
                .service
                .into_iter()
                .map(|service| service.name)
                .collect();
            assert!(
                names.contains(SERVICE) && names.contains("grpc.health.v1.Health"),
                "{names:?}"
            );

            let MessageResponse::FileDescriptorResponse(file) = next().await else {
                panic!("no file")
            };
            let file =
                FileDescriptorProto::decode(file.file_descriptor_proto[0].as_slice()).unwrap();
            let methods: Vec<_> = file.service[0]
                .method
                .iter()
                .map(|method| method.name())
                .collect();
            assert_eq!(
                methods,
                [
                    "Health",
                    "Validate",
                    "Place",
                    "PlaceBracket",
                    "Watch",
                    "Transmit",
                    "Cancel",
                    "Replace",
                    "Preview",
                    "Get",
                    "List"
                ]
            );
            let methods: Vec<_> = file.service[1]
                .method
                .iter()
                .map(|method| method.name())
                .collect();
            assert_eq!(methods, ["ListPositions", "GetAccount", "WatchAccount"]);
            // The path that packages compile the schema under: two files of one name cannot be in one program.
            assert_eq!(file.name(), "ibkr/orders/v1/orders.proto");
            let options = file.options.as_ref().unwrap();
            assert_eq!(options.java_outer_classname(), "OrdersProto");
            for method in &file.service[0].method {
                let level = method
                    .options
                    .as_ref()
                    .map(MethodOptions::idempotency_level)
                    .unwrap_or_default();
                let meant = match method.name() {
                    // It is idempotent by its request_id only.
                    "Place" | "PlaceBracket" | "Replace" | "Preview" => {
                        IdempotencyLevel::IdempotencyUnknown
                    }
                    "Transmit" | "Cancel" => IdempotencyLevel::Idempotent,
                    _ => IdempotencyLevel::NoSideEffects,
                };
                assert_eq!(level, meant, "{}", method.name());
            }
            let comments = file.source_code_info.unwrap().location;
            assert!(
                comments
                    .iter()
                    .any(|location| location.leading_comments().contains("Stores an order"))
            );

            assert!(matches!(
                next().await,
                MessageResponse::FileDescriptorResponse(_)
            ));
            let unknown = answers.message().await.unwrap_err();
            assert_eq!(unknown.code(), tonic::Code::NotFound);
            world.end().await;
        }
    };
}

reflects!(version_1_describes_the_service_with_its_comments, v1);
reflects!(
    version_1_alpha_describes_the_service_with_its_comments,
    v1alpha
);
