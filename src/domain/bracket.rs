//! From what somebody typed to a bracket that is valid. [`check_bracket`] is the only way to a [`Bracket`].

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    Action, Amount, BracketDraft, BracketInput, LegDraft, Limits, Order, OrderDraft, OrderInput,
    Pricing, TimeInForce, Violation, Violations, check,
};

/// Characters of a bracket's orderRef at most: its exits have it with four more.
pub const BRACKET_REF_CHARS_MAX: usize = 36;
/// Behind the orderRef of a take profit.
const TAKE_PROFIT_SUFFIX: &str = ".tp";
/// Behind the orderRef of a stop loss.
const STOP_LOSS_SUFFIX: &str = ".sl";

/// A valid bracket: an entry, and at least one exit of the same quantity on the other side.
#[derive(Debug, Clone, PartialEq)]
pub struct Bracket {
    entry: Order,
    take_profit: Option<Order>,
    stop_loss: Option<Order>,
}

impl Bracket {
    /// The entry.
    pub const fn entry(&self) -> &Order {
        &self.entry
    }

    /// The order that takes the profit.
    pub const fn take_profit(&self) -> Option<&Order> {
        self.take_profit.as_ref()
    }

    /// The order that bounds the loss.
    pub const fn stop_loss(&self) -> Option<&Order> {
        self.stop_loss.as_ref()
    }

    /// The exits in the order in which they are sent: the stop loss last, because the last one releases the family.
    pub fn exits(&self) -> impl Iterator<Item = &Order> {
        self.take_profit.iter().chain(&self.stop_loss)
    }

    /// SHA-256 over what the bracket means: tells a repeated request from a reused request id.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update("bracket");
        for leg in [Some(&self.entry), self.take_profit(), self.stop_loss()] {
            match leg {
                Some(order) => {
                    hash.update([1]);
                    hash.update(order.digest());
                }
                None => hash.update([0]),
            }
        }
        hash.finalize().into()
    }
}

/// Checks a bracket and applies the limits to its entry. `request_id` names its orders where they have no orderRef of their own.
///
/// # Errors
/// Every violation at once, each with the part of the bracket before the field: `["stop_loss", "stop_price"]`.
pub fn check_bracket(
    input: BracketInput,
    request_id: &str,
    limits: &Limits,
) -> Result<Bracket, Violations> {
    let BracketDraft {
        entry,
        take_profit,
        stop_loss,
        extra,
    } = input.draft()?;
    let mut violations: Vec<Violation> = extra
        .into_iter()
        .map(|(name, value)| {
            let msg = format!("a bracket has no field {name}: remove it");
            Violation::field("extra_forbidden", &name, msg, value)
        })
        .collect();
    if take_profit.is_none() && stop_loss.is_none() {
        violations.push(Violation {
            loc: Vec::new(),
            ..Violation::field(
                "missing",
                "",
                "a bracket has a take_profit, a stop_loss or both",
                Value::Null,
            )
        });
    }
    let entry = match check(entry, true, limits).and_then(|entry| named(entry, request_id, limits))
    {
        Ok(entry) => entry,
        Err(Violations(of_entry)) => {
            violations.extend(within("entry", of_entry));
            return Err(Violations(violations));
        }
    };
    violations.extend(within("entry", entry_violations(&entry, request_id)));
    let price = |typed: Option<&Value>| typed.cloned().unwrap_or_default();
    let typed = TypedPrices {
        target: price(
            take_profit
                .as_ref()
                .and_then(|leg| leg.limit_price.as_ref()),
        ),
        stop: price(stop_loss.as_ref().and_then(|leg| leg.stop_price.as_ref())),
    };
    let mut exit = |name: &'static str, leg: Option<LegDraft>| {
        let leg = leg?;
        match exit_of(&entry, name, leg, request_id, limits) {
            Ok(order) => Some(order),
            Err(of_leg) => {
                violations.extend(within(name, of_leg));
                None
            }
        }
    };
    let take_profit = exit("take_profit", take_profit);
    let stop_loss = exit("stop_loss", stop_loss);
    violations.extend(wrong_sides(
        &entry,
        take_profit.as_ref(),
        stop_loss.as_ref(),
        typed,
    ));
    if violations.is_empty() {
        Ok(Bracket {
            entry,
            take_profit,
            stop_loss,
        })
    } else {
        Err(Violations(violations))
    }
}

