//! Signed requests, through the whole stack: what goes out is what was signed, each time anew.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use backoff::backoff::Constant;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use tower::service_fn;
use twilio_proxy::call::{CallFacts, CallOptions, Collected, Fault, FaultKind};
use twilio_proxy::gateway::{
    DefaultGateway, ErrorKind, Gateway, GatewayBuilder, GatewayExt, HttpStack, StackLayers,
};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::auth::signing::SigningKey;
use twilio_proxy::sessions::{CreateSession, FetchSession};
use twilio_proxy::wire::Operation;

use crate::leaks::{Log, assert_absent};
use crate::signing_key::{credentials, key};
use crate::world::{clock, service};

const SECRET: &str = "the-secret-of-a-key";

#[derive(Deserialize)]
struct Claims {
    nbf: i64,
    rqh: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Twilio's side: checks each request's token against the request, and answers by a script.
#[derive(Clone)]
struct Twilio {
    key: SigningKey,
    seen: Arc<Mutex<Vec<(String, i64)>>>,
}

type Answer = Result<(u16, &'static str), Fault>;

impl Twilio {
    fn new() -> Self {
        Self { key: key().0, seen: Arc::default() }
    }

    async fn check(&self, request: Request<Full<Bytes>>) {
        let (head, body) = request.into_parts();
        let token = head.headers["twilio-client-validation"].to_str().unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        (validation.validate_exp, validation.validate_nbf) = (false, false);
        let key = DecodingKey::from_rsa_der(self.key.public_key_der());
        let claims = decode::<Claims>(token, &key, &validation).unwrap().claims;
        let body = body.collect().await.unwrap().to_bytes();
        let body =
            if body.is_empty() { String::new() } else { hex(digest(&SHA256, &body).as_ref()) };
        // What this crate sends is canonical, apart from the order in the query.
        let mut query: Vec<_> = head.uri.query().unwrap_or_default().split('&').collect();
        query.sort_unstable();
        let canonical = format!(
            "{}\n{}\n{}\nauthorization:{}\nhost:{}\n\nauthorization;host\n{body}",
            head.method,
            head.uri.path(),
            query.join("&"),
            head.headers["authorization"].to_str().unwrap(),
            head.uri.host().unwrap(),
        );
        assert_eq!(claims.rqh, hex(digest(&SHA256, canonical.as_bytes()).as_ref()), "{canonical}");
        let place = format!("{} {}", head.method, head.uri);
        self.seen.lock().unwrap().push((place, claims.nbf));
    }

    /// A gateway over it, which answers the attempts in turn.
    fn gateway(
        &self,
        answers: Vec<Answer>,
        change: fn(GatewayBuilder) -> GatewayBuilder,
    ) -> DefaultGateway<
        impl HttpStack<Error = Fault, ResponseBody = Collected, Future: Send> + Clone + use<>,
    > {
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let twilio = self.clone();
        let server = service_fn(move |request: Request<Full<Bytes>>| {
            let (twilio, answers) = (twilio.clone(), Arc::clone(&answers));
            async move {
                let facts = Arc::clone(CallFacts::of(request.extensions()).unwrap());
                facts.mark_reached();
                twilio.check(request).await;
                let (status, body) = answers.lock().unwrap().next().unwrap()?;
                facts.mark_sent();
                let body = Collected::new(Bytes::from_static(body.as_bytes()));
                Ok(Response::builder().status(status).body(body).unwrap())
            }
        });
        let builder =
            Gateway::builder(credentials(SECRET)).clock(clock()).sign_with(self.key.clone());
        change(builder).over(server).unwrap()
    }

    fn seen(&self) -> Vec<(String, i64)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

const SESSION: &str = r#"{"sid": "KC00000000000000000000000000000001", "status": "open"}"#;

#[tokio::test(start_paused = true)]
async fn every_attempt_has_a_signature_of_its_own_time() {
    let twilio = Twilio::new();
    let answers = vec![Ok((429, "{}")), Ok((503, "")), Ok((201, SESSION))];
    let gateway = twilio.gateway(answers, |builder| {
        builder.layers(|layers| StackLayers {
            retry: layers.retry.schedule(|| Constant::new(Duration::from_secs(5))),
            ..layers
        })
    });
    let create =
        CreateSession::new(service(1)).unique_name("Order #1234 / ü").ttl(Duration::from_secs(60));
    gateway.send(create).await.unwrap();
    let seen = twilio.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.windows(2).all(|two| two[1].1 == two[0].1 + 5), "{seen:?}");
    let gateway = twilio.gateway(vec![Ok((200, SESSION))], |builder| builder);
    gateway.send(FetchSession::by_name(service(1), "Order #1234 / ü")).await.unwrap();
    assert!(twilio.seen()[0].0.ends_with("/Sessions/Order%20%231234%20%2F%20%C3%BC"));
}

/// The `Host` that is signed is that of the endpoint which was chosen, after the one before it failed.
#[tokio::test(start_paused = true)]
async fn the_signature_follows_the_endpoint() {
    let twilio = Twilio::new();
    let refused = || Err(Fault::new(FaultKind::Connect, "down"));
    let gateway = twilio
        .gateway(vec![refused(), Ok((201, SESSION))], |builder| builder.failover_edge("dublin"));
    gateway.send(CreateSession::new(service(1))).await.unwrap();
    let mut hosts: Vec<_> = twilio
        .seen()
        .iter()
        .map(|(place, _)| place.split('/').nth(2).unwrap().to_owned())
        .collect();
    hosts.sort();
    assert_eq!(hosts, ["proxy.dublin.us1.twilio.com", "proxy.twilio.com"]);
}

#[tokio::test(start_paused = true)]
async fn every_page_is_signed() {
    let twilio = Twilio::new();
    let first = r#"{"sessions": [{"sid": "KC00000000000000000000000000000001"}], "meta": {"key": "sessions",
        "next_page_url": "https://proxy.twilio.com/v1/Services/KS00000000000000000000000000000001/Sessions?PageSize=1&Page=1&PageToken=PT1"}}"#;
    let last = r#"{"sessions": [], "meta": {"key": "sessions", "next_page_url": null}}"#;
    let gateway = twilio.gateway(vec![Ok((200, first)), Ok((200, last))], |builder| builder);
    let sessions = gateway.sessions(service(1)).list(|list| list);
    let sessions: Vec<_> = sessions.try_collect().await.unwrap();
    assert_eq!((sessions.len(), twilio.seen().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn credentials_of_another_kind_are_refused_before_anything_is_sent() {
    let twilio = Twilio::new();
    let gateway = twilio.gateway(vec![], |builder| builder);
    let account = "AC00000000000000000000000000000000".parse().unwrap();
    let own = Credentials::auth_token(account, SECRET).authorization().unwrap();
    let fetch = FetchSession::by_name(service(1), "a");
    let fetch = fetch.with(CallOptions::new().authorization(own));
    let error = gateway.send(fetch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!format!("{error} {error:?}").contains(SECRET));
    assert!(twilio.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_key_and_no_token_is_printed() {
    let log = Log::default();
    let _listening = log.listen();
    let (key, pem) = key();
    let twilio = Twilio { key, seen: Arc::default() };
    let answers = vec![Ok((503, "")), Ok((401, "{}"))];
    let gateway = twilio.gateway(answers, |builder| builder);
    let error = gateway.send(FetchSession::by_name(service(1), "a")).await.unwrap_err();
    tracing::error!("{error} {error:?} {:?}", twilio.key);
    let printed = log.text();
    assert!(printed.contains("CR0123456789"), "the log is heard");
    let line = &pem.lines().nth(1).unwrap()[..64];
    assert_absent(&[SECRET, line, "eyJjdHkiOiJ0d2lsaW8tcGtydj"], &printed);
}
