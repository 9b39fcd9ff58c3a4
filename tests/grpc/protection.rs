//! TLS, mutual TLS and tokens: right, wrong, expired, missing, renewed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ibkr_orders::client::{Client, ClientIdentity, ClientOptions, Token};
use ibkr_orders::domain::HealthIn;
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::{ServeError, ServerSettings, TlsFiles, serve};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{Plan, World, eventually, market, place, refused};

/// An authority and what it signs.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(crate) struct Signed {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn sign(&self, name: &str) -> Signed {
        self.sign_until(name, 2100)
    }

    fn sign_until(&self, name: &str, year: i32) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed {
            certificate,
            key: key.serialize_pem(),
        }
    }

    /// What a client of a server with a certificate of this authority sets.
    fn options(&self) -> ClientOptions {
        ClientOptions {
            ca_pem: Some(self.pem.clone().into_bytes()),
            connect_timeout: Duration::from_secs(5),
            ..ClientOptions::default()
        }
    }

    fn options_with(&self, own: &Signed) -> ClientOptions {
        let identity = ClientIdentity {
            certificate_pem: own.certificate.clone().into_bytes(),
            key_pem: own.key.clone().into_bytes(),
        };
        ClientOptions {
            identity: Some(identity),
            ..self.options()
        }
    }
}

/// Files in a directory of the test's own, which outlives the server that reads them.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn tls(&self, signed: &Signed, client_ca: Option<&str>) -> TlsFiles {
        TlsFiles {
            certificate: self.write("server.pem", &signed.certificate),
            key: self.write("server.key", &signed.key),
            client_ca: client_ca.map(|pem| self.write("clients.pem", pem)),
        }
    }
}

async fn world(change: impl FnOnce(&mut ServerSettings) + 'static) -> World {
    World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(change)),
        ..Plan::default()
    })
    .await
}

/// Whether a call gets through.
async fn call(world: &World, options: ClientOptions) -> Result<(), Error> {
    let url = format!("https://localhost:{}", world.address.port());
    let client = Client::connect(url, options).await?;
    client.health(HealthIn { timeout: 0.0 }).await.map(drop)
}

fn unreachable(answer: Result<(), Error>) -> bool {
    answer.is_err_and(|error| error.reason == Reason::GatewayUnavailable)
}

#[tokio::test]
async fn with_tls_only_the_right_authority_and_name_are_trusted() {
    let (authority, other, files) = (Authority::new(), Authority::new(), Files::new());
    let tls = files.tls(&authority.sign("localhost"), None);
    let world = world(|settings| settings.tls = Some(tls)).await;
    call(&world, authority.options()).await.unwrap();
    assert!(
        unreachable(call(&world, other.options()).await),
        "another authority was trusted"
    );
    let named = ClientOptions {
        server_name: Some("elsewhere".to_owned()),
        ..authority.options()
    };
    assert!(
        unreachable(call(&world, named).await),
        "another name was trusted"
    );
    // Plain text on the TLS port.
    let plain = Client::connect(world.url(), ClientOptions::default()).await;
    let answer = match plain {
        Ok(client) => client.health(HealthIn { timeout: 0.0 }).await.map(drop),
        Err(error) => Err(error),
    };
    assert!(unreachable(answer), "plain text was answered");
    world.end().await;
}

