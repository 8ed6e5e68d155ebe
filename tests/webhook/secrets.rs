//! Every way to be refused, at the finest level of logging, looked through for what must not be
//! printed.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, Service, ServiceExt, service_fn};
use twilio_proxy::webhook::{
    AuthToken, Callback, OutOfSessionCallback, PublicUrl, StatusCallback, Tokens,
    ValidateSignatureLayer, sign, signed_form, signed_json, verify,
};

use crate::leaks::{Log, assert_absent};

const TOKEN: &str = "t0ken of/an+account=";
const OLD: &str = "an 0lder/t0ken+";
const PHONE: &str = "+15551234567";
const WORDS: &str = "meet me at the pier";
const URL: &str = "https://mycompany.com/cb?who=%2B15551234567";

type Body = BoxBody<Bytes, &'static str>;

fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never: Infallible| match never {}).boxed()
}

fn broken() -> Body {
    let frames = [Ok(Frame::data(Bytes::from(PHONE))), Err(PHONE)];
    StreamBody::new(stream::iter(frames)).boxed()
}

fn stalled() -> Body {
    let frames = stream::pending::<Result<Frame<Bytes>, &'static str>>();
    BodyExt::boxed(StreamBody::new(frames))
}

fn boxed(request: Request<Full<Bytes>>) -> Request<Body> {
    request.map(|body| body.map_err(|never| match never {}).boxed())
}

fn with(
    request: &Request<Body>,
    change: impl FnOnce(&mut Request<Body>),
    body: Body,
) -> Request<Body> {
    let (head, ()) = request_head(request).into_parts();
    let mut request = Request::from_parts(head, body);
    change(&mut request);
    request
}

fn request_head(request: &Request<Body>) -> Request<()> {
    let mut head = Request::new(());
    *head.method_mut() = request.method().clone();
    *head.uri_mut() = request.uri().clone();
    *head.headers_mut() = request.headers().clone();
    head
}

/// Every callback that is refused, and two that are not.
fn callbacks() -> Vec<Request<Body>> {
    let (token, other) = (AuthToken::new(TOKEN).unwrap(), AuthToken::new("else").unwrap());
    let form = [("From", PHONE), ("Body", WORDS)];
    let genuine = boxed(signed_form(&token, URL, form).unwrap());
    let hashed = boxed(signed_json(&token, URL, WORDS).unwrap());
    let text = "From=%2B15551234567&Body=meet+me+at+the+pier";
    let plain = |request: &mut Request<Body>| {
        request.headers_mut().insert("content-type", "text/plain".parse().unwrap());
        let signature = sign::<&str, &str>(&token, URL, []).to_string();
        request.headers_mut().insert("x-twilio-signature", signature.parse().unwrap());
    };
    let header = |name: &'static str, value: &str| {
        let value = value.parse().unwrap();
        move |request: &mut Request<Body>| drop(request.headers_mut().insert(name, value))
    };
    let twice = |request: &mut Request<Body>| {
        request.headers_mut().append("x-twilio-signature", PHONE.parse().unwrap());
    };
    let signature = "x-twilio-signature";
    vec![
        with(&genuine, |_| (), whole(text)),
        with(&hashed, |_| (), whole(WORDS)),
        with(&genuine, |request| drop(request.headers_mut().remove(signature)), whole(text)),
        with(&genuine, header(signature, TOKEN), whole(text)),
        with(&genuine, header(signature, PHONE), whole(text)),
        with(&genuine, twice, whole(text)),
        with(&genuine, header("content-length", "1000000"), whole(text)),
        with(&genuine, |_| (), whole(PHONE)),
        with(&genuine, |_| (), whole(vec![b'1'; 1000])),
        with(&genuine, |_| (), whole("a=%ff")),
        with(&genuine, |_| (), broken()),
        with(&genuine, |_| (), stalled()),
        with(&genuine, plain, whole(WORDS)),
        with(&hashed, |_| (), whole(PHONE)),
        with(
            &genuine,
            |request| *request.uri_mut() = "/cb?bodySHA256=%2B15551234567".parse().unwrap(),
            whole(text),
        ),
        boxed(signed_form(&other, URL, form).unwrap()),
        boxed(signed_json(&other, URL, WORDS).unwrap()),
    ]
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_token_or_of_a_callback_is_printed() {
    let log = Log::default();
    let _listening = log.listen();
    let tokens = Tokens::from_iter([AuthToken::new(TOKEN).unwrap(), AuthToken::new(OLD).unwrap()]);
    let fixed = PublicUrl::new("https://mycompany.com").unwrap();
    for url in [fixed, PublicUrl::from_forwarded_headers()] {
        let layer = ValidateSignatureLayer::new(tokens.clone(), url)
            .limit(500)
            .body_timeout(Duration::from_secs(1));
        let mut stack = layer.layer(service_fn(|request: Request<Full<Bytes>>| async {
            let body = request.into_body().collect().await?.to_bytes();
            let callbacks =
                (StatusCallback::from_form(&body), OutOfSessionCallback::from_form(&body));
            tracing::info!("{callbacks:?}");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }));
        for request in callbacks() {
            let ready = ServiceExt::<Request<Body>>::ready(&mut stack).await.unwrap();
            let mut future = tokio_test::task::spawn(ready.call(request));
            tracing::info!("{future:?}");
            let first = future.poll();
            tracing::info!("{future:?} {}", first.is_ready());
            if first.is_pending() {
                let response = future.await.unwrap();
                tracing::info!("{response:?}");
            }
        }
        tracing::info!("{layer:?} {:?}", layer.tokens());
    }
    let bad = Callback { url: URL, content_type: None, body: WORDS.as_bytes(), signature: TOKEN };
    let refusal = verify(&tokens, &bad).unwrap_err();
    let base = PublicUrl::new(&format!("https://{PHONE}@mycompany.com")).unwrap_err();
    let decoded = StatusCallback::from_json(WORDS.as_bytes());
    tracing::info!("{bad:?} {refusal} {refusal:?} {base} {base:?} {decoded:?}");
    tracing::info!(
        "{:?} {:?}",
        AuthToken::new(TOKEN),
        sign(&AuthToken::new(TOKEN).unwrap(), URL, [("a", "b")])
    );

    let output = log.text();
    for said in [
        "a callback is refused",
        "no X-Twilio-Signature",
        "not the base64 of 20 bytes",
        "more than one X-Twilio-Signature",
        "larger than 500 bytes",
        "not genuine",
        "not UTF-8",
        "broke off",
        "not come in time",
        "bodySHA256 is not in the URL",
        "not the one that was signed",
        "64 hexadecimal digits",
        "no clear origin",
        "OutOfSessionCallback",
    ] {
        assert!(output.contains(said), "nobody said {said:?}");
    }
    assert_absent(&[TOKEN, OLD, PHONE, WORDS], &output);
    // A signature is as good as a password for the one callback that it is of.
    for request in callbacks() {
        let signatures = request.headers().get_all("x-twilio-signature").iter();
        for signature in signatures.filter_map(|value| value.to_str().ok()) {
            assert_absent(&[signature], &output);
        }
    }
}
