use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{AuthLayer, Credentials, CredentialsError, FnCredentials, Grant, ProvideAuthorization};
use crate::call::{
    AccountSid, ApiKeySid, BoxError, CallFacts, CallOptions, Class, Effect, Fault, FaultKind,
    Idempotency, Live, Origin,
};
use crate::middleware::retry::RetryLayer;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const KEY: &str = "SK0123456789abcdef0123456789abcdef";
/// Of `AC00000000000000000000000000000000` and `foobar`, made with another tool.
const HEADER: &str = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpmb29iYXI=";

fn account() -> AccountSid {
    AccountSid::new(ACCOUNT).expect("a SID")
}

fn foobar() -> Credentials {
    Credentials::auth_token(account(), "foobar")
}

fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().expect("a URL")).expect("an origin")
}

fn layer() -> AuthLayer {
    AuthLayer::new(&foobar(), [origin("https://proxy.twilio.com")])
}

/// The `Authorization` headers that arrive below the layer, or the error.
async fn sent(layer: &AuthLayer, request: Request<()>) -> Result<Vec<HeaderValue>, BoxError> {
    let inner = service_fn(|request: Request<()>| async move {
        let values = request.headers().get_all("authorization").iter().cloned().collect();
        Ok::<Response<Vec<_>>, BoxError>(Response::new(values))
    });
    layer.layer(inner).call(request).await.map(Response::into_body)
}

fn to(uri: &str) -> Request<()> {
    Request::builder().uri(uri).body(()).expect("a request")
}

async fn refusal(layer: &AuthLayer, uri: &str) -> Fault {
    *sent(layer, to(uri)).await.expect_err("refused").downcast().expect("a fault")
}

#[tokio::test]
async fn the_header_is_basic_and_sensitive_and_replaces_what_was_there() {
    let mut request = to("https://PROXY.twilio.com:443/v1/Services");
    request.headers_mut().append("authorization", HeaderValue::from_static("Bearer stale"));
    request.headers_mut().append("authorization", HeaderValue::from_static("Bearer staler"));
    let values = sent(&layer(), request).await.expect("sent");
    assert_eq!(values, [HEADER]);
    assert!(values[0].is_sensitive());
}

#[tokio::test]
async fn to_any_other_origin_nothing_is_sent() {
    for uri in [
        "http://proxy.twilio.com/",
        "https://proxy.twilio.com:8443/",
        "https://evil.example/",
        "https://proxy.twilio.com.evil.example/",
        "https://proxy.twilio.com@evil.example/",
        "/v1/Services",
    ] {
        let fault = refusal(&layer(), uri).await;
        assert_eq!((fault.kind(), fault.effect()), (FaultKind::Config, Effect::None), "{uri}");
        assert_eq!(fault.class(), Class::Local, "never tried again: {uri}");
        assert!(fault.to_string().starts_with("not sent: "), "{fault}");
    }
    let fault = refusal(&layer(), "https://evil.example/secret/path?and=query").await;
    let message = "not sent: the credentials are not meant for https://evil.example";
    assert_eq!(fault.to_string(), message);
}

#[tokio::test]
async fn without_credentials_every_request_passes_as_it_is() {
    let none = AuthLayer::new(&Credentials::none(), []);
    assert!(sent(&none, to("http://sidecar:4010/")).await.expect("sent").is_empty());
    let mut request = to("http://sidecar:4010/");
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer theirs"));
    assert_eq!(sent(&none, request).await.expect("sent"), ["Bearer theirs"]);
}

#[tokio::test]
async fn plain_http_is_for_this_machine_or_for_those_who_ask() {
    let urls = ["http://127.0.0.1:4010", "http://localhost", "http://[::1]:80", "http://mock:4010"];
    let layer = AuthLayer::new(&foobar(), urls.map(origin));
    for uri in ["http://127.0.0.1:4010/", "http://localhost/", "http://[::1]/"] {
        assert_eq!(sent(&layer, to(uri)).await.expect(uri), [HEADER]);
    }
    let fault = refusal(&layer, "http://mock:4010/").await;
    assert!(fault.to_string().contains("plain http to http://mock:4010"), "{fault}");
    let trusting = layer.allow_insecure(true);
    assert_eq!(sent(&trusting, to("http://mock:4010/")).await.expect("sent"), [HEADER]);
}

