//! The trace that a request belongs to, as its headers say: those of W3C Trace Context and of Google Cloud.
//!
//! A run that a request starts keeps it, so that its log lines stand beside those of whoever asked. Spans of our own there are
//! none.

use std::fmt;

use hyper::HeaderMap;

/// A place in a trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Trace {
    /// Never zero.
    pub(crate) id: u128,
    /// The caller's span, where it is known.
    pub(crate) span: u64,
    /// Whether the caller keeps it.
    pub(crate) is_sampled: bool,
}

impl Trace {
    /// The trace that these headers name, if they do. Headers that cannot be read are as good as none.
    pub(crate) fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let header = |name| headers.get(name)?.to_str().ok();
        header("traceparent")
            .and_then(Self::parse)
            .filter(|trace| trace.span != 0)
            .or_else(|| header("x-cloud-trace-context").and_then(Self::parse_cloud))
    }

    /// Reads `00-TRACE-SPAN-FLAGS`, all in hexadecimal; later versions may go on after it. A span of zeros is one that is not
    /// known, as [`Display`](fmt::Display) writes it.
    ///
    /// <https://www.w3.org/TR/trace-context/#traceparent-header>
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let mut part =
            |length| parts.next().filter(|part: &&str| part.len() == length && is_hexadecimal(part));
        let (version, id, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        if version == "ff" || version == "00" && parts.next().is_some() {
            return None;
        }
        let id = u128::from_str_radix(id, 16).ok().filter(|id| *id != 0)?;
        let span = u64::from_str_radix(span, 16).ok()?;
        Some(Self { id, span, is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1 })
    }

    /// Reads `TRACE/SPAN;o=OPTIONS`: the trace in hexadecimal, the span in decimal, and all but the trace may be missing.
    ///
    /// <https://cloud.google.com/trace/docs/trace-context#legacy-http-header>
    fn parse_cloud(text: &str) -> Option<Self> {
        let (place, options) = text.split_once(";o=").unwrap_or((text, "0"));
        let (id, span) = place.split_once('/').unwrap_or((place, "0"));
        let id = Some(id).filter(|id| id.len() == 32 && is_hexadecimal(id))?;
        let id = u128::from_str_radix(id, 16).ok().filter(|id| *id != 0)?;
        Some(Self { id, span: span.parse().ok()?, is_sampled: options == "1" })
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// As [`Trace::parse`] reads it.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, span, is_sampled } = self;
        write!(f, "00-{id:032x}-{span:016x}-{:02x}", u8::from(*is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;

    fn headers(pairs: &[(&'static str, &str)]) -> Option<Trace> {
        let pairs = pairs.iter().map(|(name, value)| {
            (
                hyper::header::HeaderName::from_static(name),
                hyper::header::HeaderValue::from_str(value).unwrap(),
            )
        });
        Trace::of_headers(&pairs.collect())
    }

    #[test]
    fn both_forms_are_read() {
        let standard = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = Trace { id: ID, span: 0x00f0_67aa_0ba9_02b7, is_sampled: true };
        assert_eq!(headers(&[("traceparent", standard)]), Some(trace));
        assert_eq!(trace.to_string(), standard);
        let cloud = "4bf92f3577b34da6a3ce929d0e0e4736/67667974448284343;o=1";
        assert_eq!(headers(&[("x-cloud-trace-context", cloud)]), Some(trace));
        assert_eq!(
            headers(&[("x-cloud-trace-context", "4bf92f3577b34da6a3ce929d0e0e4736")]),
            Some(Trace { id: ID, span: 0, is_sampled: false })
        );
        assert_eq!(headers(&[("traceparent", "00-xyz"), ("x-cloud-trace-context", cloud)]), Some(trace));
        assert_eq!(
            headers(&[("traceparent", &standard.replace("00-4", "01-4").replace("-01", "-01-x"))]),
            Some(trace)
        );
    }

    #[test]
    fn what_is_no_trace_is_none() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(headers(&[("traceparent", text)]), None, "{text}");
        }
        for text in ["", "x", "4bf92f3577b34da6a3ce929d0e0e4736/x", "00000000000000000000000000000000/1;o=1"]
        {
            assert_eq!(headers(&[("x-cloud-trace-context", text)]), None, "{text}");
        }
    }
}
