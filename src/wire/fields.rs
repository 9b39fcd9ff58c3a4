//! One value at a time: how a message carries a value of the domain, and how it is read back. What is said here of a type holds for every
//! field of it, so that a message's conversion only has to name its fields, and [`same_fields`] makes it where value and message have the same.

use super::enums::Word;
use super::values::{
    amount, duration, given, present, seconds, time_from_wire, time_to_wire, unreadable,
};
use crate::domain::{Amount, DEFAULT_TIMEOUT_SECONDS, Timestamp};
use crate::error::Error;

/// Makes both conversions between a value and a message that have the same fields under the same names. All of them are named, so that a new
/// one on either side does not compile until it is named here.
macro_rules! same_fields {
    ($($value:ident = pb::$message:ident { $($field:ident),+ $(,)? })+) => {$(
        impl From<$value> for pb::$message {
            fn from(value: $value) -> Self {
                let $value { $($field),+ } = value;
                Self { $($field: Put::put($field)),+ }
            }
        }

        impl TryFrom<pb::$message> for $value {
            type Error = Error;

            fn try_from(message: pb::$message) -> Result<Self, Error> {
                let pb::$message { $($field),+ } = message;
                Ok(Self { $($field: Take::take($field, stringify!($field))?),+ })
            }
        }
    )+};
}
pub(super) use same_fields;

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

/// A field that both have alike.
macro_rules! alike {
    ($($type:ty),+) => {$(
        impl Put<$type> for $type {
            fn put(self) -> $type {
                self
            }
        }

        impl Take<$type> for $type {
            fn take(self, _: &str) -> Result<$type, Error> {
                Ok(self)
            }
        }
    )+};
}

alike!(String, Option<String>, bool, i32, i64, Option<i64>);

/// A text of a request that need not be given.
impl Put<String> for Option<String> {
    fn put(self) -> String {
        self.unwrap_or_default()
    }
}

impl Take<Option<String>> for String {
    fn take(self, _: &str) -> Result<Option<String>, Error> {
        Ok(given(self))
    }
}

/// A timeout of a request, in seconds.
impl Put<Option<prost_types::Duration>> for f64 {
    fn put(self) -> Option<prost_types::Duration> {
        Some(duration(self))
    }
}

impl Take<f64> for Option<prost_types::Duration> {
    fn take(self, field: &str) -> Result<f64, Error> {
        Ok(seconds(field, self)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS))
    }
}

impl<V: Into<M>, M> Put<Vec<M>> for Vec<V> {
    fn put(self) -> Vec<M> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<V: TryFrom<M, Error = Error>, M> Take<Vec<V>> for Vec<M> {
    fn take(self, _: &str) -> Result<Vec<V>, Error> {
        self.into_iter().map(V::try_from).collect()
    }
}

impl Put<Option<prost_types::Timestamp>> for Timestamp {
    fn put(self) -> Option<prost_types::Timestamp> {
        Some(time_to_wire(self))
    }
}

impl Take<Timestamp> for Option<prost_types::Timestamp> {
    fn take(self, field: &str) -> Result<Timestamp, Error> {
        time_from_wire(field, present(field, self)?)
    }
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

impl Take<String> for Option<String> {
    fn take(self, field: &str) -> Result<String, Error> {
        self.ok_or_else(|| unreadable(field))
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