#[tokio::test]
async fn a_call_may_bring_its_own_credentials_but_not_to_other_origins() {
    let other = Credentials::auth_token(account(), "other").authorization().expect("some");
    let expected = other.header().clone();
    let request = |uri: &str| {
        let options = CallOptions::new().authorization(other.clone());
        let facts = CallFacts::new("test", Idempotency::Safe).with_options(Some(Box::new(options)));
        let mut request = to(uri);
        request.extensions_mut().insert(Arc::new(facts));
        request
    };
    let none = AuthLayer::new(&Credentials::none(), [origin("https://proxy.twilio.com")]);
    for layer in [layer(), none] {
        let sent_there = sent(&layer, request("https://proxy.twilio.com/")).await;
        assert_eq!(sent_there.expect("sent"), [&expected]);
        assert!(sent(&layer, request("https://evil.example/")).await.is_err());
    }
}

#[tokio::test]
async fn credentials_change_while_the_stack_runs() {
    let layer = layer();
    let mut stack = layer.layer(service_fn(|request: Request<()>| async move {
        Ok::<_, BoxError>(Response::new(request.headers().get("authorization").cloned()))
    }));
    let uri = "https://proxy.twilio.com/";
    let before = stack.call(to(uri)).await.expect("sent").into_body();
    let rotated = Credentials::auth_token(account(), "rotated").authorization();
    layer.live().set(rotated.clone());
    let after = stack.call(to(uri)).await.expect("sent").into_body();
    assert_eq!(before.as_ref(), Some(&HeaderValue::from_static(HEADER)));
    assert_eq!(after.as_ref(), rotated.as_ref().map(|rotated| rotated.header()));
    layer.live().set(None);
    assert_eq!(stack.call(to(uri)).await.expect("sent").into_body(), None);
}

#[test]
fn a_key_speaks_for_the_account_it_is_said_to() {
    let key = ApiKeySid::new(KEY).expect("a SID");
    let credentials = Credentials::api_key(key, "sësame:2", account());
    let authorization = credentials.authorization().expect("some");
    assert_eq!(
        authorization.header(),
        "Basic U0swMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpzw6tzYW1lOjI="
    );
    assert_eq!(authorization.account(), Some(account().into()));
    assert_eq!(Credentials::api_key(key, "x", None).account(), None);
    assert!(Credentials::none().authorization().is_none() && Credentials::none().is_none());
}

#[test]
fn nothing_prints_a_secret() {
    let key = ApiKeySid::new(KEY).expect("a SID");
    let credentials = Credentials::api_key(key, "foobar", account());
    let printed = format!("{credentials:?} {:?} {:?} {:?}", foobar(), layer(), layer().live());
    assert!(printed.contains(ACCOUNT) && printed.contains(KEY), "{printed}");
    assert!(!printed.contains("foobar") && !printed.contains("Zm9vYmFy"), "{printed}");
    assert!(!printed.contains("QUMwMDAw"), "{printed}");
}

fn lookup(set: &[(&'static str, &'static str)]) -> Result<Credentials, CredentialsError> {
    Credentials::from_lookup(|name| {
        set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| *value)
    })
}

fn found(set: &[(&'static str, &'static str)]) -> HeaderValue {
    let credentials = lookup(set).expect("credentials");
    credentials.authorization().expect("some").header().clone()
}

#[test]
fn the_environment_is_read_as_twilios_own_tools_read_it() {
    let token = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", "foobar")];
    assert_eq!(found(&token), HEADER);
    let key = [("TWILIO_API_KEY", KEY), ("TWILIO_API_SECRET", "sësame:2")];
    let expected = Credentials::api_key(ApiKeySid::new(KEY).expect("a SID"), "sësame:2", None);
    let expected = expected.authorization().expect("some");
    assert_eq!(found(&key), expected.header());

    let both = [token, key].concat();
    assert_eq!(found(&both), expected.header(), "the key goes first");
    assert_eq!(lookup(&both).expect("both").account(), Some(account()));

    let emptied = [&token[..], &[("TWILIO_API_KEY", ""), ("TWILIO_API_SECRET", "")]].concat();
    assert_eq!(found(&emptied), HEADER, "set to nothing is not set");
}

#[test]
fn what_is_missing_or_malformed_is_named_and_never_shown() {
    let message = |set: &[(&'static str, &'static str)]| {
        let error = lookup(set).expect_err("no credentials");
        (error.variable(), error.to_string())
    };
    let none = lookup(&[]).expect_err("none");
    assert!(none.is_unset() && none.to_string().starts_with("no credentials are set"), "{none}");

    let (sid, token, key, secret) =
        ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET");
    for (set, variable) in [
        (&[(sid, ACCOUNT)][..], token),
        (&[(token, "foobar")], sid),
        (&[(key, KEY)], secret),
        (&[(secret, "foobar")], key),
        // Half a key beside a whole token: using the token would be more power than was meant.
        (&[(sid, ACCOUNT), (token, "foobar"), (key, KEY)], secret),
    ] {
        assert_eq!(message(set), (variable, format!("{variable} is not set")));
        assert!(!lookup(set).expect_err("no credentials").is_unset());
    }
    for (set, variable) in [
        // The two swapped, which is when a secret would show.
        (&[(sid, "s3cret-value"), (token, ACCOUNT)][..], sid),
        (&[(sid, ACCOUNT), (token, "s3cret-value\n")], token),
        (&[(key, "s3cret-value"), (secret, KEY)], key),
        (&[(key, KEY), (secret, "s3cret value")], secret),
        (&[(key, KEY), (secret, "x"), (sid, "s3cret-value")], sid),
    ] {
        let (named, message) = message(set);
        assert_eq!(named, variable);
        assert!(message.contains(variable) && !message.contains("s3cret"), "{message}");
        assert!(!format!("{:?}", lookup(set)).contains("s3cret"));
    }
}

