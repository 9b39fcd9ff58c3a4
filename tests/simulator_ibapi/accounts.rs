//! Positions and account values.

use ibapi::accounts::types::{AccountGroup, AccountId, ContractId};
use ibapi::accounts::{AccountSummaryResult, AccountUpdate, PositionUpdate};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::SubscriptionItem;

use crate::desk::{Desk, LIMIT, connect, market, quiet};

async fn next<S, T>(stream: &mut S) -> T
where
    S: StreamExt<Item = Result<SubscriptionItem<T>, ibapi::Error>> + Unpin,
{
    match tokio::time::timeout(LIMIT, stream.next()).await {
        Ok(Some(Ok(SubscriptionItem::Data(item)))) => item,
        Ok(Some(Ok(SubscriptionItem::Notice(notice)))) => panic!("{notice:?}"),
        Ok(Some(Err(error))) => panic!("{error}"),
        Ok(None) => panic!("it ended"),
        Err(_) => panic!("nothing in {LIMIT:?}"),
    }
}

#[tokio::test]
async fn positions_are_a_dump_an_end_and_what_fills_change() {
    let simulator = quiet().await;
    let desk = Desk::open(&simulator, 7).await;
    let mut positions = desk.client.positions().await.expect("is sent");
    assert!(matches!(
        next(&mut positions).await,
        PositionUpdate::PositionEnd
    ));
    desk.place(&market(100.0), "AAPL").await;
    let PositionUpdate::Position(row) = next(&mut positions).await else {
        panic!("a position");
    };
    assert_eq!((row.account.as_str(), row.position), ("DU1234567", 100.0));
    assert_eq!(row.contract.exchange.as_str(), "NASDAQ");
    assert!(row.average_cost > 200.0);
}

#[tokio::test]
async fn account_updates_begin_with_the_code_and_end_behind_the_portfolio() {
    let simulator = quiet().await;
    let control = simulator.control();
    control
        .set_position("", "AAPL", 40.into(), 200.into())
        .await
        .unwrap();
    let client = connect(&simulator, 7).await.expect("connects");
    let account = AccountId::from("DU1234567");
    let mut updates = client.account_updates(&account).await.expect("is sent");
    let mut keys = Vec::new();
    let mut held = Vec::new();
    loop {
        match next(&mut updates).await {
            AccountUpdate::AccountValue(value) => {
                keys.push((value.key, value.currency, value.value))
            }
            AccountUpdate::PortfolioValue(row) => held.push((row.position, row.average_cost)),
            AccountUpdate::UpdateTime(_) => {}
            AccountUpdate::End => break,
        }
    }
    assert_eq!(keys[0].0, "AccountCode");
    assert!(
        keys.iter()
            .any(|(key, _, value)| key == "AccountReady" && value == "true")
    );
    assert!(
        keys.iter()
            .any(|(key, currency, _)| key == "CashBalance" && currency == "BASE")
    );
    assert_eq!(held, [(40.0, 200.0)]);
}

#[tokio::test]
async fn a_summary_and_profits_are_answered_and_a_third_summary_is_refused() {
    let simulator = quiet().await;
    let control = simulator.control();
    control
        .set_position("", "AAPL", 40.into(), 200.into())
        .await
        .unwrap();
    let client = connect(&simulator, 7).await.expect("connects");
    let all = AccountGroup::from("All");
    for turn in 0..3 {
        let mut summary = client
            .account_summary(&all, &["NetLiquidation", "BuyingPower"])
            .await
            .expect("is sent");
        if turn == 2 {
            // Each call takes a fresh id, and a cancel gives none back.
            let refused = tokio::time::timeout(LIMIT, summary.next()).await.unwrap();
            let refused = format!("{refused:?}");
            assert!(refused.contains("322"), "{refused}");
            break;
        }
        let mut tags = Vec::new();
        while let AccountSummaryResult::Summary(row) = next(&mut summary).await {
            assert_eq!(row.currency, "EUR");
            tags.push(row.tag);
        }
        assert_eq!(tags, ["BuyingPower", "NetLiquidation"]);
        summary.cancel().await;
    }
    let account = AccountId::from("DU1234567");
    let mut pnl = client.pnl(&account, None).await.expect("is sent");
    let pnl = next(&mut pnl).await;
    assert!(pnl.unrealized_pnl.unwrap() > 0.0);
    let contract = ContractId::from(265_598);
    let mut single = client
        .pnl_single(&account, contract, None)
        .await
        .expect("is sent");
    let single = next(&mut single).await;
    assert_eq!(single.position, 40.0);
    assert!(single.value > 8_000.0);
}
