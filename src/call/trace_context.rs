use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Rng;

/// Where a call stands in a trace: W3C Trace Context, as it goes in `traceparent` and `tracestate`.
/// <https://www.w3.org/TR/trace-context/>
///
/// ```
/// use twilio_proxy::call::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let context: TraceContext = text.parse()?;
/// assert!(context.is_sampled());
/// assert_eq!(context.to_string(), text);
/// # Ok::<(), twilio_proxy::call::TraceContextError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
    state: Option<HeaderValue>,
}

/// The length of a `traceparent` of version 00.
const LEN: usize = 55;
/// The longest `tracestate` that is passed on, in bytes, and the most entries: what the recommendation
/// asks everybody to pass on at least, and what it allows at most.
const LONGEST_STATE: usize = 512;
const MOST_STATE: usize = 32;

impl TraceContext {
    /// The header with the ids.
    pub const PARENT: HeaderName = HeaderName::from_static("traceparent");
    /// The header with what vendors add.
    pub const STATE: HeaderName = HeaderName::from_static("tracestate");

    /// A trace and the span in it that asks; `None` where one of the two is all zeros.
    #[must_use]
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], sampled: bool) -> Option<Self> {
        let is_some = trace_id != [0; 16] && span_id != [0; 8];
        is_some.then_some(Self { trace_id, span_id, flags: u8::from(sampled), state: None })
    }

    /// What headers say: `None` where there is no `traceparent`, several, or one that is malformed. A
    /// `tracestate` that is too long, or not text, is left out.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(Self::PARENT).iter();
        let parent = parents.next().filter(|_| parents.next().is_none())?;
        let mut context: Self = parent.to_str().ok()?.parse().ok()?;
        let mut states = headers.get_all(Self::STATE).iter();
        context.state = match (states.next(), states.next()) {
            (Some(one), None) => state(one.clone()),
            (None, _) => None,
            (Some(_), Some(_)) => {
                let all: Option<Vec<&str>> =
                    headers.get_all(Self::STATE).iter().map(|it| it.to_str().ok()).collect();
                all.and_then(|all| HeaderValue::try_from(all.join(",")).ok()).and_then(state)
            }
        };
        Some(context)
    }

    /// Puts the headers into a map, in place of those that are there.
    pub fn put_into(&self, headers: &mut HeaderMap) {
        // Never an error: hexadecimal digits and dashes are printable.
        if let Ok(parent) = HeaderValue::from_bytes(&self.digits()) {
            headers.insert(Self::PARENT, parent);
        }
        match &self.state {
            Some(state) => _ = headers.insert(Self::STATE, state.clone()),
            None => _ = headers.remove(Self::STATE),
        }
    }

    /// The same place in the trace for a span further in, which gets an id of its own.
    #[must_use]
    pub fn child(&self, rng: &Rng) -> Self {
        // Once in 2^64 it would be all zeros, which is no id.
        Self { span_id: rng.bits().max(1).to_be_bytes(), ..self.clone() }
    }

    /// The trace's id, in 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> impl fmt::Display + fmt::Debug + use<> {
        Hex(self.trace_id)
    }

    /// The span's id, in 16 hexadecimal digits.
    #[must_use]
    pub fn span_id(&self) -> impl fmt::Display + fmt::Debug + use<> {
        Hex(self.span_id)
    }

    /// Whether the trace is recorded, as far as whoever asked knows.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Whether two maps have the same headers, but for where their callers stand in a trace: that changes
    /// no answer, so reads of two traces may share one. It then belongs to the trace of who began it.
    pub(crate) fn same_without(one: &HeaderMap, other: &HeaderMap) -> bool {
        let is_trace = |name: &HeaderName| *name == Self::PARENT || *name == Self::STATE;
        let rest = |of: &HeaderMap| of.keys().filter(|name| !is_trace(name)).count();
        let same = |name: &HeaderName| one.get_all(name) == other.get_all(name);
        one == other
            || rest(one) == rest(other) && one.keys().filter(|name| !is_trace(name)).all(same)
    }

    fn digits(&self) -> [u8; LEN] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        let bytes =
            self.trace_id.iter().chain(&self.span_id).chain(std::slice::from_ref(&self.flags));
        let places = (3..35).step_by(2).chain((36..52).step_by(2)).chain([53]);
        for (byte, place) in bytes.zip(places) {
            text[place] = digit(byte >> 4);
            text[place + 1] = digit(byte & 0xf);
        }
        text
    }
}

fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

/// A `tracestate` that may be passed on.
fn state(value: HeaderValue) -> Option<HeaderValue> {
    let text = value.to_str().ok()?;
    let fits = !text.trim().is_empty()
        && text.len() <= LONGEST_STATE
        && text.split(',').filter(|entry| !entry.trim().is_empty()).count() <= MOST_STATE;
    fits.then_some(value)
}

impl FromStr for TraceContext {
    type Err = TraceContextError;

    /// Reads a `traceparent`. A version to come is read as far as it is like 00, as the recommendation asks.
    fn from_str(text: &str) -> Result<Self, TraceContextError> {
        let bytes = text.as_bytes();
        let (known, more) = bytes.split_at_checked(LEN).ok_or(TraceContextError)?;
        let dashes = [2, 35, 52].iter().all(|at| known[*at] == b'-');
        let version = byte(known, 0)?;
        // What a header can't be is none, here as there.
        let has_end = more.is_empty() || (version != 0 && more[0] == b'-' && more.is_ascii());
        if !dashes || version == 0xff || !has_end {
            return Err(TraceContextError);
        }
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        for (at, to) in trace_id.iter_mut().enumerate() {
            *to = byte(known, 3 + 2 * at)?;
        }
        for (at, to) in span_id.iter_mut().enumerate() {
            *to = byte(known, 36 + 2 * at)?;
        }
        let flags = byte(known, 53)?;
        let context = Self::new(trace_id, span_id, flags & 1 == 1).ok_or(TraceContextError)?;
        // Of flags to come nobody knows what they ask of us, so only what is known is passed on.
        Ok(context)
    }
}

/// Two lower-case digits.
fn byte(text: &[u8], at: usize) -> Result<u8, TraceContextError> {
    let digit = |at: usize| match text.get(at) {
        Some(digit @ b'0'..=b'9') => Ok(digit - b'0'),
        Some(digit @ b'a'..=b'f') => Ok(digit - b'a' + 10),
        _ => Err(TraceContextError),
    };
    Ok(digit(at)? << 4 | digit(at + 1)?)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the default: the digits are ASCII.
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy)]
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A `traceparent` that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContextError;

impl fmt::Display for TraceContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a traceparent is 00, a trace's id, a span's id and flags, in lower-case hexadecimal digits with dashes between")
    }
}

impl std::error::Error for TraceContextError {}

#[cfg(test)]
mod tests;
