//! Whole calls through the default stack, in paused time, whatever a server answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use tokio::time::{Instant, sleep};
use twilio_proxy::call::{AccountSid, BoxError, Clock, Effect, Rng, ServiceSid, SessionSid};
use twilio_proxy::gateway::{Error, Gateway, GatewayExt};
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::sessions::{CreateSession, DeleteSession, FetchSession, UpdateSession};

const DEADLINE: Duration = Duration::from_secs(20);
const MOST_ATTEMPTS: u32 = 4;

/// What the server does, step by step: status, milliseconds, `Retry-After`, body.
type Step = (Option<StatusCode>, Duration, HeaderValue, Bytes);

/// Which operation, and a line for each answer; `0` for a connection that breaks.
pub(super) fn call(data: &[u8]) {
    let Some(([operation], steps)) = super::lines::<1>(data) else { return };
    let steps: Option<Vec<Step>> = steps.split(|byte| *byte == b'\n').map(step).collect();
    let Some(steps) = steps.filter(|steps| steps.len() <= 8) else { return };
    super::in_paused_time(drive(operation, steps));
}

fn step(line: &[u8]) -> Option<Step> {
    let mut parts = std::str::from_utf8(line).ok()?.splitn(4, '|');
    let (status, time) = (parts.next()?, parts.next()?.parse::<u32>().ok()?);
    let status = if status == "0" { None } else { Some(status.parse().ok()?) };
    let wait = HeaderValue::from_str(parts.next()?).ok()?;
    let body = Bytes::copy_from_slice(parts.next()?.as_bytes());
    Some((status, Duration::from_millis(time.into()), wait, body))
}

async fn drive(operation: &str, steps: Vec<Step>) {
    let seen: Arc<Mutex<Vec<(Method, Effect)>>> = Arc::default();
    let server = {
        let seen = Arc::clone(&seen);
        tower::service_fn(move |request: Request<Full<Bytes>>| {
            let at = seen.lock().unwrap().len();
            let step = steps.get(at.min(steps.len() - 1)).cloned().unwrap();
            let effect = step.0.map_or(Effect::Unknown, Effect::of_status);
            seen.lock().unwrap().push((request.method().clone(), effect));
            answer(step)
        })
    };
    let account = AccountSid::new("AC00000000000000000000000000000000").unwrap();
    let gateway = Gateway::builder(Credentials::auth_token(account, "hush"))
        .deadline(DEADLINE)
        .max_attempts(MOST_ATTEMPTS)
        .clock(Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap()))
        .rng(Rng::seeded(1))
        .over(server)
        .unwrap();
    let service = ServiceSid::new("KSaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let session = SessionSid::new("KCaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
    let start = Instant::now();
    let result = match operation {
        "create" => gateway.send(CreateSession::new(service)).await.map(drop),
        "named" => gateway.send(CreateSession::new(service).unique_name("n")).await.map(drop),
        "fetch" => gateway.send(FetchSession::new(service, session)).await.map(drop),
        "update" => gateway.send(UpdateSession::new(service, session)).await.map(drop),
        "delete" => gateway.send(DeleteSession::new(service, session)).await,
        _ => return,
    };
    // A timer's grain.
    assert!(start.elapsed() <= DEADLINE + Duration::from_millis(2), "{:?}", start.elapsed());
    let seen = seen.lock().unwrap();
    let own = |method: &Method| match operation {
        "fetch" => method == Method::GET,
        "delete" => method == Method::DELETE,
        _ => method == Method::POST,
    };
    let effects: Vec<Effect> =
        seen.iter().filter(|(method, _)| own(method)).map(|(_, effect)| *effect).collect();
    // A fetch looks like the look for a lost answer, which has attempts of its own.
    assert!(effects.len() <= MOST_ATTEMPTS as usize, "{effects:?}");
    if operation == "create" {
        // A create that nobody can find again is never sent twice, unless it was refused.
        let earlier = effects.len().saturating_sub(1);
        assert!(effects[..earlier].iter().all(|effect| *effect == Effect::None), "{effects:?}");
    }
    if let Err(error) = result {
        judge(operation, &error, &effects);
    }
}

/// Whether an error tells the truth of what may have come of the call.
fn judge(operation: &str, error: &Error, effects: &[Effect]) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("hush") && !shown.contains("+1555"), "{shown}");
    if effects.is_empty() {
        assert_eq!(error.effect(), Effect::None, "{error:?}");
    }
    // Of these two a look at the session may have told more.
    let may_have_looked = matches!(operation, "named" | "update");
    if !may_have_looked && effects.iter().any(|effect| *effect != Effect::None) {
        assert_ne!(error.effect(), Effect::None, "{effects:?} {error:?}");
    }
}

async fn answer(step: Step) -> Result<Response<Full<Bytes>>, BoxError> {
    let (status, time, wait, body) = step;
    sleep(time).await;
    let status = status.ok_or("the connection broke")?;
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::RETRY_AFTER, wait);
    Ok(answer)
}
