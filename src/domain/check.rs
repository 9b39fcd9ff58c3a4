//! From what somebody typed to an order that is valid. [`check`] is the only way to an [`Order`].

mod change;
mod fields;
mod pricing;

use std::sync::Arc;

use super::order::{DEFAULT_CURRENCY, DEFAULT_EXCHANGE};
use super::{
    Action, Contract, OrderDraft, OrderInput, OrderRequest, OrderTerms, OrderType, SecType,
    TimeInForce, Timestamp, Violation, Violations,
};
pub use change::check_change;
use fields::Fields;
use pricing::Prices;

/// What the operator allows, from the configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// The only account orders may go to.
    pub account: Option<String>,
}

/// A valid order: every field checked, words upper-cased, defaults filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    request: OrderRequest,
}

impl Order {
    /// The order with its defaults; its `transmit` counts the request's own.
    pub fn request(&self) -> &OrderRequest {
        &self.request
    }

    /// Whether it would still work at a time.
    ///
    /// # Errors
    /// A violation of `good_till` where that has passed by then.
    pub fn in_time(&self, now: Timestamp) -> Result<(), Violations> {
        let OrderTerms { tif, good_till, .. } = &self.request.terms;
        match good_till {
            Some(end) if *tif == TimeInForce::GoodTillDate && *end <= now => {
                let msg = format!("good_till has passed, it is {now}: give a time to come");
                let input = end.to_string().into();
                Err(Violations(vec![Violation::field(
                    "value_error",
                    "good_till",
                    msg,
                    input,
                )]))
            }
            _ => Ok(()),
        }
    }

    /// Gives the order away.
    pub fn into_request(self) -> OrderRequest {
        self.request
    }

    /// Whether TWS is to send it on at once.
    pub fn transmit(&self) -> bool {
        self.request.transmit
    }

    /// `client_tag` or `order_ref`, whichever was given.
    pub fn effective_order_ref(&self) -> Option<&str> {
        self.request
            .order_ref
            .as_deref()
            .or(self.request.client_tag.as_deref())
    }

    /// Whether the account that it names is the one that orders may go to. For an order that was checked without limits, because its request
    /// may have been known before there were any.
    ///
    /// # Errors
    /// A violation of `account`.
    pub fn permitted_account(&self, limits: &Limits) -> Result<(), Violations> {
        let given = self.request.account.as_deref();
        match other_account(given, limits) {
            None => Ok(()),
            Some(allowed) => Err(Violations(vec![Violation::field(
                "value_error",
                "account",
                only_for(allowed),
                given.into(),
            )])),
        }
    }

    /// The account the order goes to at a login: its own, else the configured one, else the login's only one.
    ///
    /// # Errors
    /// A violation of `account` when the login has several and none was named, or does not have the one that was.
    pub fn account_for(&self, login: &[String], limits: &Limits) -> Result<String, Violations> {
        let named = self.request.account.as_ref().or(limits.account.as_ref());
        let violation = |msg: String| {
            let input = serde_json::to_value(&self.request.account).unwrap_or_default();
            Err(Violations(vec![Violation::field(
                "value_error",
                "account",
                msg,
                input,
            )]))
        };
        match (named, login) {
            (Some(account), _) if login.contains(account) => Ok(account.clone()),
            (Some(account), _) => violation(format!(
                "TWS is not logged in to {account}; use one of: {}",
                login.join(", ")
            )),
            (None, [only]) => Ok(only.clone()),
            (None, []) => violation("TWS named no account; log in to one".to_owned()),
            (None, several) => violation(format!(
                "the login has several accounts; name one of: {}",
                several.join(", ")
            )),
        }
    }
}

/// The only account that orders may go to, where an order names another.
fn other_account<'a>(given: Option<&str>, limits: &'a Limits) -> Option<&'a str> {
    let allowed = limits.account.as_deref()?;
    given
        .is_some_and(|given| given != allowed)
        .then_some(allowed)
}

