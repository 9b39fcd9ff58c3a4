//! What TWS answers when it is asked.

use ibapi::Error;
use ibkr_orders::simulator::ManualOrder;

use crate::desk::{Desk, connect, limit, open_rows, quiet, stock};

#[tokio::test]
async fn one_sees_only_ones_own_orders_and_all_of_them_when_asked_for_all() {
    let simulator = quiet().await;
    let mut one = Desk::open(&simulator, 1).await;
    let mut two = Desk::open(&simulator, 2).await;
    one.place(&limit(10.0, 100.0), "AAPL").await;
    one.hear(4).await;
    two.place(&limit(10.0, 100.0), "MSFT").await;
    two.hear(4).await;
    let manual = ManualOrder {
        symbol: "IBM".to_owned(),
        buy: true,
        quantity: 5.into(),
        limit_price: 100.into(),
    };
    simulator
        .control()
        .place_manual_order(manual)
        .await
        .unwrap();
    assert_eq!(open_rows(&one.client, false).await.len(), 2);
    assert_eq!(open_rows(&one.client, true).await.len(), 6);
    // One's own rows of both answers come by the update stream too.
    one.hear(4).await;
    drop(one.client.global_cancel().await);
    assert_eq!(one.hear(2).await[0], "status Cancelled 0+10");
    assert_eq!(two.hear(2).await[0], "status Cancelled 0+10");
    assert!(open_rows(&two.client, true).await.is_empty());
}

#[tokio::test]
async fn contract_details_name_the_tick_and_an_unknown_symbol_is_an_error() {
    let simulator = quiet().await;
    let client = connect(&simulator, 7).await.expect("connects");
    let details = client.contract_details(&stock("AAPL")).await.unwrap();
    assert_eq!(details.len(), 1);
    assert_eq!(
        (details[0].contract.contract_id, details[0].min_tick),
        (265_598, 0.01)
    );
    let unknown = client.contract_details(&stock("ZZZZ")).await;
    assert!(
        matches!(&unknown, Err(Error::Notice(notice)) if notice.code == 200),
        "{unknown:?}"
    );
}
