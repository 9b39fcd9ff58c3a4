//! The file with its tokens, and the one its callers read.

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::HealthIn;
use ibkr_orders::error::Reason;

use crate::process::{Served, dir, run};

#[tokio::test]
async fn sighup_reads_the_tokens_again() {
    let dir = dir();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "the-old-of-the-tokens\n").unwrap();
    let mut served = Served::start(&dir, &["--auth-token-file", "tokens"]).await;
    std::fs::write(&tokens, "the-new-of-the-tokens\n").unwrap();
    served.signal("-HUP");
    served.line("the token file was read again").await;
    let with = |token: &str| ClientOptions {
        token: Some(Token::new(token).unwrap()),
        ..ClientOptions::default()
    };
    let new = Client::connect(served.url(), with("the-new-of-the-tokens"))
        .await
        .unwrap();
    new.health(HealthIn::default()).await.unwrap();
    let old = Client::connect(served.url(), with("the-old-of-the-tokens"))
        .await
        .unwrap();
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
    let tokens =
        "# backends\n\nthe-token-that-is-mine role=trade name=me\nthe-token-that-is-yours\n";
    std::fs::write(dir.path().join("tokens"), tokens).unwrap();
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
async fn lines_that_admit_nobody_are_named_by_their_number_and_never_shown() {
    let dir = dir();
    let tokens = "the-first-of-the-tokens\nhush-too-short\n\nhush-hush-hush-hush colour=red\n";
    std::fs::write(dir.path().join("tokens"), tokens).unwrap();
    let mut served = Served::start(&dir, &["--auth-token-file", "tokens"]).await;
    let options = |token: &str| ClientOptions {
        token: Some(Token::new(token).unwrap()),
        ..ClientOptions::default()
    };
    for (token, admitted) in [
        ("the-first-of-the-tokens", true),
        ("hush-too-short", false),
        ("hush-hush-hush-hush", false),
    ] {
        let client = Client::connect(served.url(), options(token)).await.unwrap();
        let answer = client.health(HealthIn::default()).await;
        assert_eq!(answer.is_ok(), admitted, "{token}: {answer:?}");
    }
    // And the same when the file is read again.
    std::fs::write(dir.path().join("tokens"), "hush-too-short\n").unwrap();
    served.signal("-HUP");
    served.line("the new token file is not used").await;
    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0));
    for line in [
        "line 2 admits nobody",
        "line 4 admits nobody",
        "line 1 admits nobody",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    assert!(!said.contains("hush"), "{said}");
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