impl BracketInput {
    /// The bracket as it was typed, in parts.
    ///
    /// # Errors
    /// It is no JSON object.
    pub fn draft(self) -> Result<BracketDraft, Violations> {
        let whole = |kind: &str, msg: String, input: Value| {
            Violations(vec![Violation {
                loc: Vec::new(),
                ..Violation::field(kind, "", msg, input)
            }])
        };
        let value = match self {
            Self::Draft(draft) => return Ok(*draft),
            Self::Json(value) => value,
            Self::Text(text) => serde_json::from_str(&text).map_err(|error| {
                let msg = format!("the bracket is not JSON: {error}");
                whole("json_invalid", msg, Value::String(text.clone()))
            })?,
        };
        match value {
            Value::Object(object) => Ok(BracketDraft::from_object(object)),
            other => Err(whole(
                "dict_type",
                "give the bracket as a JSON object".to_owned(),
                other,
            )),
        }
    }
}

/// Gives an entry without a text of its own an orderRef, where its request id is too long to be one: the beginning of the id, and a digest that
/// tells it from others with the same beginning.
fn named(entry: Order, request_id: &str, limits: &Limits) -> Result<Order, Violations> {
    if entry.effective_order_ref().is_some() || request_id.chars().count() <= BRACKET_REF_CHARS_MAX
    {
        return Ok(entry);
    }
    let digest = Sha256::digest(request_id);
    let digest: String = digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let beginning: String = request_id
        .chars()
        .take(BRACKET_REF_CHARS_MAX - digest.len() - 1)
        .collect();
    let mut request = entry.into_request();
    request.order_ref = Some(format!("{}-{digest}", beginning.trim()));
    check(OrderInput::from(request), true, limits)
}

fn within(part: &str, violations: Vec<Violation>) -> impl Iterator<Item = Violation> {
    violations.into_iter().map(move |mut violation| {
        violation.loc.insert(0, part.to_owned());
        violation
    })
}

/// What an entry may not be though an order by itself may.
fn entry_violations(entry: &Order, request_id: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut wrong = |field: &str, msg: String, input: Value| {
        violations.push(Violation::field("value_error", field, msg, input));
    };
    let terms = &entry.request().terms;
    match terms.pricing {
        Pricing::Market
        | Pricing::Limit { .. }
        | Pricing::Stop { .. }
        | Pricing::StopLimit { .. } => {}
        other => wrong(
            "order_type",
            "the entry of a bracket is MKT, LMT, STP or STP_LMT".to_owned(),
            other.order_type().as_str().into(),
        ),
    }
    match terms.tif {
        TimeInForce::Day | TimeInForce::GoodTillCancelled | TimeInForce::GoodTillDate => {}
        other => wrong(
            "tif",
            "the entry of a bracket is DAY, GTC or GTD".to_owned(),
            other.as_str().into(),
        ),
    }
    if let Some(oca) = &terms.oca {
        wrong(
            "oca_group",
            "TWS puts the exits of a bracket into a group of its own: leave it out".to_owned(),
            oca.group.as_str().into(),
        );
    }
    let order_ref = entry.effective_order_ref().unwrap_or(request_id);
    if order_ref.chars().count() > BRACKET_REF_CHARS_MAX {
        wrong(
            "order_ref",
            format!(
                "the exits have {TAKE_PROFIT_SUFFIX} and {STOP_LOSS_SUFFIX} behind it: give a client_tag or order_ref of at most {BRACKET_REF_CHARS_MAX} characters"
            ),
            order_ref.into(),
        );
    }
    violations
}

