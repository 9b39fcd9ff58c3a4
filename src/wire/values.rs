//! Durations, times, decimals and free JSON.

use std::collections::BTreeMap;

use prost_types::value::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::domain::{Amount, Timestamp};
use crate::error::{Error, Reason};

const NANOS_PER_SECOND: i32 = 1_000_000_000;
/// Protobuf's own bound of a Duration: ten thousand years.
const DURATION_SECONDS_MAX: i64 = 315_576_000_000;
/// Doubles count whole numbers up to here without a gap.
const WHOLE_DOUBLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A text of a message that is empty when it is not given.
pub(super) fn given(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

/// A duration of a request in seconds; `None` when it is not given.
///
/// # Errors
/// `REQUEST_INVALID` for one that is negative or that protobuf does not allow. Whether it is sensible is the gateway's word.
pub(super) fn seconds(
    field: &str,
    duration: Option<prost_types::Duration>,
) -> Result<Option<f64>, Error> {
    let Some(prost_types::Duration { seconds, nanos }) = duration else {
        return Ok(None);
    };
    let refuse = |why: &str| {
        let input = format!("{seconds}s {nanos}ns");
        Err(Error::request_field(field, why, input.into()))
    };
    if seconds < 0 || nanos < 0 {
        return refuse("a duration cannot be negative: give zero or more");
    }
    if seconds > DURATION_SECONDS_MAX || nanos >= NANOS_PER_SECOND {
        return refuse("a duration may be ten thousand years at most: give fewer seconds");
    }
    Ok(Some(
        seconds as f64 + f64::from(nanos) / f64::from(NANOS_PER_SECOND),
    ))
}

/// Seconds as a duration. What a duration cannot hold goes out as an invalid one, for the gateway to refuse.
pub(super) fn duration(seconds: f64) -> prost_types::Duration {
    let invalid = prost_types::Duration {
        seconds: -1,
        nanos: 0,
    };
    if !seconds.is_finite() || seconds < 0.0 || seconds > DURATION_SECONDS_MAX as f64 {
        return invalid;
    }
    let whole = seconds.trunc();
    let nanos = ((seconds - whole) * f64::from(NANOS_PER_SECOND)).round() as i32;
    match nanos {
        NANOS_PER_SECOND.. => prost_types::Duration {
            seconds: whole as i64 + 1,
            nanos: 0,
        },
        nanos => prost_types::Duration {
            seconds: whole as i64,
            nanos,
        },
    }
}

pub(super) fn time_to_wire(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.unix_micros();
    prost_types::Timestamp {
        seconds: micros.div_euclid(1_000_000),
        nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

/// A time of an answer.
pub(super) fn time_from_wire(
    field: &str,
    time: prost_types::Timestamp,
) -> Result<Timestamp, Error> {
    let prost_types::Timestamp { seconds, nanos } = time;
    seconds
        .checked_mul(1_000_000)
        .and_then(|micros| micros.checked_add(i64::from(nanos) / 1_000))
        .map(Timestamp::from_unix_micros)
        .ok_or_else(|| unreadable(field))
}

/// A decimal of an answer.
pub(super) fn amount(field: &str, text: &str) -> Result<Amount, Error> {
    // An average price can have more digits than an order may ask for, so it is not read as an order's field is.
    text.parse::<Decimal>()
        .map(Amount::new)
        .map_err(|_| unreadable(field))
}

/// An answer that this client cannot read: the gateway is of another version, or something else answers.
pub(super) fn unreadable(field: &str) -> Error {
    Error::new(
        Reason::Internal,
        format!(
            "the gateway's answer has a {field} that this version cannot read: use the gateway's version of this client"
        ),
    )
}

/// A required part of an answer.
pub(super) fn present<T>(field: &str, part: Option<T>) -> Result<T, Error> {
    part.ok_or_else(|| unreadable(field))
}

/// A JSON object as a Struct; anything else as an empty one.
pub(super) fn struct_from_json(value: Value) -> prost_types::Struct {
    let fields = match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(k, v)| (k, value_from_json(v)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            BTreeMap::new()
        }
    };
    prost_types::Struct { fields }
}

fn value_from_json(value: Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(values) => Kind::ListValue(prost_types::ListValue {
            values: values.into_iter().map(value_from_json).collect(),
        }),
        object @ Value::Object(_) => Kind::StructValue(struct_from_json(object)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A Struct as a JSON object. Whole numbers come back without a point: a Struct does not tell 1 from 1.0.
pub(super) fn json_from_struct(value: prost_types::Struct) -> Value {
    let prost_types::Struct { fields } = value;
    Value::Object(
        fields
            .into_iter()
            .map(|(k, v)| (k, json_from_value(v)))
            .collect::<Map<_, _>>(),
    )
}

fn json_from_value(value: prost_types::Value) -> Value {
    let prost_types::Value { kind } = value;
    match kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::NumberValue(number))
            if number.fract() == 0.0 && number.abs() < WHOLE_DOUBLE_MAX =>
        {
            (number as i64).into()
        }
        Some(Kind::NumberValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(prost_types::ListValue { values })) => {
            values.into_iter().map(json_from_value).collect()
        }
        Some(Kind::StructValue(fields)) => json_from_struct(fields),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
        Some(prost_types::Duration { seconds, nanos })
    }

    #[test]
    fn durations_are_read_to_the_nanosecond() {
        assert_eq!(seconds("timeout", None), Ok(None));
        assert_eq!(seconds("timeout", wire(0, 0)), Ok(Some(0.0)));
        assert_eq!(seconds("timeout", wire(2, 500_000_000)), Ok(Some(2.5)));
        assert_eq!(duration(2.5), wire(2, 500_000_000).unwrap());
        assert_eq!(duration(0.999_999_999_9), wire(1, 0).unwrap());
    }

    #[test]
    fn a_duration_that_is_negative_or_beyond_protobuf_names_its_field() {
        for bad in [
            wire(-1, 0),
            wire(0, -1),
            wire(i64::MAX, 0),
            wire(i64::MIN, i32::MIN),
            wire(0, i32::MAX),
        ] {
            let error = seconds("max_wait", bad).unwrap_err();
            assert_eq!(error.reason, Reason::RequestInvalid, "{bad:?}");
            assert_eq!(error.violations[0].loc, ["max_wait"]);
        }
        for unrepresentable in [f64::NAN, f64::INFINITY, -0.5, 1e300] {
            assert!(seconds("timeout", Some(duration(unrepresentable))).is_err());
        }
    }

    #[test]
    fn times_before_and_after_1970_keep_their_microseconds() {
        for micros in [0, 1, -1, 1_795_000_000_123_456, -62_135_596_800_000_000] {
            let time = Timestamp::from_unix_micros(micros);
            let wire = time_to_wire(time);
            assert!((0..NANOS_PER_SECOND).contains(&wire.nanos));
            assert_eq!(time_from_wire("time", wire), Ok(time));
        }
        assert!(
            time_from_wire(
                "time",
                prost_types::Timestamp {
                    seconds: i64::MAX,
                    nanos: 0
                }
            )
            .is_err()
        );
    }

    #[test]
    fn json_objects_survive_as_structs() {
        let value = json!({"a": null, "b": true, "c": 450.25, "d": "x", "e": [1, {"f": -2}]});
        assert_eq!(json_from_struct(struct_from_json(value.clone())), value);
        assert_eq!(json_from_struct(struct_from_json(json!(1))), json!({}));
    }
}
