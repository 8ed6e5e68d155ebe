//! What it costs to say an operation and to understand the answer: no service, no runtime.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up must stop")]

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use twilio_proxy::call::ServiceSid;
use twilio_proxy::sessions::{
    CreateSession, FetchSession, ListSessions, Participant, SessionMode, SessionStatus,
};
use twilio_proxy::wire::{Answer, Encoder, Endpoint, Operation};

const SERVICE: &str = "KS0123456789abcdef0123456789abcdef";
const SESSION: &str = "KC0123456789abcdef0123456789abcdef";

fn encode<O: Operation>(endpoint: &Endpoint, operation: &O) {
    let mut encoder = Encoder::new(endpoint, O::META);
    operation.encode(&mut encoder).expect("valid");
    black_box(encoder.finish(None).expect("valid"));
}

fn encoding(criterion: &mut Criterion) {
    let endpoint = Endpoint::new(Endpoint::TWILIO).expect("a base URL");
    let service = ServiceSid::new(SERVICE).expect("a SID");
    let create = CreateSession::new(service)
        .unique_name("Order #1234")
        .date_expiry("2030-01-02T03:04:05Z".parse().expect("a timestamp"))
        .ttl(Duration::from_secs(3600))
        .mode(SessionMode::VoiceAndMessage)
        .status(SessionStatus::Open)
        .participant(Participant::new("+15550100").friendly_name("Driver"))
        .participant(Participant::new("+15550101").friendly_name("Rider"))
        .fail_on_participant_conflict(true);
    let fetch = FetchSession::by_name(service, "Order #1234");
    let mut group = criterion.benchmark_group("encode");
    group.bench_function("create", |bencher| bencher.iter(|| encode(&endpoint, &create)));
    group.bench_function("fetch", |bencher| bencher.iter(|| encode(&endpoint, &fetch)));
    group.finish();
}

fn session() -> Value {
    let url = format!("https://proxy.twilio.com/v1/Services/{SERVICE}/Sessions/{SESSION}");
    json!({
        "sid": SESSION,
        "service_sid": SERVICE,
        "account_sid": SERVICE.replace("KS", "AC"),
        "date_started": "2015-07-30T20:00:00Z",
        "date_ended": null,
        "date_last_interaction": "2015-07-30T20:00:00Z",
        "date_expiry": "2015-07-30T20:00:00Z",
        "date_created": "2015-07-30T20:00:00Z",
        "date_updated": "2015-07-30T20:00:00Z",
        "unique_name": "Order #1234",
        "status": "open",
        "closed_reason": "",
        "ttl": 3600,
        "mode": "voice-and-message",
        "links": {
            "interactions": format!("{url}/Interactions"),
            "participants": format!("{url}/Participants"),
        },
        "url": url,
    })
}

fn decoding(criterion: &mut Criterion) {
    let answer =
        |body: &Value| Answer::new(StatusCode::OK, HeaderMap::new(), Bytes::from(body.to_string()));
    let one = answer(&session());
    let fifty = answer(&json!({
        "sessions": vec![session(); 50],
        "meta": {
            "key": "sessions", "page": 0, "page_size": 50,
            "url": "https://proxy.twilio.com/u", "first_page_url": "https://proxy.twilio.com/f",
            "previous_page_url": null, "next_page_url": "https://proxy.twilio.com/n",
        },
    }));
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(one.body.len() as u64));
    group.bench_function("session", |bencher| {
        bencher.iter(|| FetchSession::decode(black_box(one.clone())).expect("a session"));
    });
    group.throughput(Throughput::Bytes(fifty.body.len() as u64));
    group.bench_function("page of 50", |bencher| {
        bencher.iter(|| ListSessions::decode(black_box(fifty.clone())).expect("a page"));
    });
    group.finish();
}

criterion_group!(benches, encoding, decoding);
criterion_main!(benches);