#[test]
fn a_relative_uri_has_no_origin_to_name() {
    let request = Request::get("/v1").body(()).expect("a request");
    let reason = layer().admit(&request).expect_err("refused");
    assert_eq!(reason, "not sent: the credentials are not meant for a URL without a clear origin");
}

/// A function whose credentials change when it is told so, through a retry.
#[tokio::test(start_paused = true)]
async fn a_401_has_a_function_asked_and_only_other_credentials_are_tried() {
    let token = Live::new("first");
    let vault = token.clone();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let provider = FnCredentials::new(move || {
        count.fetch_add(1, Relaxed);
        let now = vault.read(|now| *now);
        async move { Ok(Grant::from(&Credentials::auth_token(account(), now))) }
    })
    .for_account(account());
    assert_eq!(provider.account(), Some(account().into()));
    let layer = AuthLayer::from_provider(provider, [origin("https://proxy.twilio.com")]);
    let accepted = Live::new("first");
    let api = accepted.clone();
    let call = || {
        let api = api.clone();
        let service = service_fn(move |request: Request<Full<Bytes>>| {
            let accepted = Credentials::auth_token(account(), api.read(|now| *now));
            let accepted = accepted.authorization().expect("some");
            let fits = request.headers().get("authorization") == Some(accepted.header());
            async move {
                let status = if fits { 200 } else { 401 };
                Ok::<_, BoxError>(Response::builder().status(status).body(())?)
            }
        });
        let stack = (RetryLayer::new(), layer.clone()).layer(service);
        let request = Request::post("https://proxy.twilio.com/").body(Full::default());
        async move {
            let answer = stack.oneshot(request.expect("a request")).await.expect("an answer");
            answer.status().as_u16()
        }
    };
    assert_eq!((call().await, asked.load(Relaxed)), (200, 1));
    assert_eq!((call().await, asked.load(Relaxed)), (200, 1));
    accepted.set("second");
    assert_eq!((call().await, asked.load(Relaxed)), (401, 2), "the vault has no others");
    assert_eq!((call().await, asked.load(Relaxed)), (401, 2), "and is not asked at once");
    token.set("second");
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    assert_eq!((call().await, asked.load(Relaxed)), (200, 3), "tried again, with others");
    // What is set by hand goes first, and is nobody's to renew.
    layer.live().set(foobar().authorization());
    assert_eq!((call().await, asked.load(Relaxed)), (401, 3));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_function_is_the_cause_and_a_fault_is_itself() {
    let failing = |error: fn() -> BoxError| {
        let provider = FnCredentials::new(move || async move { Err::<Grant, _>(error()) });
        AuthLayer::from_provider(provider, [origin("https://proxy.twilio.com")])
    };
    let fault = refusal(&failing(|| "sealed".into()), "https://proxy.twilio.com/").await;
    assert_eq!((fault.kind(), fault.class()), (FaultKind::Credentials, Class::Local));
    assert_eq!(
        (fault.to_string().as_str(), fault.effect()),
        ("no credentials could be had", Effect::None)
    );
    assert_eq!(fault.into_source().expect("a cause").to_string(), "sealed");
    let own = || Fault::new(FaultKind::Config, "no such key").into();
    let fault = refusal(&failing(own), "https://proxy.twilio.com/").await;
    assert_eq!((fault.kind(), fault.to_string().as_str()), (FaultKind::Config, "no such key"));
}

#[tokio::test]
async fn a_provider_without_credentials_lets_requests_pass_as_they_are() {
    let layer = AuthLayer::from_provider(Credentials::none(), [origin("https://proxy.twilio.com")]);
    assert!(sent(&layer, to("https://proxy.twilio.com/")).await.expect("sent").is_empty());
    let layer = AuthLayer::from_provider(foobar(), [origin("https://proxy.twilio.com")]);
    assert_eq!(sent(&layer, to("https://proxy.twilio.com/")).await.expect("sent"), [HEADER]);
    assert_eq!(layer.account(), Some(account().into()));
}
