//! Messages about orders, both ways.

/// What is traded.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct Contract {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) con_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) symbol: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) sec_type: Option<String>,
    #[prost(string, optional, tag = "8")]
    pub(in crate::tws) exchange: Option<String>,
    #[prost(string, optional, tag = "9")]
    pub(in crate::tws) primary_exch: Option<String>,
    #[prost(string, optional, tag = "10")]
    pub(in crate::tws) currency: Option<String>,
}

/// How it is traded, in a request and in what TWS shows. Quantities are decimal texts. In a request a flag that is false is left out.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct Order {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) client_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(int64, optional, tag = "3")]
    pub(in crate::tws) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "4")]
    pub(in crate::tws) parent_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(in crate::tws) action: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(in crate::tws) total_quantity: Option<String>,
    #[prost(int32, optional, tag = "7")]
    pub(in crate::tws) display_size: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub(in crate::tws) order_type: Option<String>,
    #[prost(double, optional, tag = "9")]
    pub(in crate::tws) lmt_price: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(in crate::tws) aux_price: Option<f64>,
    #[prost(string, optional, tag = "11")]
    pub(in crate::tws) tif: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(in crate::tws) account: Option<String>,
    #[prost(bool, optional, tag = "19")]
    pub(in crate::tws) outside_rth: Option<bool>,
    #[prost(double, optional, tag = "22")]
    pub(in crate::tws) trailing_percent: Option<f64>,
    #[prost(double, optional, tag = "23")]
    pub(in crate::tws) trail_stop_price: Option<f64>,
    #[prost(string, optional, tag = "26")]
    pub(in crate::tws) good_till_date: Option<String>,
    #[prost(string, optional, tag = "27")]
    pub(in crate::tws) oca_group: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub(in crate::tws) order_ref: Option<String>,
    #[prost(int32, optional, tag = "30")]
    pub(in crate::tws) oca_type: Option<i32>,
    #[prost(bool, optional, tag = "65")]
    pub(in crate::tws) what_if: Option<bool>,
    #[prost(bool, optional, tag = "66")]
    pub(in crate::tws) transmit: Option<bool>,
    #[prost(int32, optional, tag = "72")]
    pub(in crate::tws) exempt_code: Option<i32>,
    #[prost(double, optional, tag = "89")]
    pub(in crate::tws) pegged_change_amount: Option<f64>,
    #[prost(double, optional, tag = "91")]
    pub(in crate::tws) reference_change_amount: Option<f64>,
    #[prost(double, optional, tag = "99")]
    pub(in crate::tws) lmt_price_offset: Option<f64>,
    #[prost(string, optional, tag = "115")]
    pub(in crate::tws) filled_quantity: Option<String>,
    #[prost(int32, optional, tag = "116")]
    pub(in crate::tws) ref_futures_con_id: Option<i32>,
}

/// Places an order, or replaces the one of that id.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct PlaceOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::tws) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(in crate::tws) order: Option<Order>,
}

/// Cancels an order.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct CancelOrderRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::tws) order_cancel: Option<OrderCancel>,
}

/// How it is cancelled. It stays empty: with a time of a manual cancel in it TWS refuses the cancel.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct OrderCancel {}

/// Asks for orders that ended today.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct CompletedOrdersRequest {
    #[prost(bool, optional, tag = "1")]
    pub(in crate::tws) api_only: Option<bool>,
}

/// An order that TWS holds. Its parts are read one by one, so that one of them that cannot be read does not cost the others.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct OpenOrder {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(in crate::tws) contract: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(in crate::tws) order: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub(in crate::tws) order_state: Option<Vec<u8>>,
}

/// An order that has ended; read like [`OpenOrder`].
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct CompletedOrder {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(in crate::tws) contract: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(in crate::tws) order: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(in crate::tws) order_state: Option<Vec<u8>>,
}

/// How an order stands.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct OrderState {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) status: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub(in crate::tws) init_margin_before: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub(in crate::tws) maint_margin_before: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(in crate::tws) equity_with_loan_before: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(in crate::tws) init_margin_change: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(in crate::tws) maint_margin_change: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(in crate::tws) equity_with_loan_change: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub(in crate::tws) init_margin_after: Option<f64>,
    #[prost(double, optional, tag = "9")]
    pub(in crate::tws) maint_margin_after: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(in crate::tws) equity_with_loan_after: Option<f64>,
    #[prost(double, optional, tag = "11")]
    pub(in crate::tws) commission_and_fees: Option<f64>,
    #[prost(double, optional, tag = "12")]
    pub(in crate::tws) min_commission_and_fees: Option<f64>,
    #[prost(double, optional, tag = "13")]
    pub(in crate::tws) max_commission_and_fees: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub(in crate::tws) commission_and_fees_currency: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub(in crate::tws) margin_currency: Option<String>,
    #[prost(string, optional, tag = "26")]
    pub(in crate::tws) reject_reason: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub(in crate::tws) warning_text: Option<String>,
    #[prost(string, optional, tag = "30")]
    pub(in crate::tws) completed_status: Option<String>,
}

/// A change of an order's status. Quantities are decimal texts.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct OrderStatus {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) filled: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(in crate::tws) remaining: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub(in crate::tws) avg_fill_price: Option<f64>,
    #[prost(int64, optional, tag = "6")]
    pub(in crate::tws) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "9")]
    pub(in crate::tws) client_id: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub(in crate::tws) why_held: Option<String>,
}
