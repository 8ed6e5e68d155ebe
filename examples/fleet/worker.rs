//! One process of the fleet: callers without rest behind a rate limit, over a server that notes when they come.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use twilio_proxy::call::BoxError;
use twilio_proxy::middleware::limit::RateLimitLayer;
use twilio_proxy::middleware::limit::fleet::RedisLimiter;

use super::{Outcome, Run};
use crate::measure;

/// Microseconds since 1970: the one clock that all processes see.
#[allow(clippy::disallowed_methods)]
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn work(run: &Run, begin: u64) -> Outcome {
    let url = run.url.clone().ok_or("a worker needs --url")?;
    let limiter = RedisLimiter::builder(url).settings(measure::settings(run)).build()?;
    let layer = RateLimitLayer::with_limiter(limiter.clone());
    let went = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&went);
    let service = layer.layer(service_fn(move |_: Request<()>| {
        note.lock().unwrap_or_else(PoisonError::into_inner).push(wall());
        async { Ok::<_, BoxError>(Response::new(())) }
    }));
    tokio::time::sleep(Duration::from_micros(begin.saturating_sub(wall()))).await;
    let callers = (0..run.callers).map(|_| async {
        loop {
            let request = Request::get("http://api.test/").body(())?;
            service.clone().oneshot(request).await?;
        }
    });
    let callers = join_all(callers.map(|caller| async {
        let ended: Result<(), BoxError> = caller.await;
        ended
    }));
    // A caller ends with an error only, and then all of it has failed.
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(run.seconds), callers).await {
        return Err(format!("calls failed: {ended:?}").into());
    }
    let status = limiter.status();
    println!("{} {} {}", status.round_trips, status.expired, status.alone);
    for at in went.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        println!("{at}");
    }
    Ok(ExitCode::SUCCESS)
}
