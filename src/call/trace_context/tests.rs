use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::{TraceContext, TraceContextError};
use crate::call::Rng;

/// The examples of the recommendation, and each way to be wrong.
#[test]
fn what_is_a_context_and_what_is_none() {
    let reads = |text: &str| text.parse::<TraceContext>().is_ok();
    let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    assert!(reads(good));
    for bad in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
    ] {
        assert!(!reads(bad), "{bad}");
    }
    // A version to come is read as far as it is known, and goes on as what is known.
    for to_come in [
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what",
    ] {
        assert_eq!(to_come.parse::<TraceContext>().map(|it| it.to_string()).as_deref(), Ok(good));
    }
    assert!(!reads("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what"));
}

#[test]
fn the_state_is_kept_as_it_is_or_left_out() {
    let with = |states: &[String]| {
        let mut headers = HeaderMap::new();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        headers.insert(TraceContext::PARENT, HeaderValue::from_static(parent));
        for state in states {
            headers.append(TraceContext::STATE, HeaderValue::try_from(state).unwrap());
        }
        let context = TraceContext::of(&headers).unwrap();
        let mut out = HeaderMap::new();
        out.insert(TraceContext::STATE, HeaderValue::from_static("stale"));
        context.put_into(&mut out);
        assert_eq!(out[TraceContext::PARENT], parent);
        out.get(TraceContext::STATE).map(|state| state.to_str().unwrap().to_owned())
    };
    assert_eq!(with(&[]), None);
    assert_eq!(with(&["a=1, b@c=2".into()]).as_deref(), Some("a=1, b@c=2"));
    assert_eq!(with(&["a=1".into(), "b=2".into()]).as_deref(), Some("a=1,b=2"), "one list");
    assert_eq!(with(&["a".repeat(512)]).map(|it| it.len()), Some(512));
    assert_eq!(with(&["a".repeat(513)]), None);
    assert_eq!(with(&[vec!["a=1"; 33].join(",")]), None);
}

#[test]
fn two_parents_are_none() {
    let mut headers = HeaderMap::new();
    let parent =
        HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
    headers.append(TraceContext::PARENT, parent.clone());
    assert!(TraceContext::of(&headers).is_some());
    headers.append(TraceContext::PARENT, parent);
    assert!(TraceContext::of(&headers).is_none());
}

proptest! {
    #[test]
    fn a_context_reads_back(trace: [u8; 16], span: [u8; 8], sampled: bool, seed: u64) {
        let Some(context) = TraceContext::new(trace, span, sampled) else { return Ok(()) };
        prop_assert_eq!(context.to_string().parse(), Ok(context.clone()));
        let child = context.child(&Rng::seeded(seed));
        prop_assert_eq!(child.trace_id().to_string(), context.trace_id().to_string());
        prop_assert_ne!(child.span_id().to_string(), context.span_id().to_string());
        prop_assert_eq!(child.is_sampled(), sampled);
        prop_assert_eq!(child.to_string().parse(), Ok(child));
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}", near in "[0-9a-fx-]{53,57}") {
        for text in [text, near] {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(&context.to_string()[2..52], &text[2..52]);
            }
        }
    }
}

/// Found by fuzzing: what stands behind the flags of a version to come was anything at all for the text, and
/// what a header may hold for the header.
#[test]
fn what_no_header_holds_is_no_context_either() {
    let known = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    assert!(format!("{known}-what-else").parse::<TraceContext>().is_ok());
    assert_eq!(format!("{known}-\u{19c}").parse::<TraceContext>(), Err(TraceContextError));
    assert!(TraceContextError.to_string().starts_with("a traceparent is 00, "));
}

#[test]
fn where_callers_stand_in_a_trace_is_no_difference_and_all_else_is() {
    let map = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
        let pair = |&(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    };
    let plain = map(&[("accept", "a")]);
    let traced = map(&[("accept", "a"), ("traceparent", "p"), ("tracestate", "s")]);
    let elsewhere = map(&[("accept", "a"), ("traceparent", "q")]);
    let more = map(&[("accept", "a"), ("prefer", "b"), ("traceparent", "p")]);
    let other = map(&[("accept", "b"), ("traceparent", "p"), ("tracestate", "s")]);
    let same = |one, other| {
        let same = TraceContext::same_without(one, other);
        assert_eq!(same, TraceContext::same_without(other, one), "{one:?} {other:?}");
        same
    };
    assert!(same(&plain, &plain));
    assert!(same(&plain, &traced) && same(&plain, &elsewhere) && same(&traced, &elsewhere));
    assert!(!same(&plain, &more) && !same(&traced, &more) && !same(&elsewhere, &more));
    assert!(!same(&plain, &other) && !same(&traced, &other) && !same(&elsewhere, &other));
}
