//! What callers may do: every method, every role and every way to say who one is, through a client on a real socket.

use std::sync::Arc;
use std::time::Duration;

use ibkr_orders::grpc::ServerSettings;
use ibkr_orders::wire::{FILE_DESCRIPTOR_SET, pb};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tokio::sync::Notify;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataValue;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::protection::{Authority, Files, Signed};
use crate::world::{LIMIT, Plan, World, eventually, resting};

const READER: &str = "a-token-that-reads";
const TRADER: &str = "a-token-that-trades";
const ADMIN: &str = "a-token-of-an-admin";
const REVOKED: &str = "a-token-that-was-good";

/// What a method asks of its caller, written here by hand from the documentation: 1 reads, 2 trades, 3 is an admin's.
fn needed(method: &str) -> u8 {
    match method {
        "Health" | "Validate" | "Watch" | "Get" | "List" | "ListPositions" | "GetAccount"
        | "WatchAccount" | "GetLimits" => 1,
        "Place" | "PlaceBracket" | "Preview" | "Transmit" | "Replace" | "Cancel" | "Halt"
        | "CancelAll" => 2,
        "Resume" => 3,
        other => panic!("say here what {other} asks of its caller"),
    }
}

/// The paths of every method of the package, with their names.
fn methods() -> Vec<(String, String)> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let ours = set.file.iter().filter(|f| f.package() == "ibkr.orders.v1");
    let mut found = Vec::new();
    for service in ours.flat_map(|file| &file.service) {
        for method in &service.method {
            let path = format!("/ibkr.orders.v1.{}/{}", service.name(), method.name());
            found.push((path, method.name().to_owned()));
        }
    }
    assert!(found.len() >= 8, "{found:?}");
    found
}

/// How a caller says who it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shown {
    Nothing,
    Token(&'static str),
}

/// Calls a method with an empty request. `Ok` is any answer of the method itself, its own refusals among them.
async fn call(channel: &Channel, path: &str, shown: Shown) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let mut request = Request::new(pb::HealthRequest::default());
    if let Shown::Token(token) = shown {
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let codec: tonic_prost::ProstCodec<pb::HealthRequest, pb::HealthResponse> =
        tonic_prost::ProstCodec::default();
    let path = PathAndQuery::try_from(path).unwrap();
    let streamed = async {
        let mut stream = client.server_streaming(request, path, codec).await?;
        stream.get_mut().message().await.map(drop)
    };
    let answer = tokio::time::timeout(LIMIT, streamed).await.unwrap();
    match answer {
        Err(status)
            if matches!(
                status.code(),
                Code::PermissionDenied | Code::Unauthenticated
            ) =>
        {
            Err(status)
        }
        // An answer of one message does not decode as one of another method: it came all the same.
        Ok(()) | Err(_) => Ok(()),
    }
}

#[track_caller]
fn assert_answer(answer: Result<(), Status>, role: u8, needed: u8, what: &str) {
    match answer {
        Ok(()) => assert!(role >= needed, "{what}: went through"),
        Err(status) => {
            let details = status.get_error_details();
            let reason = details.error_info().unwrap().reason.clone();
            let expected = match role {
                0 => (Code::Unauthenticated, "UNAUTHENTICATED"),
                _ => (Code::PermissionDenied, "ROLE"),
            };
            assert!(role < needed, "{what}: {status:?}");
            assert_eq!((status.code(), reason.as_str()), expected, "{what}");
        }
    }
}

async fn world(change: impl FnOnce(&mut ServerSettings) + 'static) -> World {
    World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(move |settings| {
            settings.reload_interval = Duration::from_millis(20);
            change(settings);
        })),
        ..Plan::default()
    })
    .await
}

