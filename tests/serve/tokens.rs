//! The file with its tokens, and the one its callers read.

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::HealthIn;
use ibkr_orders::error::Reason;

use crate::process::{Served, dir};

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
