//! Exact decimals as text in the state file.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub(crate) fn serialize<S: Serializer>(number: &Decimal, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
    String::deserialize(from)?.parse().map_err(D::Error::custom)
}

/// The same for numbers with names.
pub(crate) mod map {
    use std::collections::BTreeMap;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        numbers: &BTreeMap<String, Decimal>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_map(
            numbers
                .iter()
                .map(|(name, number)| (name, number.to_string())),
        )
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<String, Decimal>, D::Error> {
        let texts: BTreeMap<String, String> = BTreeMap::deserialize(from)?;
        let numbers = texts
            .into_iter()
            .map(|(name, text)| Ok((name, text.parse().map_err(D::Error::custom)?)));
        numbers.collect()
    }
}