async fn secured(world: &World, authority: &Authority, own: Option<&Signed>) -> Channel {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(&authority.pem))
        .domain_name("localhost");
    if let Some(Signed { certificate, key }) = own {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let url = format!("https://localhost:{}", world.address.port());
    let endpoint = Endpoint::from_shared(url).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

fn tokens(revoked: bool) -> String {
    let mut lines = vec![
        format!("{READER} role=read name=reader"),
        format!("{TRADER} role=trade name=trader"),
        format!("{ADMIN} role=admin name=operator"),
    ];
    if !revoked {
        lines.push(format!("{REVOKED} role=admin"));
    }
    lines.join("\n") + "\n"
}

/// Every method with every token, over a channel.
async fn table_of_tokens(channel: &Channel) {
    for (path, method) in methods() {
        for (shown, role) in [
            (Shown::Nothing, 0),
            (Shown::Token("a-token-of-nobody-here"), 0),
            (Shown::Token(REVOKED), 0),
            (Shown::Token(READER), 1),
            (Shown::Token(TRADER), 2),
            (Shown::Token(ADMIN), 3),
        ] {
            let answer = call(channel, &path, shown).await;
            let what = format!("{method} with {shown:?}");
            assert_answer(answer, role, needed(&method), &what);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_allows_what_its_role_does_and_no_more() {
    let files = Files::new();
    let path = files.write("tokens", &tokens(false));
    let world = world(move |settings| settings.token_file = Some(path)).await;
    let channel = world.channel().await;
    call(
        &channel,
        "/ibkr.orders.v1.OrderService/List",
        Shown::Token(REVOKED),
    )
    .await
    .unwrap();
    files.write("tokens", &tokens(true));
    eventually("the token is revoked", async || {
        let path = "/ibkr.orders.v1.OrderService/List";
        call(&channel, path, Shown::Token(REVOKED)).await.is_err()
    })
    .await;
    table_of_tokens(&channel).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_token_allows_the_same() {
    let (authority, files) = (Authority::new(), Files::new());
    let tls = files.tls(&authority.sign("localhost"), None);
    let path = files.write("tokens", &tokens(true));
    let world = world(move |settings| {
        settings.tls = Some(tls);
        settings.token_file = Some(path);
    })
    .await;
    let channel = secured(&world, &authority, None).await;
    table_of_tokens(&channel).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_in_a_certificate_allows_what_the_callers_file_says() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let tls = files.tls(&authority.sign("localhost"), Some(&clients.pem));
    let callers = files.write(
        "callers",
        "reader.example role=read\ntrader.example role=trade\nops.example role=admin\nlowered.example role=admin\nwrong.example role=root\n",
    );
    let world = world(move |settings| {
        settings.tls = Some(tls);
        settings.callers_file = Some(callers);
    })
    .await;
    let lowered = secured(&world, &authority, Some(&clients.sign("lowered.example"))).await;
    let cancel = "/ibkr.orders.v1.OrderService/Cancel";
    call(&lowered, cancel, Shown::Nothing).await.unwrap();
    files.write(
        "callers",
        "reader.example role=read\ntrader.example role=trade\nops.example role=admin\n",
    );
    eventually("the role is taken away", async || {
        call(&lowered, cancel, Shown::Nothing).await.is_err()
    })
    .await;
    for (name, role) in [
        ("reader.example", 1),
        ("trader.example", 2),
        ("ops.example", 3),
        ("lowered.example", 1),
        ("wrong.example", 1),
        ("nobody.example", 1),
    ] {
        let channel = secured(&world, &authority, Some(&clients.sign(name))).await;
        for (path, method) in methods() {
            let answer = call(&channel, &path, Shown::Nothing).await;
            let what = format!("{method} with the certificate of {name}");
            assert_answer(answer, role, needed(&method), &what);
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_roles_whoever_may_call_may_do_everything() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let mutual = files.tls(&authority.sign("localhost"), Some(&clients.pem));
    let plain_tokens = files.write("tokens", &format!("{READER}\n{TRADER} name=trader\n"));
    let by_certificate = world(move |settings| settings.tls = Some(mutual)).await;
    let by_token = world(move |settings| settings.token_file = Some(plain_tokens)).await;
    let open = world(|_| {}).await;
    let certified = secured(&by_certificate, &authority, Some(&clients.sign("desk"))).await;
    for (path, method) in methods() {
        let what = format!("{method} without roles");
        for (channel, shown) in [
            (&certified, Shown::Nothing),
            (&by_token.channel().await, Shown::Token(READER)),
            (&open.channel().await, Shown::Nothing),
        ] {
            assert_answer(call(channel, &path, shown).await, 3, needed(&method), &what);
        }
    }
    for world in [by_certificate, by_token, open] {
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_token_and_certificate_say_different_roles_the_lesser_counts() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let tls = files.tls(&authority.sign("localhost"), Some(&clients.pem));
    let token_file = files.write("tokens", &tokens(true));
    let callers = files.write(
        "callers",
        "reader.example role=read\nops.example role=admin\n",
    );
    let world = world(move |settings| {
        settings.tls = Some(tls);
        settings.token_file = Some(token_file);
        settings.callers_file = Some(callers);
    })
    .await;
    let cancel = "/ibkr.orders.v1.OrderService/Cancel";
    for (name, token, allowed) in [
        ("reader.example", ADMIN, false),
        ("ops.example", READER, false),
        ("ops.example", TRADER, true),
    ] {
        let channel = secured(&world, &authority, Some(&clients.sign(name))).await;
        let answer = call(&channel, cancel, Shown::Token(token)).await;
        assert_eq!(answer.is_ok(), allowed, "{name} with {token}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_a_revoked_caller_ends_and_those_of_others_go_on() {
    let files = Files::new();
    let path = files.write("tokens", &tokens(false));
    let reload = Arc::new(Notify::new());
    let asks = Arc::clone(&reload);
    let world = world(move |settings| {
        settings.token_file = Some(path);
        settings.reload = asks;
    })
    .await;
    let mut stub = world.stub().await;
    let mut watch = async |token: &str| {
        let mut request = Request::new(pb::WatchRequest::default());
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
        let mut stream = stub.watch(request).await.unwrap().into_inner();
        stream
            .message()
            .await
            .unwrap()
            .expect("the end of the snapshot");
        stream
    };
    let mut good = watch(READER).await;
    let mut revoked = watch(REVOKED).await;
    files.write("tokens", &tokens(true));
    reload.notify_one();
    let ended = async {
        loop {
            match revoked.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the watch ended without a word"),
                Err(status) => return status,
            }
        }
    };
    let status = tokio::time::timeout(LIMIT, ended).await.unwrap();
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    let reason = status
        .get_error_details()
        .error_info()
        .unwrap()
        .reason
        .clone();
    assert_eq!(reason, "UNAUTHENTICATED");
    // A heartbeat comes each second.
    let alive = tokio::time::timeout(LIMIT, good.message()).await.unwrap();
    assert!(matches!(alive, Ok(Some(_))), "{alive:?}");
    drop((good, revoked));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_says_who_placed_it() {
    let files = Files::new();
    let path = files.write("tokens", &tokens(false));
    let world = World::plan(Plan {
        settings: Some(Box::new(move |settings| settings.token_file = Some(path))),
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    for (token, name) in [(TRADER, Some("trader")), (REVOKED, None)] {
        let mut request = Request::new(crate::world::place(resting()));
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
        let placed = stub.place(request).await.unwrap().into_inner();
        let state = placed.state.unwrap();
        assert_eq!(state.placed_by.as_deref(), name);
    }
    world.end().await;
}
