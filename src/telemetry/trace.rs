//! The caller's trace, as the W3C header `traceparent` names it.

use http::{HeaderMap, HeaderValue};
use tracing::Span;

/// A trace that somebody else began: where this call belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceParent {
    trace_id: u128,
    span_id: u64,
    sampled: bool,
}

/// The trace that a call's headers name.
pub(crate) fn of(headers: &HeaderMap<HeaderValue>) -> Option<TraceParent> {
    parse(headers.get("traceparent")?.to_str().ok()?)
}

/// `version-trace-span-flags` in lower-case hexadecimal (W3C Trace Context, 3.2). A later version may go on after a dash.
fn parse(text: &str) -> Option<TraceParent> {
    let mut parts = text.splitn(5, '-');
    let hex = |part: Option<&str>, digits: usize| {
        let part = part?;
        let all_hex = part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (part.len() == digits && all_hex)
            .then(|| u128::from_str_radix(part, 16).ok())
            .flatten()
    };
    let version = hex(parts.next(), 2)?;
    let trace_id = hex(parts.next(), 32)?;
    let span_id = hex(parts.next(), 16)?;
    let flags = hex(parts.next(), 2)?;
    let more = parts.next().is_some();
    if version == 0xff || trace_id == 0 || span_id == 0 || (version == 0 && more) {
        return None;
    }
    Some(TraceParent {
        trace_id,
        span_id: span_id as u64,
        sampled: flags & 1 == 1,
    })
}

/// Makes a call's span a part of its caller's trace, else the beginning of one, and writes the trace's id on it. `path` names the
/// exported span. Answers whether it is exported.
pub(crate) fn continue_in(span: &Span, parent: Option<TraceParent>, path: &str) -> bool {
    if span.is_disabled() {
        return false;
    }
    let exported = exported(span, parent, path);
    let id = exported.or(parent.map(|parent| parent.trace_id));
    // Without a caller's trace and without an exporter the id still ties the lines of one call together.
    let id = id.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128());
    span.record("trace_id", format_args!("{id:032x}"));
    exported.is_some()
}

/// The id of the trace that the span is exported under, where there is an exporter.
#[cfg(feature = "otlp")]
fn exported(span: &Span, parent: Option<TraceParent>, path: &str) -> Option<u128> {
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let context = match parent {
        None => opentelemetry::Context::new(),
        Some(TraceParent {
            trace_id,
            span_id,
            sampled,
        }) => opentelemetry::Context::new().with_remote_span_context(SpanContext::new(
            TraceId::from(trace_id),
            SpanId::from(span_id),
            TraceFlags::default().with_sampled(sampled),
            true,
            TraceState::default(),
        )),
    };
    // Fails where nothing exports.
    span.set_parent(context).ok()?;
    span.record("otel.kind", "server");
    span.record("otel.name", path.trim_start_matches('/'));
    let own = span.context().span().span_context().clone();
    own.is_valid()
        .then(|| u128::from_be_bytes(own.trace_id().to_bytes()))
}

#[cfg(not(feature = "otlp"))]
fn exported(_: &Span, _: Option<TraceParent>, _: &str) -> Option<u128> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_callers_trace_is_read() {
        let parent = parse(GOOD).unwrap();
        assert_eq!(parent.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(
            (parent.span_id, parent.sampled),
            (0xb7ad_6b71_6920_3331, true)
        );
        let later = format!("{}-more", GOOD.replacen("00", "01", 1));
        assert!(parse(&later).is_some());
    }

    #[test]
    fn a_header_that_names_no_trace_is_ignored() {
        for text in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &format!("{GOOD}-more"),
            &GOOD.replacen("00", "ff", 1),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
