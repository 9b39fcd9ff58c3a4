//! One value at a time: how a message carries a value of the domain, and how it is read back. What is said here of a type holds for every
//! field of it, so that a message's conversion only has to name its fields.

use super::enums::Word;
use super::values::{amount, time_from_wire, time_to_wire, unreadable};
use crate::domain::{Amount, Timestamp};
use crate::error::Error;

/// A value on its way into a message field of type `M`.
pub(super) trait Put<M> {
    fn put(self) -> M;
}

/// A message field of an answer on its way to a value.
pub(super) trait Take<V> {
    /// # Errors
    /// `INTERNAL` when it is missing or cannot be read.
    fn take(self, field: &str) -> Result<V, Error>;
}

impl Put<String> for &String {
    fn put(self) -> String {
        self.clone()
    }
}

impl Put<Option<String>> for &String {
    fn put(self) -> Option<String> {
        Some(self.clone())
    }
}

impl Put<Option<String>> for &Option<String> {
    fn put(self) -> Option<String> {
        self.clone()
    }
}

impl Put<Option<String>> for Option<&String> {
    fn put(self) -> Option<String> {
        self.cloned()
    }
}

impl Put<Option<prost_types::Timestamp>> for Option<Timestamp> {
    fn put(self) -> Option<prost_types::Timestamp> {
        self.map(time_to_wire)
    }
}

impl Put<String> for Amount {
    fn put(self) -> String {
        self.to_string()
    }
}

impl Put<Option<String>> for Option<Amount> {
    fn put(self) -> Option<String> {
        self.map(Put::put)
    }
}

impl Put<bool> for bool {
    fn put(self) -> bool {
        self
    }
}

impl Put<Option<bool>> for bool {
    fn put(self) -> Option<bool> {
        Some(self)
    }
}

impl<W: Word> Put<i32> for W {
    fn put(self) -> i32 {
        self.to_number()
    }
}

/// One that is not set.
impl<W: Word> Put<i32> for Option<W> {
    fn put(self) -> i32 {
        self.map_or(0, Word::to_number)
    }
}

impl Take<String> for String {
    fn take(self, _: &str) -> Result<String, Error> {
        Ok(self)
    }
}

impl Take<String> for Option<String> {
    fn take(self, field: &str) -> Result<String, Error> {
        self.ok_or_else(|| unreadable(field))
    }
}

impl Take<Option<String>> for Option<String> {
    fn take(self, _: &str) -> Result<Option<String>, Error> {
        Ok(self)
    }
}

impl Take<Option<Timestamp>> for Option<prost_types::Timestamp> {
    fn take(self, field: &str) -> Result<Option<Timestamp>, Error> {
        self.map(|time| time_from_wire(field, time)).transpose()
    }
}

impl<W: Word> Take<Option<W>> for i32 {
    fn take(self, field: &str) -> Result<Option<W>, Error> {
        W::from_number(self).or_else(|_| match W::unknown() {
            Some(word) => Ok(Some(word)),
            None => Err(unreadable(field)),
        })
    }
}

impl Take<Amount> for String {
    fn take(self, field: &str) -> Result<Amount, Error> {
        amount(field, &self)
    }
}

impl Take<Option<Amount>> for Option<String> {
    fn take(self, field: &str) -> Result<Option<Amount>, Error> {
        self.map(|text| amount(field, &text)).transpose()
    }
}

impl Take<bool> for bool {
    fn take(self, _: &str) -> Result<bool, Error> {
        Ok(self)
    }
}

impl Take<bool> for Option<bool> {
    fn take(self, _: &str) -> Result<bool, Error> {
        Ok(self.unwrap_or_default())
    }
}

impl<W: Word> Take<W> for i32 {
    fn take(self, field: &str) -> Result<W, Error> {
        match W::from_number(self) {
            Ok(word) => word,
            Err(_) => W::unknown(),
        }
        .ok_or_else(|| unreadable(field))
    }
}
