//! The place of a request in somebody's distributed trace: `traceparent` and `tracestate`, as W3C
//! Trace Context has them.

use std::fmt;

use actix_web::{HttpRequest, http::header::HeaderName};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// How many bytes of `tracestate` are taken on (W3C Trace Context §3.3.1.5 asks for 512 at
/// least). What is longer is left out: it may be, and a part of it would be malformed.
const MOST_STATE: usize = 8 * 1024;

/// The span that has caused a request, as `traceparent` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: u128,
    span_id: u64,
    is_sampled: bool,
}

impl TraceParent {
    /// The caller's, unless it is malformed: then it is as if there were none, and so it is with
    /// two of them (§3.2, §4.3).
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        let mut given = request.headers().get_all(TRACEPARENT);
        let first = given.next()?;
        if given.next().is_some() {
            return None;
        }
        Self::parse(first.to_str().ok()?.trim_matches([' ', '\t']))
    }

    /// Reads a value of the header (§3.2.2).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let version = hex(&mut rest, 2)?;
        dash(&mut rest)?;
        let trace_id = hex(&mut rest, 32)?;
        dash(&mut rest)?;
        let span_id = hex(&mut rest, 16)?;
        dash(&mut rest)?;
        let flags = hex(&mut rest, 2)?;
        // Versions to come may say more, behind a dash; 255 is none that will come.
        let is_whole = match version {
            0 => rest.is_empty(),
            255 => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let span_id = u64::try_from(span_id).ok()?;
        (is_whole && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            is_sampled: flags & 1 == 1,
        })
    }

    /// The trace's id.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The caller's span within it.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// Whether the caller may have recorded its span.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }
}

/// The caller's `tracestate`, its headers joined (§3.3.1.1). It means nothing without a
/// `traceparent` that is well-formed.
pub(crate) fn state(request: &HttpRequest) -> String {
    let given = request.headers().get_all(TRACESTATE);
    let texts: Vec<_> = given.filter_map(|value| value.to_str().ok()).collect();
    let joined = texts.join(",");
    if joined.len() > MOST_STATE {
        return String::new();
    }
    joined
}

/// Takes so many hexadecimal digits, in lower case, off the front.
fn hex(rest: &mut &str, digits: usize) -> Option<u128> {
    let (front, back) = rest.split_at_checked(digits)?;
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !front.bytes().all(is_digit) {
        return None;
    }
    *rest = back;
    u128::from_str_radix(front, 16).ok()
}

fn dash(rest: &mut &str) -> Option<()> {
    *rest = rest.strip_prefix('-')?;
    Some(())
}

/// What a log line says of a trace, in the form of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceIds {
    /// The trace.
    pub trace_id: u128,
    /// The span of the request itself where it has one, otherwise the caller's.
    pub span_id: u64,
}

impl From<TraceParent> for TraceIds {
    fn from(parent: TraceParent) -> Self {
        Self {
            trace_id: parent.trace_id,
            span_id: parent.span_id,
        }
    }
}

/// A number in hexadecimal digits, as many as the type has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hex<T>(pub(crate) T);

impl fmt::Display for Hex<u128> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Hex<u64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn reads_what_the_standard_shows() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("ff", true), ("02", false)] {
            let parent = TraceParent::parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(Hex(parent.trace_id()).to_string(), TRACE);
            assert_eq!(Hex(parent.span_id()).to_string(), SPAN);
            assert_eq!(parent.is_sampled(), is_sampled, "{flags}");
        }
        for later in ["", "-", "-what-the-future-will-be-like"] {
            let text = format!("cc-{TRACE}-{SPAN}-01{later}");
            assert!(TraceParent::parse(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn takes_nothing_that_is_malformed() {
        let zeros = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01.what"),
            format!("cc-{TRACE}-{SPAN}-01.what"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}é-{SPAN}-01", &TRACE[..30]),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("+0-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(TraceParent::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn two_parents_are_none_and_states_are_joined() {
        let one = format!("00-{TRACE}-{SPAN}-01");
        let request = TestRequest::default().append_header(("traceparent", one.clone()));
        assert!(TraceParent::of(&request.to_http_request()).is_some());
        let request = TestRequest::default()
            .append_header(("traceparent", one.clone()))
            .append_header(("traceparent", one))
            .append_header(("tracestate", "a=1"))
            .append_header(("tracestate", "b=2"))
            .to_http_request();
        assert_eq!(TraceParent::of(&request), None);
        assert_eq!(state(&request), "a=1,b=2");
        let long = TestRequest::default().append_header(("tracestate", "x".repeat(9000)));
        assert_eq!(state(&long.to_http_request()), "");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,70}") {
            let _ = TraceParent::parse(&text);
        }
    }
}
