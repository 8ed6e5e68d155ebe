//! A whole run at the finest level of logging, looked through for what must never be printed.

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tower::service_fn;
use twilio_proxy::call::{AccountSid, BoxError, CallOptions, SessionSid};
use twilio_proxy::gateway::{Error, GatewayBuilder, GatewayExt, ReconcileLayer};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::sessions::{
    CreateSession, DeleteSession, FetchSession, ListSessions, Participant, SessionStatus,
    UpdateSession,
};
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};
use twilio_proxy::wire::Operation;

use crate::leaks::{Log, assert_absent};
use crate::never_twice::everything;
use crate::traffic::Front;
use crate::world::{builder, clock, service, settings};

const OWN_TOKEN: &str = "t0ken-of-a-subaccount";
const OWN_ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const PHONES: [&str; 2] = ["+15551234567", "+15557654321"];
const NAME: &str = "Order #1234 for Ms. Doe";
const FRIENDLY: &str = "Jane Q. Doe";
const PAGE_TOKEN: &str = "PT0123456789abcdef";
const HEADER: &str = "a-header-of-the-callers";
const FORM: &str = "a-parameter-of-the-callers";

/// The simulator's settings with both accounts.
pub(crate) fn accounts(settings: Settings) -> Settings {
    settings.account(AccountSid::new(OWN_ACCOUNT).unwrap(), OWN_TOKEN)
}

/// Makes retries speak, and the rate limit.
pub(crate) fn talkative(builder: GatewayBuilder) -> GatewayBuilder {
    builder
        .user_agent("secrets/1")
        .reconcile(ReconcileLayer::new().compare_participants(true).name_unnamed("made-up-"))
        .quota(Quota::per_second(40).burst(2))
        .on_retry(|event| tracing::info!("{event:?}"))
}

/// What ends up in a panic message, in a log of somebody else's, or before a user's eyes.
fn say(error: &Error) {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        tracing::error!("{error} {error:?} {error:#?}");
        next = error.source();
    }
    let api = error.api().map(|api| format!("{api} {api:?}"));
    tracing::error!("{api:?} {:?} {:?}", error.retry_after(), error.status());
}

fn told<T>(outcome: Result<T, Error>) -> Option<T> {
    outcome.inspect_err(say).ok()
}

/// Every operation, with all that can be secret in it.
pub(crate) async fn visit<G: Front>(gateway: &G) {
    let service = service(1);
    let own = Credentials::auth_token(AccountSid::new(OWN_ACCOUNT).unwrap(), OWN_TOKEN);
    let options = || {
        CallOptions::new()
            .authorization(own.authorization().unwrap())
            .header(HeaderName::from_static("x-own"), HeaderValue::from_static(HEADER))
            .max_attempts(3)
    };
    let participant = |number: usize| {
        Participant::new(PHONES[number])
            .friendly_name(FRIENDLY)
            .proxy_identifier(PHONES[1 - number])
    };
    let named = CreateSession::new(service)
        .unique_name(NAME)
        .participant(participant(0))
        .participant(participant(1));
    let create = named.clone().detailed().with(options().form("More", FORM));
    let session = told(gateway.send(create).await).and_then(|reply| reply.output.sid);
    told(gateway.send(named.clone().detailed().with(options())).await);
    told(gateway.send(FetchSession::by_name(service, NAME).detailed().with(options())).await);
    let unknown = SessionSid::new(&format!("KC{:032x}", 1)).unwrap();
    let sid = session.unwrap_or(unknown);
    let close = UpdateSession::new(service, sid).status(SessionStatus::Closed);
    told(gateway.send(close.detailed().with(options())).await);
    // The token is one that the server never made up; and a URL that leads elsewhere.
    let list = ListSessions::new(service).page_token(PAGE_TOKEN).page_size(1);
    told(gateway.send(list.detailed().with(options())).await);
    let elsewhere = format!("https://evil.test/{NAME}?PageToken={PAGE_TOKEN}");
    told(gateway.send(ListSessions::page(service, elsewhere).detailed().with(options())).await);
    told(gateway.items(ListSessions::new(service).page_size(1)).try_collect::<Vec<_>>().await);
    told(gateway.send(DeleteSession::new(service, sid).detailed().with(options())).await);
    // What is refused before it is sent.
    let long = named.clone().participant(Participant::new(PHONES[0].repeat(99)));
    told(gateway.send(long.detailed().with(options())).await);
    let third = named.participant(participant(0));
    told(gateway.send(third.detailed().with(options())).await);
    told(gateway.send(FetchSession::by_name(service, "..").detailed().with(options())).await);
}

