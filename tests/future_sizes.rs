//! What the future of a call takes, and what each layer adds to it: it lies in the caller's task, is moved
//! when it is spawned, and there are as many of it as there are calls under way.
//!
//! A state that is held across a wait where it needn't be, a request that is kept twice: nobody sees such
//! things in a diff. They are seen here. The sizes are those of 64-bit machines; where one grows with a
//! reason, raise its ceiling in the same commit.

#![cfg(target_pointer_width = "64")]

use std::mem::size_of;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tower::Service;
use tower::util::Oneshot;
use twilio_proxy::gateway::{
    ConcurrencyClassifier, DefaultGateway, DefaultStack, LimitedAttempt, RateClassifier,
    RetriedAttempts, TwilioClassifier,
};
use twilio_proxy::middleware::auth::Auth;
use twilio_proxy::middleware::auth::signing::Signing;
use twilio_proxy::middleware::breaker::Breaker;
use twilio_proxy::middleware::coalesce::Coalesce;
use twilio_proxy::middleware::collect::Collect;
use twilio_proxy::middleware::deadline::{AttemptTimeout, Deadline};
use twilio_proxy::middleware::failover::Failover;
use twilio_proxy::middleware::headers::Headers;
use twilio_proxy::middleware::hedge::Hedge;
use twilio_proxy::middleware::limit::concurrency::Aimd;
use twilio_proxy::middleware::limit::rate::LocalLimiter;
use twilio_proxy::middleware::limit::{ConcurrencyLimit, RateLimit};
use twilio_proxy::middleware::observe::{AttemptSpan, CallSpan};
use twilio_proxy::middleware::retry::Retry;
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::transport::ProxyTransport;

type Answer<S> = <S as Service<Request<Full<Bytes>>>>::Future;

// The default stack, from the wire up.
type Transport = ProxyTransport;
type Collected = Collect<Transport>;
type Timed = AttemptTimeout<Collected>;
type Signed = Signing<Timed>;
type Authorized = Auth<Signed>;
type Headed = Headers<Authorized>;
type Spanned = AttemptSpan<Headed>;
type Counted = ConcurrencyLimit<Spanned, Aimd, ConcurrencyClassifier>;
type Limited = RateLimit<Counted, LocalLimiter, RateClassifier>;
type Broken = Breaker<Limited, TwilioClassifier>;
type Chosen = Failover<Broken, TwilioClassifier>;
type Retried = Retry<Chosen, TwilioClassifier>;
type Hedged = Hedge<Retried, TwilioClassifier>;
type Shared = Coalesce<Hedged>;
type Bounded = Deadline<Shared>;
type Whole = CallSpan<Bounded>;

/// A future's name, its size, and how much it may add to what is inside it. A little above what it does add,
/// for compilers lay things out in their own ways.
type Row = (&'static str, usize, usize);

/// What the future of a fetch may take.
const WHOLE: i64 = 1104;

fn rows() -> [Row; 18] {
    [
        ("transport", size_of::<Answer<Transport>>(), 336),
        ("collect", size_of::<Answer<Collected>>(), 32),
        ("attempt_timeout", size_of::<Answer<Timed>>(), 176),
        ("signing", size_of::<Answer<Signed>>(), 8),
        ("auth", size_of::<Answer<Authorized>>(), 16),
        ("headers", size_of::<Answer<Headed>>(), 8),
        ("attempt_span", size_of::<Answer<Spanned>>(), 16),
        ("concurrency", size_of::<Answer<Counted>>(), 64),
        ("rate_limit", size_of::<Answer<Limited>>(), 48),
        ("breaker", size_of::<Answer<Broken>>(), 96),
        ("failover", size_of::<Answer<Chosen>>(), 16),
        ("retry", size_of::<Answer<Retried>>(), 256),
        ("hedge", size_of::<Answer<Hedged>>(), 16),
        ("coalesce", size_of::<Answer<Shared>>(), 16),
        ("deadline", size_of::<Answer<Bounded>>(), 40),
        ("call_span", size_of::<Answer<Whole>>(), 16),
        ("gateway", size_of::<<DefaultGateway as Service<FetchSession>>::Future>(), 96),
        ("send(fetch)", size_of::<Oneshot<DefaultGateway, FetchSession>>(), 8),
    ]
}

#[test]
fn no_future_grows_unseen() {
    let mut inside = 0i64;
    let mut larger = Vec::new();
    println!("{:<16} {:>6} {:>6} {:>8}", "future", "bytes", "adds", "ceiling");
    for (name, size, ceiling) in rows() {
        // OK because no future comes near to half of an address space.
        let (size, ceiling) = (size as i64, ceiling as i64);
        let adds = size - inside;
        println!("{name:<16} {size:>6} {adds:>6} {ceiling:>8}");
        if adds > ceiling {
            larger.push(format!("{name} adds {adds} bytes, and may add {ceiling}"));
        }
        inside = size;
    }
    assert!(larger.is_empty(), "{larger:#?}");
    assert!(inside <= WHOLE, "a call's future takes {inside} bytes, and may take {WHOLE}");
}

/// The types above are the ones that the stack is made of.
#[test]
fn the_layers_are_those_of_the_default_stack() {
    fn same<T>(_: fn(T), _: fn(T)) {}
    same(|_: Whole| {}, |_: DefaultStack<Transport>| {});
    same(|_: Retried| {}, |_: RetriedAttempts<Transport>| {});
    same(|_: Limited| {}, |_: LimitedAttempt<Transport>| {});
}