/// An exit as an order: of the entry's contract, quantity and account, on the other side.
fn exit_of(
    entry: &Order,
    name: &str,
    leg: LegDraft,
    request_id: &str,
    limits: &Limits,
) -> Result<Order, Vec<Violation>> {
    let LegDraft {
        limit_price,
        stop_price,
        tif,
        outside_rth,
        extra,
        not_an_object,
    } = leg;
    if let Some(input) = not_an_object {
        return Err(vec![Violation {
            loc: Vec::new(),
            ..Violation::field("dict_type", "", "give it as a JSON object", input)
        }]);
    }
    let request = entry.request();
    let base = OrderDraft::from(request.clone());
    let suffix = if name == "take_profit" {
        TAKE_PROFIT_SUFFIX
    } else {
        STOP_LOSS_SUFFIX
    };
    let (order_type, stop_price, extra) = match (name, limit_price.is_some()) {
        ("take_profit", _) => {
            let mut extra = extra;
            extra.extend(stop_price.map(|price| ("stop_price".to_owned(), price)));
            ("LMT", None, extra)
        }
        (_, true) => ("STP_LMT", stop_price, extra),
        (_, false) => ("STP", stop_price, extra),
    };
    let action = match request.terms.action {
        Action::Buy => Action::Sell,
        Action::Sell => Action::Buy,
    };
    let order_ref = entry.effective_order_ref().unwrap_or(request_id);
    // A long one is refused at the entry already.
    let order_ref: String = order_ref.chars().take(BRACKET_REF_CHARS_MAX).collect();
    let draft = OrderDraft {
        action: Some(action.as_str().into()),
        order_type: Some(order_type.into()),
        limit_price,
        stop_price,
        trail_amount: None,
        trail_percent: None,
        limit_offset: None,
        tif: Some(tif.unwrap_or_else(|| TimeInForce::GoodTillCancelled.as_str().into())),
        good_till: None,
        outside_rth: outside_rth.or(base.outside_rth.clone()),
        client_tag: None,
        order_ref: Some(format!("{order_ref}{suffix}").into()),
        reference_price: None,
        extra,
        ..base
    };
    // An exit lessens what the limits of the entry bound.
    let limits = Limits {
        account: limits.account.clone(),
    };
    let order = check(OrderInput::from(draft), true, &limits).map_err(|Violations(found)| found)?;
    match order.request().terms.tif {
        TimeInForce::Day | TimeInForce::GoodTillCancelled => Ok(order),
        other => Err(vec![Violation::field(
            "value_error",
            "tif",
            "an exit of a bracket is DAY or GTC",
            other.as_str().into(),
        )]),
    }
}

/// The prices of the exits as they were typed.
struct TypedPrices {
    target: Value,
    stop: Value,
}

