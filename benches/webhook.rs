//! How many callbacks a second can be checked, beside the bare HMAC over the same bytes.
//!
//! Both spellings of the port are tried for each callback, as they must be, so the bare row makes
//! two HMACs as well. Read each row against `hmac` of its group: the rest is reading the form, sorting
//! it and hashing the body.

#![allow(clippy::expect_used, reason = "a benchmark that cannot be set up must stop")]

use std::convert::Infallible;
use std::hint::black_box;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign as hmac};
use bytes::Bytes;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::runtime::Runtime;
use tower::{Layer, ServiceExt, service_fn};
use twilio_proxy::webhook::{
    AuthToken, Callback, PublicUrl, Tokens, ValidateSignatureLayer, signed_form, signed_json,
    verify,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const URL: &str =
    "https://hooks.example.com/proxy/status?service=KS0123456789abcdef0123456789abcdef";

/// The parameters of a status callback, as many and as long as Proxy's.
fn parameters() -> Vec<(String, String)> {
    let sid = |prefix: &str| format!("{prefix}0123456789abcdef0123456789abcdef");
    let url = format!(
        "https://api.twilio.com/2010-04-01/Accounts/{}/Calls/{}.json",
        sid("AC"),
        sid("CA")
    );
    let mut all = Vec::new();
    for leg in ["inbound", "outbound"] {
        all.push((format!("{leg}ParticipantSid"), sid("KP")));
        all.push((format!("{leg}ResourceSid"), sid("CA")));
        all.push((format!("{leg}ResourceStatus"), "completed".to_owned()));
        all.push((format!("{leg}ResourceType"), "call".to_owned()));
        all.push((format!("{leg}ResourceUrl"), url.clone()));
    }
    for (name, prefix) in [("Account", "AC"), ("Service", "KS"), ("Session", "KC"), ("", "KI")] {
        all.push((format!("interaction{name}Sid"), sid(prefix)));
    }
    all.push(("interactionData".to_owned(), r#"{"duration": "5"}"#.to_owned()));
    all.push(("interactionDateCreated".to_owned(), "2018-03-13T22:42:54Z".to_owned()));
    all.push(("interactionDateUpdated".to_owned(), "2018-03-13T22:42:56Z".to_owned()));
    all.push(("interactionType".to_owned(), "Voice".to_owned()));
    all
}

/// What is hashed for the signature of a form.
fn signed_text(parameters: &[(String, String)]) -> String {
    let mut sorted = parameters.to_vec();
    sorted.sort();
    sorted.iter().fold(URL.to_owned(), |text, (key, value)| text + key + value)
}

/// The rows of one kind of callback.
fn rows(criterion: &mut Criterion, name: &str, request: &Request<Full<Bytes>>, signed: &str) {
    let runtime = Runtime::new().expect("a runtime");
    let body = runtime.block_on(request.clone().into_body().collect()).expect("a body").to_bytes();
    let header = |name: &str| request.headers()[name].to_str().expect("ASCII").to_owned();
    let (url, signature) = (request.uri().to_string(), header("x-twilio-signature"));
    let content_type = header("content-type");
    let token = AuthToken::new(TOKEN).expect("a token");
    let tokens = Tokens::from(token.clone());
    let callback = Callback {
        url: &url,
        content_type: Some(&content_type),
        body: &body,
        signature: &signature,
    };

    let mut group: BenchmarkGroup<'_, _> = criterion.benchmark_group(format!("webhook_{name}"));
    group.throughput(Throughput::Elements(1));
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    let with_port = signed.replacen(".com", ".com:443", 1);
    group.bench_function("hmac", |bencher| {
        bencher.iter(|| {
            let first = hmac(&key, black_box(signed.as_bytes()));
            black_box((first, hmac(&key, black_box(with_port.as_bytes()))))
        });
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verify(black_box(&tokens), black_box(&callback)).expect("genuine"));
    });
    let base = PublicUrl::new("https://hooks.example.com").expect("a URL");
    let service = ValidateSignatureLayer::new(token, base).layer(service_fn(
        |request: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(request.into_body()))
        },
    ));
    group.bench_function("layer", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let response = service.clone().oneshot(black_box(request.clone())).await;
            assert!(response.is_ok_and(|response| response.status() == 200));
        });
    });
    group.finish();
}

fn webhook(criterion: &mut Criterion) {
    let token = AuthToken::new(TOKEN).expect("a token");
    let parameters = parameters();
    let form = signed_form(&token, URL, parameters.clone()).expect("a request");
    rows(criterion, "form", &form, &signed_text(&parameters));
    let map: serde_json::Map<_, _> =
        parameters.into_iter().map(|(key, value)| (key, value.into())).collect();
    let json = serde_json::Value::Object(map).to_string();
    let json = signed_json(&token, URL, json).expect("a request");
    let signed = json.uri().to_string();
    rows(criterion, "json", &json, &signed);
}

criterion_group!(benches, webhook);
criterion_main!(benches);
