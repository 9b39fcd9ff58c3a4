//! The file with its tokens, and the one its callers read.

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::HealthIn;
use ibkr_orders::error::Reason;

use crate::process::{Served, dir, run};

#[tokio::test]
async fn sighup_reads_the_tokens_again() {
    let dir = dir();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "old\n").unwrap();
    let mut served = Served::start(&dir, &["--auth-token-file", "tokens"]).await;
    std::fs::write(&tokens, "new\n").unwrap();
    served.signal("-HUP");
    served.line("the token file was read again").await;
    let with = |token: &str| ClientOptions {
        token: Some(Token::new(token).unwrap()),
        ..ClientOptions::default()
    };
    let new = Client::connect(served.url(), with("new")).await.unwrap();
    new.health(HealthIn::default()).await.unwrap();
    let old = Client::connect(served.url(), with("old")).await.unwrap();
    assert_eq!(
        old.health(HealthIn::default()).await.unwrap_err().reason,
        Reason::Unauthenticated
    );
    served.signal("-TERM");
    assert_eq!(served.end().await.0, Some(0));
}

#[tokio::test]
async fn a_command_can_read_the_gateways_own_token_file() {
    let dir = dir();
    std::fs::write(dir.path().join("tokens"), "# backends\n\nmine\nyours\n").unwrap();
    let served = Served::start(&dir, &["--auth-token-file", "tokens"]).await;
    let url = served.url();
    let asked = ["health", "--server", &url];
    let (code, said) = run(&dir, &[&asked[..], &["--token-file", "tokens"]].concat()).await;
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = run(&dir, &asked).await;
    assert_eq!(code, Some(1), "{said}");
    served.signal("-TERM");
    assert_eq!(served.end().await.0, Some(0));
}

#[tokio::test]
async fn half_a_client_certificate_is_a_wrong_setting() {
    for (given, missing) in [
        ("--client-cert", "ORDERS_CLIENT_KEY"),
        ("--client-key", "ORDERS_CLIENT_CERT"),
    ] {
        let asked = ["health", "--server", "https://127.0.0.1:1", given, "a.pem"];
        let (code, said) = run(&dir(), &asked).await;
        assert_eq!(code, Some(64), "{said}");
        assert!(said.contains(missing), "{said}");
    }
}