/// Nothing secret is in the output; and this is, or nobody has listened.
pub(crate) fn assert_discreet(output: &str, expected: &[&str]) {
    for expected in expected {
        assert!(output.contains(expected), "nothing of {expected:?} in {} bytes", output.len());
    }
    assert_absent(&[Simulator::AUTH_TOKEN, OWN_TOKEN, PHONES[0], PHONES[1]], output);
    assert_absent(&[NAME, FRIENDLY, PAGE_TOKEN, HEADER, FORM], output);
    let pairs = [(Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN), (OWN_ACCOUNT, OWN_TOKEN)];
    for (user, token) in pairs {
        assert_absent(&[&format!("{user}:{token}")], output);
    }
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_printed_whatever_goes_wrong() {
    let log = Log::default();
    let _listening = log.listen();
    for seed in 0..12 {
        let clock = clock();
        let simulator = Simulator::with(accounts(settings(clock, seed)));
        simulator.set_faults(FaultPlan::random(seed).rate(0.5).mix(everything()));
        let builder = talkative(builder(clock, seed));
        tracing::info!("{builder:?}");
        let gateway = builder.over(simulator.clone()).unwrap();
        for _ in 0..3 {
            futures_util::future::join(visit(&gateway), visit(&gateway)).await;
        }
        tracing::info!("{gateway:?} {:?}", simulator.stats());
    }
    let all = ["sessions.create", "trying again", "giving up", "a call waits", "by a look"];
    assert_discreet(&log.text(), &all);
}

/// Answers of a server that repeats what it was sent, in every place that is read.
#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_is_not_printed() {
    let phone = PHONES[0];
    let bodies = [
        format!(r#"{{"sid": "{phone}"}}"#),
        format!(r#"{{"ttl": "{phone}"}}"#),
        format!(r#"{{"date_created": "{phone}"}}"#),
        format!(r#"{{"links": "{phone}"}}"#),
        format!(r#"{{"unique_name": {{"{NAME}": "{phone}"}}}}"#),
        format!(r#"{{"sessions": "{phone}", "meta": "{NAME}"}}"#),
        format!(r#"{{"sessions": [{{"mode": {{"{phone}": 1}}}}], "meta": {{"page": "{NAME}"}}}}"#),
        format!(r#""{phone} {NAME}""#),
        format!("{phone} {NAME}"),
        format!(r#"{{"code": 80404, "message": "{phone}", "details": {{"{NAME}": "{phone}"}}}}"#),
        format!(r#"{{"code": "{phone}", "title": "{NAME}", "errors": [{{"detail": "{phone}"}}]}}"#),
    ];
    let log = Log::default();
    let _listening = log.listen();
    let mut failed = 0;
    for body in &bodies {
        for status in [200, 400, 429, 500] {
            let status = StatusCode::from_u16(status).unwrap();
            let body = Bytes::from(body.clone());
            let echo = service_fn(move |_: Request<Full<Bytes>>| {
                let mut response = Response::new(Full::new(body.clone()));
                *response.status_mut() = status;
                async move { Ok::<_, BoxError>(response) }
            });
            let gateway = builder(clock(), 1).max_attempts(2).over(echo).unwrap();
            let sid = SessionSid::new(&format!("KC{:032x}", 1)).unwrap();
            let fetched = gateway.send(FetchSession::new(service(1), sid)).await;
            let listed = gateway.send(ListSessions::new(service(1))).await;
            failed += usize::from(told(fetched).is_none()) + usize::from(told(listed).is_none());
        }
    }
    assert!(failed > bodies.len() * 6, "only {failed} failed");
    assert_absent(&[PHONES[0], NAME], &log.text());
}
