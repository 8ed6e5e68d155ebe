//! Everything that a call makes the layers print, looked through for what must never be printed.

use std::io;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use tower::{ServiceBuilder, ServiceExt as _, service_fn};
use twilio_proxy::call::{
    AccountSid, BoxError, CallFacts, CallIds, CallOptions, Fault, FaultKind, Idempotency, Rng,
    percent,
};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials, FnCredentials, Grant};
use twilio_proxy::middleware::collect::CollectLayer;
use twilio_proxy::middleware::headers::HeadersLayer;
use twilio_proxy::middleware::observe::{AttemptSpanLayer, CallSpanLayer};

use crate::leaks::{Log, assert_absent, in_base64, spellings};
use crate::probe::origin;

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "t0ken-that-stays-here";
const OWN_TOKEN: &str = "t0ken-of-a-subaccount";
const PHONE: &str = "+15551234567";
const NAME: &str = "Order #1234 for Ms. Doe";
const PAGE_TOKEN: &str = "PAKC0123456789abcdef";
const HEADER: &str = "a-header-of-the-callers";

pub(crate) fn credentials() -> Credentials {
    Credentials::auth_token(AccountSid::new(ACCOUNT).unwrap(), TOKEN)
}

/// Credentials that every call must wait for: they are good for no time at all.
pub(crate) fn provider() -> FnCredentials {
    FnCredentials::new(|| async {
        tokio::task::yield_now().await;
        Ok(Grant::from(&credentials()).expires_in(std::time::Duration::ZERO))
    })
}

fn request(to: &str) -> Request<Full<Bytes>> {
    let (name, phone) = (percent::encode(NAME), percent::encode(PHONE));
    let uri = format!("{to}/v1/Services/KS1/Sessions/{name}?PageToken={PAGE_TOKEN}&Q={phone}");
    let own = Credentials::auth_token(AccountSid::new(ACCOUNT).unwrap(), OWN_TOKEN);
    let options = CallOptions::new()
        .authorization(own.authorization().unwrap())
        .header(HeaderName::from_static("x-own"), HeaderValue::from_static(HEADER))
        .form("Identifier", PHONE);
    let facts = CallFacts::new("sessions.create", Idempotency::Unsafe)
        .with_template("/v1/Services/{ServiceSid}/Sessions/{Sid}")
        .with_id(CallIds::new(&Rng::seeded(1)).next())
        .with_options(Some(Box::new(options)));
    let body =
        format!("Participants={}", percent::encode(&format!("{{\"Identifier\":\"{PHONE}\"}}")));
    let mut request = Request::post(uri).header("x-own", HEADER).body(body.into()).unwrap();
    request.extensions_mut().insert(Arc::new(facts));
    request
}

/// An ending, given the request: its errors and bodies say all they know.
type Ending = fn(String) -> Result<Response<Full<Bytes>>, BoxError>;

/// Makes a call of every kind there is, and returns all that it made anybody print.
async fn all_output() -> String {
    let log = Log::default();
    let _listening = log.listen();
    let endings: [Ending; 4] = [
        |said| Ok(Response::builder().header("the-id", "RQ1").body(Full::from(said)).unwrap()),
        |said| Ok(Response::builder().status(400).body(Full::from(said)).unwrap()),
        |said| Err(io::Error::other(said).into()),
        |said| {
            Err(Fault::new(FaultKind::Interrupted, "reset")
                .with_source(io::Error::other(said))
                .into())
        },
    ];
    let stack = |ending: Option<Ending>| {
        ServiceBuilder::new()
            .layer(CallSpanLayer::new().request_id_header(HeaderName::from_static("the-id")))
            .layer(AttemptSpanLayer::new().request_id_header(HeaderName::from_static("the-id")))
            .layer(HeadersLayer::default())
            .layer(AuthLayer::new(&credentials(), [origin()]))
            .layer(CollectLayer::new())
            .service(service_fn(move |request: Request<Full<Bytes>>| async move {
                match ending {
                    Some(ending) => ending(format!("{request:?} {PHONE} {NAME}")),
                    None => std::future::pending().await,
                }
            }))
    };
    let here = origin().to_string();
    for ending in endings {
        let _ = stack(Some(ending)).oneshot(request(&here)).await;
        // A message of ours, which callers do print.
        if let Err(error) = stack(Some(ending)).oneshot(request("https://evil.test")).await {
            tracing::error!("{error} {error:?}");
        }
    }
    let dropped = stack(None).oneshot(request(&here));
    drop(tokio::time::timeout(std::time::Duration::from_secs(1), dropped).await);

    // What ends up in a panic message or a log line of somebody else's.
    let facts = CallFacts::of(request(&here).extensions()).cloned();
    let layer = AuthLayer::new(&credentials(), [origin()]);
    let options = facts.as_ref().and_then(|facts| facts.options()?.wanted_authorization().cloned());
    tracing::info!("{facts:?} {layer:?} {:?} {options:?} {:?}", layer.live(), credentials());
    log.text()
}

#[tokio::test(start_paused = true)]
async fn no_secret_phone_number_or_value_is_ever_printed() {
    let output = all_output().await;
    for expected in
        ["sessions.create", "call.effect=", "cancelled", "evil.test", "RQ1", "{ServiceSid}"]
    {
        assert!(output.contains(expected), "nothing of {expected} in:\n{output}");
    }
    let joined = format!("{ACCOUNT}:{TOKEN}");
    assert_absent(&[TOKEN, OWN_TOKEN, PHONE, NAME, PAGE_TOKEN, HEADER, &joined], &output);
}

#[test]
fn a_secret_would_be_found_in_every_spelling() {
    for before in ["", "a", "ab", "abc"] {
        let text = STANDARD.encode(format!("{before}{TOKEN} and more"));
        assert!(in_base64(TOKEN).iter().any(|spelling| text.contains(spelling)), "{text}");
    }
    let uri = request("https://api.test").uri().to_string();
    assert!(spellings(NAME).iter().any(|spelling| uri.contains(spelling)));
}
