//! Words of the API: SIDs, escapes, and where a call stands in a trace.

use http::{HeaderMap, HeaderValue};
use twilio_proxy::call::{
    AccountSid, ApiKeySid, ParticipantSid, PhoneNumberSid, PublicKeySid, Rng, ServiceSid,
    SessionSid, Sid, TraceContext, percent,
};

pub(super) fn sid(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let plain = text.parse::<Sid>().map(|sid| sid.to_string()).map_err(|error| error.to_string());
    assert_eq!(plain, judged("", text));
    macro_rules! typed {
        ($($kind:ident)*) => {$(
            let read = $kind::new(text);
            assert_eq!(read.is_ok(), plain.is_ok() && text.starts_with($kind::PREFIX));
            match read {
                Ok(sid) => {
                    assert_eq!((sid.as_str(), format!("{sid:?}").as_str()), (text, text));
                    assert_eq!(Sid::from(sid).as_str(), text);
                    let json = serde_json::to_string(&sid).unwrap();
                    assert_eq!(json, format!("\"{text}\""));
                    assert_eq!(serde_json::from_str::<$kind>(&json).unwrap(), sid);
                }
                Err(error) => assert_eq!(Err(error.to_string()), judged($kind::PREFIX, text)),
            }
        )*};
    }
    typed!(AccountSid ApiKeySid ServiceSid SessionSid ParticipantSid PhoneNumberSid PublicKeySid);
}

/// What is to be said of a text, character by character. No message has anything of it but its length.
fn judged(prefix: &str, text: &str) -> Result<String, String> {
    let said = if prefix.is_empty() { "two capital letters" } else { prefix };
    let (letters, digits) = match text.len() {
        34 if text.is_char_boundary(2) => text.split_at(2),
        34 => return Err(format!("the SID must begin with {said}")),
        _ => {
            let length = text.chars().count();
            return Err(format!(
                "a SID is {said} and 32 hexadecimal digits, 34 characters in all, not {length}"
            ));
        }
    };
    if !text.starts_with(prefix) || !letters.chars().all(|c| c.is_ascii_uppercase()) {
        return Err(format!("the SID must begin with {said}"));
    }
    if !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("after {said}, the SID must be hexadecimal digits"));
    }
    Ok(text.to_owned())
}

pub(super) fn percent(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let escaped = percent::encode(text);
    assert!(escaped.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
    assert_eq!(percent::decode(&escaped).as_deref(), Some(text));
    // What is escaped already is not escaped again, and what isn't becomes so.
    assert_eq!(percent::normalize(&escaped), escaped);
    let normal = percent::normalize(text);
    assert_eq!(percent::normalize(&normal), normal);
    assert_eq!(percent::decode(text), percent::decode(&normal));
    if let Some(decoded) = percent::decode(text) {
        assert_eq!(percent::encode(&decoded), normal);
    }
    assert_eq!(percent::normalize(&normal.to_ascii_lowercase()).len(), normal.len());
    let mut pushed = "x".to_owned();
    percent::push(&mut pushed, text);
    assert_eq!(pushed, format!("x{escaped}"));
}

pub(super) fn trace_context(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let parent = lines.next().unwrap_or_default();
    let mut headers = HeaderMap::new();
    for (name, line) in std::iter::once((TraceContext::PARENT, parent))
        .chain(lines.map(|line| (TraceContext::STATE, line)))
    {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(name, value);
    }
    let text = std::str::from_utf8(parent).unwrap_or_default();
    let parsed = text.parse::<TraceContext>();
    let Some(context) = TraceContext::of(&headers) else {
        assert!(parsed.is_err());
        return;
    };
    let parsed = parsed.unwrap();
    // A version to come is passed on as the one that is known; of the flags only the first is.
    let printed = parsed.to_string();
    assert_eq!((printed.len(), &printed[..3]), (55, "00-"));
    assert_eq!(printed[3..52], text[3..52]);
    assert_eq!(printed.parse(), Ok(parsed.clone()));
    let flags = u8::from_str_radix(&text[53..55], 16).unwrap();
    assert_eq!(parsed.is_sampled(), flags & 1 == 1);
    assert!(text[3..35].bytes().any(|byte| byte != b'0'));
    // What goes out says the same, in one header of each kind at most, and `tracestate` in its bounds.
    let mut out = HeaderMap::new();
    out.append(TraceContext::STATE, HeaderValue::from_static("of=another"));
    context.put_into(&mut out);
    assert_eq!(out.get_all(TraceContext::PARENT).iter().count(), 1);
    assert_eq!(TraceContext::of(&out), Some(context.clone()));
    let states: Vec<_> = out.get_all(TraceContext::STATE).iter().collect();
    assert!(states.len() <= 1 && states.iter().all(|state| state.len() <= 512));
    let child = context.child(&Rng::seeded(1));
    assert_eq!(child.trace_id().to_string(), context.trace_id().to_string());
    assert_eq!(child.is_sampled(), context.is_sampled());
}
