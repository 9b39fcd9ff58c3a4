//! Orders, their states and statuses.

use serde::{Deserialize, Serialize};

use super::Contract;

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    #[prost(int32, optional, tag = "1")]
    pub(crate) client_id: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) order_id: Option<i32>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) parent_id: Option<i32>,
    #[prost(string, optional, tag = "5")]
    pub(crate) action: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) total_quantity: Option<String>,
    #[prost(int32, optional, tag = "7")]
    pub(crate) display_size: Option<i32>,
    #[prost(string, optional, tag = "8")]
    pub(crate) order_type: Option<String>,
    #[prost(double, optional, tag = "9")]
    pub(crate) lmt_price: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(crate) aux_price: Option<f64>,
    #[prost(string, optional, tag = "11")]
    pub(crate) tif: Option<String>,
    #[prost(string, optional, tag = "12")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub(crate) clearing_intent: Option<String>,
    #[prost(bool, optional, tag = "19")]
    pub(crate) outside_rth: Option<bool>,
    #[prost(double, optional, tag = "22")]
    pub(crate) trailing_percent: Option<f64>,
    #[prost(double, optional, tag = "23")]
    pub(crate) trail_stop_price: Option<f64>,
    #[prost(string, optional, tag = "25")]
    pub(crate) good_after_time: Option<String>,
    #[prost(string, optional, tag = "26")]
    pub(crate) good_till_date: Option<String>,
    #[prost(string, optional, tag = "27")]
    pub(crate) oca_group: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub(crate) order_ref: Option<String>,
    #[prost(int32, optional, tag = "30")]
    pub(crate) oca_type: Option<i32>,
    #[prost(int32, optional, tag = "31")]
    pub(crate) trigger_method: Option<i32>,
    #[prost(int32, optional, tag = "38")]
    pub(crate) volatility_type: Option<i32>,
    #[prost(int32, optional, tag = "40")]
    pub(crate) reference_price_type: Option<i32>,
    #[prost(string, optional, tag = "41")]
    pub(crate) delta_neutral_order_type: Option<String>,
    #[prost(int32, optional, tag = "46")]
    pub(crate) delta_neutral_short_sale_slot: Option<i32>,
    #[prost(bool, optional, tag = "65")]
    pub(crate) what_if: Option<bool>,
    #[prost(bool, optional, tag = "66")]
    pub(crate) transmit: Option<bool>,
    #[prost(int32, optional, tag = "69")]
    pub(crate) origin: Option<i32>,
    #[prost(int32, optional, tag = "70")]
    pub(crate) short_sale_slot: Option<i32>,
    #[prost(int32, optional, tag = "72")]
    pub(crate) exempt_code: Option<i32>,
    #[prost(string, optional, tag = "93")]
    pub(crate) adjusted_order_type: Option<String>,
    #[prost(int32, optional, tag = "98")]
    pub(crate) adjustable_trailing_unit: Option<i32>,
    #[prost(string, optional, tag = "61")]
    pub(crate) algo_strategy: Option<String>,
    #[prost(double, optional, tag = "99")]
    pub(crate) lmt_price_offset: Option<f64>,
    #[prost(double, optional, tag = "106")]
    pub(crate) cash_qty: Option<f64>,
    #[prost(bool, optional, tag = "111")]
    pub(crate) dont_use_auto_price_for_hedge: Option<bool>,
    #[prost(string, optional, tag = "114")]
    pub(crate) auto_cancel_date: Option<String>,
    #[prost(string, optional, tag = "115")]
    pub(crate) filled_quantity: Option<String>,
    #[prost(string, optional, tag = "118")]
    pub(crate) shareholder: Option<String>,
    #[prost(int32, optional, tag = "120")]
    pub(crate) route_marketable_to_bbo: Option<i32>,
    #[prost(int64, optional, tag = "121")]
    pub(crate) parent_perm_id: Option<i64>,
    #[prost(int32, optional, tag = "122")]
    pub(crate) use_price_mgmt_algo: Option<i32>,
    #[prost(int32, optional, tag = "128")]
    pub(crate) min_compete_size: Option<i32>,
    #[prost(double, optional, tag = "129")]
    pub(crate) compete_against_best_offset: Option<f64>,
    #[prost(bool, optional, tag = "135")]
    pub(crate) include_overnight: Option<bool>,
    #[prost(string, optional, tag = "137")]
    pub(crate) submitter: Option<String>,
    #[prost(int32, optional, tag = "142")]
    pub(crate) seek_price_improvement: Option<i32>,
    #[prost(int32, optional, tag = "143")]
    pub(crate) what_if_type: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OrderState {
    #[prost(string, optional, tag = "1")]
    pub(crate) status: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub(crate) init_margin_before: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub(crate) maint_margin_before: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) equity_with_loan_before: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) init_margin_change: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) maint_margin_change: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) equity_with_loan_change: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub(crate) init_margin_after: Option<f64>,
    #[prost(double, optional, tag = "9")]
    pub(crate) maint_margin_after: Option<f64>,
    #[prost(double, optional, tag = "10")]
    pub(crate) equity_with_loan_after: Option<f64>,
    #[prost(double, optional, tag = "11")]
    pub(crate) commission: Option<f64>,
    #[prost(double, optional, tag = "12")]
    pub(crate) min_commission: Option<f64>,
    #[prost(double, optional, tag = "13")]
    pub(crate) max_commission: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub(crate) commission_currency: Option<String>,
    #[prost(string, optional, tag = "15")]
    pub(crate) margin_currency: Option<String>,
    #[prost(string, optional, tag = "28")]
    pub(crate) warning_text: Option<String>,
    #[prost(string, optional, tag = "29")]
    pub(crate) completed_time: Option<String>,
    #[prost(string, optional, tag = "30")]
    pub(crate) completed_status: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OpenOrder {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(crate) order: Option<Order>,
    #[prost(message, optional, tag = "4")]
    pub(crate) order_state: Option<OrderState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CompletedOrder {
    #[prost(message, optional, tag = "1")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "2")]
    pub(crate) order: Option<Order>,
    #[prost(message, optional, tag = "3")]
    pub(crate) order_state: Option<OrderState>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderStatus {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) status: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) filled: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) remaining: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub(crate) avg_fill_price: Option<f64>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "7")]
    pub(crate) parent_id: Option<i32>,
    #[prost(double, optional, tag = "8")]
    pub(crate) last_fill_price: Option<f64>,
    #[prost(int32, optional, tag = "9")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "10")]
    pub(crate) why_held: Option<String>,
    #[prost(double, optional, tag = "11")]
    pub(crate) mkt_cap_price: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OrderBound {
    #[prost(int64, optional, tag = "1")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) client_id: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) order_id: Option<i32>,
}