fn only_for(allowed: &str) -> String {
    format!(
        "this gateway places orders for {allowed} only (IB_ACCOUNT): leave account out or give that one"
    )
}

/// Checks a draft. `transmit` is the request's own; either one transmits.
///
/// # Errors
/// Every violation at once.
pub fn check(input: OrderInput, transmit: bool, limits: &Limits) -> Result<Order, Violations> {
    let mut fields = Fields::default();
    let draft = fields.draft(input);
    let OrderDraft {
        action,
        symbol,
        order_type,
        quantity,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
        sec_type,
        exchange,
        currency,
        tif,
        good_till,
        transmit: own_transmit,
        primary_exch,
        client_tag,
        order_ref,
        account,
        outside_rth,
        oca_group,
        oca_type,
        reference_price,
        extra,
        not_an_object,
    } = match draft {
        Some(draft) => draft,
        None => return Err(fields.into_violations()),
    };
    if let Some(input) = not_an_object {
        fields.whole("dict_type", "give the order as a JSON object", input);
        return Err(fields.into_violations());
    }

    let action = fields.required_word::<Action>("action", action);
    let symbol = fields.symbol(symbol);
    let order_type = fields.required_word::<OrderType>("order_type", order_type);
    let quantity = fields.quantity(quantity);
    let pricing = fields.pricing(
        order_type,
        Prices {
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
        },
    );
    let sec_type = fields.word("sec_type", sec_type).unwrap_or(SecType::Stock);
    let exchange = fields
        .code("exchange", exchange, 16)
        .unwrap_or_else(|| DEFAULT_EXCHANGE.to_owned());
    let currency = fields
        .currency(currency)
        .unwrap_or_else(|| DEFAULT_CURRENCY.to_owned());
    let tif_given = tif.is_some();
    let word = fields.word("tif", tif);
    let tif = word.unwrap_or(TimeInForce::Day);
    let good_till = fields.time("good_till", good_till);
    if word.is_some() || !tif_given {
        fields.tif(tif, good_till);
    }
    let good_till = good_till.flatten();
    let own_transmit = fields.flag("transmit", own_transmit);
    let primary_exch = fields.code("primary_exch", primary_exch, 16);
    let client_tag = fields.reference("client_tag", client_tag);
    let order_ref = fields.reference("order_ref", order_ref);
    if let (Some(tag), Some(order_ref)) = (&client_tag, &order_ref)
        && tag != order_ref
    {
        fields.push(
            "value_error",
            "order_ref",
            "client_tag and order_ref differ: give one of them, or the same text in both",
            order_ref.as_str().into(),
        );
    }
    let account = fields.text("account", account);
    if let Some(allowed) = other_account(account.as_deref(), limits) {
        let given = account.as_deref().unwrap_or_default();
        fields.push("value_error", "account", only_for(allowed), given.into());
    }
    let outside_rth = fields.flag("outside_rth", outside_rth);
    let oca = fields.oca(oca_group, oca_type, transmit || own_transmit);
    let reference_price = fields.positive("reference_price", reference_price);
    for (name, value) in extra {
        let msg = format!("an order has no field {name}: remove it");
        fields.push("extra_forbidden", &name, msg, value);
    }

    match (action, symbol, pricing, quantity) {
        (Some(action), Some(symbol), Some(pricing), Some(quantity)) if fields.is_clean() => {
            let contract = Contract {
                symbol,
                sec_type,
                exchange,
                currency,
                primary_exch,
            };
            let request = OrderRequest {
                terms: OrderTerms {
                    contract: Arc::new(contract),
                    action,
                    pricing,
                    quantity,
                    tif,
                    good_till,
                    outside_rth,
                    oca,
                    reference_price,
                },
                transmit: transmit || own_transmit,
                client_tag,
                order_ref,
                account,
            };
            Ok(Order { request })
        }
        _ => Err(fields.into_violations()),
    }
}

#[cfg(test)]
mod tests;