#[tokio::test]
async fn with_mutual_tls_a_client_needs_a_certificate_that_is_signed_and_has_not_expired() {
    let (authority, clients, files) = (Authority::new(), Authority::new(), Files::new());
    let tls = files.tls(&authority.sign("localhost"), Some(&clients.pem));
    let world = world(|settings| settings.tls = Some(tls)).await;
    call(&world, authority.options_with(&clients.sign("desk")))
        .await
        .unwrap();
    assert!(
        unreachable(call(&world, authority.options()).await),
        "no certificate"
    );
    assert!(
        unreachable(
            call(
                &world,
                authority.options_with(&clients.sign_until("desk", 2020))
            )
            .await
        ),
        "an expired certificate"
    );
    assert!(
        unreachable(call(&world, authority.options_with(&authority.sign("desk"))).await),
        "another authority's certificate"
    );
    world.end().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
    let (old, new, files) = (Authority::new(), Authority::new(), Files::new());
    let tls = files.tls(&old.sign("localhost"), None);
    let reload = Arc::new(Notify::new());
    let world = world({
        let reload = Arc::clone(&reload);
        move |settings| {
            settings.tls = Some(tls);
            settings.reload_interval = Duration::from_millis(20);
            settings.reload = reload;
        }
    })
    .await;
    call(&world, old.options()).await.unwrap();
    // Half of a renewal: a certificate whose key is not there yet.
    let renewed = new.sign("localhost");
    files.write("server.pem", &renewed.certificate);
    for _ in 0..5 {
        reload.notify_waiters();
        tokio::time::sleep(Duration::from_millis(20)).await;
        call(&world, old.options()).await.unwrap();
    }
    files.write("server.key", &renewed.key);
    eventually("the new certificate", async || {
        call(&world, new.options()).await.is_ok()
    })
    .await;
    assert!(unreachable(call(&world, old.options()).await));
    world.end().await;
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_found_before_anything_is_served() {
    let (authority, files) = (Authority::new(), Files::new());
    let mut tls = files.tls(&authority.sign("localhost"), None);
    tls.key = files.write("server.key", &authority.sign("localhost").key);
    let world = world(move |settings| settings.tls = Some(tls)).await;
    let ended = world.served.await.unwrap();
    assert!(matches!(ended, Err(ServeError::Tls(_))), "{ended:?}");
}

fn with_token(token: &str) -> ClientOptions {
    ClientOptions {
        token: Some(Token::new(token).unwrap()),
        ..ClientOptions::default()
    }
}

async fn call_with(world: &World, options: ClientOptions) -> Result<(), Error> {
    let client = Client::connect(world.url(), options).await?;
    client.health(HealthIn { timeout: 0.0 }).await.map(drop)
}

#[tokio::test]
async fn a_token_opens_everything_and_without_one_only_health_probes_answer() {
    let files = Files::new();
    let tokens = files.write(
        "tokens",
        "the-first-of-the-tokens\nthe-second-of-the-tokens\n",
    );
    let world = world(move |settings| settings.token_file = Some(tokens)).await;
    call_with(&world, with_token("the-first-of-the-tokens"))
        .await
        .unwrap();
    call_with(&world, with_token("the-second-of-the-tokens"))
        .await
        .unwrap();
    for wrong in [
        with_token("the-third-of-the-tokens"),
        with_token("the-first-of-the-token"),
        ClientOptions::default(),
    ] {
        let error = call_with(&world, wrong).await.unwrap_err();
        assert_eq!(error.reason, Reason::Unauthenticated);
    }
    let error = refused(world.stub().await.place(place(market())).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unauthenticated, "UNAUTHENTICATED")
    );
    let mut health = HealthClient::new(world.channel().await);
    assert!(health.check(HealthCheckRequest::default()).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn a_changed_token_file_counts_and_an_empty_one_does_not() {
    let files = Files::new();
    let tokens = files.write("tokens", "the-old-of-the-tokens");
    let world = world(move |settings| {
        settings.token_file = Some(tokens);
        settings.reload_interval = Duration::from_millis(20);
    })
    .await;
    call_with(&world, with_token("the-old-of-the-tokens"))
        .await
        .unwrap();
    files.write("tokens", "the-new-of-the-tokens\n");
    eventually("the new token", async || {
        call_with(&world, with_token("the-new-of-the-tokens"))
            .await
            .is_ok()
    })
    .await;
    assert!(
        call_with(&world, with_token("the-old-of-the-tokens"))
            .await
            .is_err()
    );
    files.write("tokens", "# none\n");
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        call_with(&world, with_token("the-new-of-the-tokens"))
            .await
            .unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_token_file_that_is_being_written_does_not_admit_its_cut_last_line() {
    let files = Files::new();
    let tokens = files.write("tokens", "the-old-of-the-tokens\n");
    let reload = Arc::new(Notify::new());
    let asks = Arc::clone(&reload);
    let world = world(move |settings| {
        settings.token_file = Some(tokens);
        settings.reload_interval = Duration::from_secs(3);
        settings.reload = asks;
    })
    .await;
    call_with(&world, with_token("the-old-of-the-tokens"))
        .await
        .unwrap();
    // Half of it is there when the gateway looks, and the rest a moment later.
    let cut = "the-new-of-the-tok";
    files.write("tokens", cut);
    reload.notify_one();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let admitted = call_with(&world, with_token(cut)).await;
        assert_eq!(admitted.unwrap_err().reason, Reason::Unauthenticated);
    }
    files.write("tokens", "the-new-of-the-tokens\n");
    eventually("the new token", async || {
        assert!(call_with(&world, with_token(cut)).await.is_err());
        call_with(&world, with_token("the-new-of-the-tokens"))
            .await
            .is_ok()
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn beyond_loopback_nothing_is_served_that_lets_strangers_in_unless_told_so() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let authority = Authority::new();
    let files = Files::new();
    let signed = authority.sign("localhost");
    let tls = files.tls(&signed, None);
    let mutual = files.tls(&signed, Some(&authority.pem));
    let tokens = files.write("tokens", "the-first-of-the-tokens\n");
    let everywhere = async || TcpListener::bind("0.0.0.0:0").await.unwrap();
    let gateway: Gateway = world.gateway.clone();
    for (tls, token_file, insecure, served) in [
        (None, None, false, false),
        // Whoever listens on the way has the token.
        (None, Some(&tokens), false, false),
        // Whoever calls is let in.
        (Some(&tls), None, false, false),
        (Some(&tls), Some(&tokens), false, true),
        (Some(&mutual), None, false, true),
        (None, None, true, true),
    ] {
        let settings = ServerSettings {
            tls: tls.cloned(),
            token_file: token_file.cloned(),
            insecure,
            ..ServerSettings::from(&world.config)
        };
        let answer = serve(everywhere().await, gateway.clone(), settings, async {}).await;
        match served {
            true => answer.unwrap(),
            false => assert!(
                matches!(answer, Err(ServeError::Unprotected(_))),
                "{answer:?}"
            ),
        }
    }
    world.end().await;
}
