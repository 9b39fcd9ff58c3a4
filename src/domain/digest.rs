//! What tells a repeated request from a reused request id.

use sha2::{Digest, Sha256};

use super::{Contract, Oca, Order, OrderRequest, OrderTerms, PriceFields};

impl Order {
    /// SHA-256 over what the order means: tells a repeated request from a reused request id, also after an upgrade.
    pub fn digest(&self) -> [u8; 32] {
        // Every field of today is named, so that a new one must decide here. It must be written only when it is not its
        // default, or the digests of stored orders would change under their callers.
        let OrderRequest {
            terms,
            transmit,
            client_tag: _, // in effective_order_ref
            order_ref: _,  // in effective_order_ref
            account,
        } = self.request();
        let OrderTerms {
            contract,
            action,
            pricing,
            quantity,
            tif,
            good_till,
            outside_rth,
            oca,
            reference_price: _, // what it is thought to trade at does not make it another order
        } = terms;
        let Contract {
            symbol,
            sec_type,
            exchange,
            currency,
            primary_exch,
        } = contract.as_ref();
        let PriceFields {
            order_type,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
        } = (*pricing).into();
        let (oca_group, oca_type) = Oca::fields(oca.as_ref());
        let mut hash = Sha256::new();
        let mut put = |name: &str, value: &str| {
            hash.update((name.len() as u64).to_be_bytes());
            hash.update(name);
            hash.update((value.len() as u64).to_be_bytes());
            hash.update(value);
        };
        put("action", action.as_str());
        put("symbol", symbol);
        put("order_type", order_type.as_str());
        put("quantity", &quantity.to_string());
        for (name, price) in [
            ("limit_price", limit_price),
            ("stop_price", stop_price),
            ("trail_amount", trail_amount),
            ("trail_percent", trail_percent),
            ("limit_offset", limit_offset),
        ] {
            if let Some(price) = price {
                put(name, &price.to_string());
            }
        }
        put("sec_type", sec_type.as_str());
        put("exchange", exchange);
        put("currency", currency);
        put("tif", tif.as_str());
        put("transmit", if *transmit { "true" } else { "false" });
        for (name, value) in [
            ("primary_exch", primary_exch.as_deref()),
            ("order_ref", self.effective_order_ref()),
            ("account", account.as_deref()),
        ] {
            if let Some(value) = value {
                put(name, value);
            }
        }
        put("outside_rth", if *outside_rth { "true" } else { "false" });
        if let Some(time) = good_till {
            put("good_till", &time.to_string());
        }
        if let (Some(group), Some(kind)) = (oca_group, oca_type) {
            put("oca_group", group);
            put("oca_type", kind.as_str());
        }
        hash.finalize().into()
    }
}