/// Exits that would trade at once, or on the wrong side of each other.
fn wrong_sides(
    entry: &Order,
    take_profit: Option<&Order>,
    stop_loss: Option<&Order>,
    typed: TypedPrices,
) -> Vec<Violation> {
    let terms = &entry.request().terms;
    let buys = terms.action == Action::Buy;
    let target = take_profit.and_then(|order| order.request().terms.pricing.limit_price());
    let stop = stop_loss.and_then(|order| match order.request().terms.pricing {
        Pricing::Stop { stop } | Pricing::StopLimit { stop, .. } => Some(stop),
        _ => None,
    });
    let entered: Vec<Amount> = match terms.pricing {
        Pricing::Limit { limit } => vec![limit],
        Pricing::Stop { stop } => vec![stop],
        Pricing::StopLimit { stop, limit } => vec![stop, limit],
        _ => Vec::new(),
    };
    // Whether the first lies where the loss is.
    let is_below = |lower: Amount, upper: Amount| {
        if buys { lower < upper } else { lower > upper }
    };
    let side = if buys { "below" } else { "above" };
    let other_side = if buys { "above" } else { "below" };
    let mut violations = Vec::new();
    let mut wrong = |part: &str, field: &str, msg: String, typed: Value| {
        let mut violation = Violation::field("value_error", field, msg, typed);
        violation.loc.insert(0, part.to_owned());
        violations.push(violation);
    };
    if let Some(stop) = stop {
        let beyond = entered.iter().any(|price| !is_below(stop, *price))
            || (entered.is_empty() && target.is_some_and(|target| !is_below(stop, target)));
        if beyond {
            let msg = format!(
                "the stop loss of this entry lies {side} the price it enters at, and {side} its target"
            );
            wrong("stop_loss", "stop_price", msg, typed.stop);
        }
    }
    if let Some(target) = target
        && entered.iter().any(|price| !is_below(*price, target))
    {
        let msg = format!("the take profit of this entry lies {other_side} the price it enters at");
        wrong("take_profit", "limit_price", msg, typed.target);
    }
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(bracket: Value) -> Result<Bracket, Violations> {
        check_bracket(bracket.into(), "r-1", &Limits::default())
    }

    fn entry(more: Value) -> Value {
        let mut entry = json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 100});
        for (name, value) in more.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    }

    fn locs(outcome: Result<Bracket, Violations>) -> Vec<String> {
        let Err(Violations(violations)) = outcome else {
            panic!("{outcome:?}")
        };
        violations
            .iter()
            .map(|violation| violation.loc.join("."))
            .collect()
    }

    #[test]
    fn the_exits_are_of_the_entrys_size_on_the_other_side_and_do_not_expire() {
        let bracket = checked(json!({
            "entry": entry(json!({"outside_rth": true, "account": "DU1"})),
            "take_profit": {"limit_price": 110},
            "stop_loss": {"stop_price": "90", "limit_price": 89.5, "tif": "day", "outside_rth": false},
        }))
        .unwrap();
        let target = bracket.take_profit().unwrap().request();
        assert_eq!(target.terms.action, Action::Sell);
        assert_eq!(target.terms.quantity, Amount::from(10));
        assert_eq!(target.terms.tif, TimeInForce::GoodTillCancelled);
        assert!(target.terms.outside_rth && target.transmit);
        assert_eq!(target.order_ref.as_deref(), Some("r-1.tp"));
        assert_eq!(target.account.as_deref(), Some("DU1"));
        let stop = bracket.stop_loss().unwrap().request();
        assert_eq!(
            stop.terms.pricing,
            Pricing::StopLimit {
                stop: Amount::from(90),
                limit: Amount::parse("89.5").unwrap()
            }
        );
        assert_eq!(stop.terms.tif, TimeInForce::Day);
        assert!(!stop.terms.outside_rth);
        assert_eq!(stop.order_ref.as_deref(), Some("r-1.sl"));
        assert_eq!(bracket.exits().count(), 2);
    }

    #[test]
    fn exits_on_the_wrong_side_are_refused() {
        let both = |entry: Value, target: i32, stop: i32| {
            checked(
                json!({"entry": entry, "take_profit": {"limit_price": target}, "stop_loss": {"stop_price": stop}}),
            )
        };
        let buy = || entry(json!({}));
        let sell = || entry(json!({"action": "SELL"}));
        let market =
            || json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 10});
        assert!(both(buy(), 110, 90).is_ok());
        assert!(both(sell(), 90, 110).is_ok());
        assert!(both(market(), 110, 90).is_ok());
        assert_eq!(locs(both(buy(), 110, 100)), ["stop_loss.stop_price"]);
        assert_eq!(locs(both(buy(), 100, 90)), ["take_profit.limit_price"]);
        assert_eq!(
            locs(both(sell(), 110, 90)),
            ["stop_loss.stop_price", "take_profit.limit_price"]
        );
        assert_eq!(locs(both(market(), 90, 110)), ["stop_loss.stop_price"]);
    }

    #[test]
    fn what_cannot_be_a_bracket_is_refused_with_every_reason() {
        assert_eq!(locs(checked(json!({"entry": entry(json!({}))}))), [""]);
        assert_eq!(
            locs(checked(json!({
                "entry": entry(json!({"tif": "IOC", "order_ref": "x".repeat(37)})),
                "take_profit": {"limit_price": 110, "stop_price": 3, "tif": "IOC"},
                "stop_loss": {"quantity": 3},
                "colour": "red",
            }))),
            [
                "colour",
                "entry.tif",
                "entry.order_ref",
                "take_profit.stop_price",
                "stop_loss.stop_price",
                "stop_loss.quantity",
            ]
        );
        assert_eq!(
            locs(checked(
                json!({"entry": {"action": "BUY"}, "take_profit": 3})
            ))[0],
            "entry.symbol"
        );
        assert_eq!(locs(checked(json!([1]))), [""]);
    }

    #[test]
    fn a_request_id_that_is_too_long_for_an_order_ref_is_shortened_and_stays_another() {
        let order_refs = |request_id: &str| {
            let input = json!({"entry": entry(json!({})), "stop_loss": {"stop_price": 90}});
            let bracket = check_bracket(input.into(), request_id, &Limits::default()).unwrap();
            let own = bracket.entry().effective_order_ref().map(str::to_owned);
            (
                own,
                bracket
                    .stop_loss()
                    .unwrap()
                    .request()
                    .order_ref
                    .clone()
                    .unwrap(),
            )
        };
        let long = format!("{}-1", "a".repeat(60));
        let (own, stop) = order_refs(&long);
        let own = own.unwrap();
        assert_eq!(own.len(), BRACKET_REF_CHARS_MAX);
        assert!(long.starts_with(&own[..23]), "{own}");
        assert_eq!(stop, format!("{own}.sl"));
        assert_eq!(order_refs(&long).0, Some(own.clone()), "the same again");
        assert_ne!(order_refs(&format!("{}-2", "a".repeat(60))).0, Some(own));
        assert_eq!(
            order_refs(&"b".repeat(36)),
            (None, format!("{}.sl", "b".repeat(36)))
        );
    }

    #[test]
    fn another_exit_makes_another_digest() {
        let digest = |stop: i32| {
            checked(json!({"entry": entry(json!({})), "stop_loss": {"stop_price": stop}}))
                .unwrap()
                .digest()
        };
        assert_eq!(digest(90), digest(90));
        assert_ne!(digest(90), digest(91));
    }
}
