//! Positions and account values that were recorded, told to a gateway by a peer, end in what the gateway answers.

use ibkr_orders::domain::{AccountIn, PositionsIn};
use ibkr_orders::gateway::Gateway;
use test_support::library;
use test_support::tws::peer::{FakeTws, LIMIT};
use test_support::waiting::eventually;

use crate::recording;
use crate::table::Table;
use crate::teller::Teller;
use crate::wire::Fields;

/// The rows of a recording.
fn rows(table: &str, word: &str) -> Vec<Fields> {
    let folder = recording::folder().expect("CAPTURES names a folder with the recordings");
    let table = Table::all()
        .into_iter()
        .find(|known| known.name == table)
        .expect("a table");
    let events = recording::of(&table, &folder).expect("a recording");
    let rows = events.into_iter().filter(|event| event.word == word);
    rows.map(|event| event.fields).collect()
}

/// A gateway whose TWS is a teller; the directory has its store.
async fn with_gateway(
    accounts: &str,
    word: &str,
    rows: Vec<Fields>,
) -> (Gateway, Teller, tempfile::TempDir) {
    let tws = FakeTws::bind().await;
    let directory = tempfile::TempDir::new().unwrap();
    let config = library::config(tws.port, &directory);
    let login = async {
        let teller = Teller::log_in(&tws, accounts, 1, &[]).await;
        teller.answers(word, rows);
        teller
    };
    let (gateway, teller) = tokio::join!(Gateway::open(&config), login);
    (gateway.unwrap(), teller, directory)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn recorded_positions_are_answered_without_those_that_are_closed() {
    let rows = rows("positions", "position");
    assert_eq!(rows.len(), 8);
    let (gateway, _teller, _directory) = with_gateway("DU9000001", "position", rows).await;
    let mut found = None;
    eventually("positions that are not stale", async || {
        let positions = gateway.positions(PositionsIn::default()).await.unwrap();
        let current = !positions.stale;
        found = Some(positions);
        current
    })
    .await;
    let shown: Vec<String> = found
        .unwrap()
        .positions
        .iter()
        .map(|position| {
            let exchange = position.exchange.as_deref().unwrap_or_default();
            format!(
                "{} {} {exchange} {} {} {}",
                position.symbol,
                position.sec_type,
                position.currency,
                position.quantity,
                position.average_cost
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "ADYEN STK AEB EUR 100 915.13784",
            "ASML STK AEB EUR 40 1297.8486",
            "ASML STK NASDAQ USD 30 1405.66333665",
            "CRDO STK NASDAQ USD 753 181.99344265",
            "DHER STK IBIS EUR 1568 20.80039505",
            "HAG STK IBIS EUR 1556 78.92516265",
            "NXE STK NYSE USD 8188 12.495003",
        ]
    );
    gateway.close(LIMIT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
async fn a_recorded_summary_has_the_values_of_an_account_among_several() {
    let rows = rows("account-summary", "accountSummary");
    assert_eq!(rows.len(), 3);
    let accounts = "DU9000001,DU9000002";
    let (gateway, _teller, _directory) = with_gateway(accounts, "accountSummary", rows).await;
    let asked = || AccountIn {
        account: Some("DU9000001".to_owned()),
        ..AccountIn::default()
    };
    let mut found = None;
    eventually("values that are not stale", async || {
        let account = gateway.account(asked()).await;
        let current = account.as_ref().is_ok_and(|account| !account.stale);
        found = account.ok();
        current
    })
    .await;
    let values: Vec<String> = found
        .unwrap()
        .values
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        values,
        [
            "BuyingPower 183875.22 EUR",
            "NetLiquidation 36992.49 EUR",
            "TotalCashValue -1441.67 EUR"
        ]
    );
    gateway.close(LIMIT).await;
}
