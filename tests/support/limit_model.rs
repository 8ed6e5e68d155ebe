//! A server with a knee in its latency curve, and how a concurrency limit finds it, in paused time.
//!
//! The test asserts what comes of it and the example draws it: the same runs.

// Either has a use for most of it.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::{Layer, ServiceExt, service_fn};
use twilio_proxy::call::{BoxError, Fault, FaultKind, Rng};
use twilio_proxy::middleware::limit::ConcurrencyLimitLayer;
use twilio_proxy::middleware::limit::concurrency::LimitPolicy;

/// How long the server takes for one request that needn't wait, give or take a fifth.
const WORK: Duration = Duration::from_millis(100);
/// How long it takes to say no.
const REFUSAL: Duration = Duration::from_millis(20);
/// How often the limit is looked at.
const TICK: Duration = Duration::from_millis(250);
/// Callers that want something at any time: more than any limit here, so that it is the limit that
/// decides how many are under way.
const CALLERS: usize = 300;

/// What happens in a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How many requests the server works on at once: the knee. The others wait in line there.
    pub(crate) knee: usize,
    /// Half of the knee is gone after this time.
    pub(crate) halves: Duration,
    pub(crate) lasts: Duration,
    /// Whether the server answers 429 beyond the knee, and lets nobody wait.
    pub(crate) refuses: bool,
    /// After what time an attempt is given up.
    pub(crate) attempt_timeout: Duration,
    /// Whether the server takes for a request what chance will have: distributed exponentially.
    pub(crate) erratic: bool,
    pub(crate) seed: u64,
}

impl Plan {
    /// A server that lets wait whoever comes.
    pub(crate) fn queues(knee: usize) -> Self {
        Self {
            knee,
            halves: Duration::from_secs(40),
            lasts: Duration::from_secs(80),
            refuses: false,
            attempt_timeout: Duration::from_secs(10),
            erratic: false,
            seed: 1,
        }
    }

    /// A server that turns away who is too many.
    pub(crate) fn refuses(knee: usize) -> Self {
        Self { refuses: true, ..Self::queues(knee) }
    }

    /// A server that lets wait, for callers who wait for so many times its work.
    pub(crate) fn times_out(knee: usize, patience: u32) -> Self {
        Self { attempt_timeout: WORK * patience, ..Self::queues(knee) }
    }

    /// The knee at this moment.
    pub(crate) fn knee_at(&self, at: Duration) -> usize {
        if at < self.halves { self.knee } else { self.knee / 2 }
    }
}

/// What has come of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// The limit, every quarter of a second: of a probe, where there is one under way.
    pub(crate) limits: Vec<(Duration, usize)>,
    pub(crate) served: usize,
    pub(crate) throttled: usize,
    pub(crate) timed_out: usize,
}

impl Run {
    /// The limits between these moments.
    pub(crate) fn between(&self, from: u64, to: u64) -> Vec<usize> {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        self.limits.iter().filter(|(at, _)| span.contains(at)).map(|(_, limit)| *limit).collect()
    }

    /// The limit between these moments, on average.
    pub(crate) fn mean(&self, from: u64, to: u64) -> f64 {
        let limits = self.between(from, to);
        limits.iter().sum::<usize>() as f64 / limits.len() as f64
    }
}

struct Server {
    plan: Plan,
    began: Instant,
    workers: Semaphore,
    inside: AtomicUsize,
    rng: Rng,
}

impl Server {
    async fn serve(self: Arc<Self>) -> Result<Response<()>, BoxError> {
        match timeout(self.plan.attempt_timeout, self.answer()).await {
            Ok(status) => {
                let mut response = Response::new(());
                *response.status_mut() = status;
                Ok(response)
            }
            Err(_) => Err(Fault::new(FaultKind::AttemptTimeout, "too slow").into()),
        }
    }

    async fn answer(&self) -> StatusCode {
        let inside = Inside::of(&self.inside);
        if self.plan.refuses && inside.number > self.plan.knee_at(self.began.elapsed()) {
            drop(inside);
            sleep(REFUSAL).await;
            return StatusCode::TOO_MANY_REQUESTS;
        }
        let worker = self.workers.acquire().await;
        let draw = self.rng.fraction();
        let times = if self.plan.erratic { -(1.0 - draw).ln() } else { 0.8 + 0.4 * draw };
        sleep(WORK.mul_f64(times)).await;
        drop(worker);
        StatusCode::OK
    }
}

struct Inside<'a> {
    count: &'a AtomicUsize,
    number: usize,
}

impl<'a> Inside<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        Self { count, number: count.fetch_add(1, Relaxed) + 1 }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}

/// Runs the plan under this policy.
pub(crate) fn run<P: LimitPolicy>(plan: Plan, policy: P) -> Result<Run, BoxError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(drive(plan, ConcurrencyLimitLayer::adaptive(policy)))
}

async fn drive<P: LimitPolicy>(
    plan: Plan,
    layer: ConcurrencyLimitLayer<P>,
) -> Result<Run, BoxError> {
    let began = Instant::now();
    let workers = Semaphore::new(plan.knee);
    let server =
        Server { plan, began, workers, inside: AtomicUsize::new(0), rng: Rng::seeded(plan.seed) };
    let server = Arc::new(server);
    let counts: Arc<[AtomicUsize; 3]> = Arc::default();

    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let (server, counts) = (Arc::clone(&server), Arc::clone(&counts));
        let service =
            layer.clone().layer(service_fn(move |_: Request<()>| Arc::clone(&server).serve()));
        callers.spawn(async move {
            loop {
                let outcome = service.clone().oneshot(Request::new(())).await;
                let what = match outcome {
                    Ok(response) if response.status() == StatusCode::OK => 0,
                    Ok(_) => 1,
                    Err(_) => 2,
                };
                counts[what].fetch_add(1, Relaxed);
            }
        });
    }
    let halving = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            sleep_until(began + plan.halves).await;
            if let Ok(gone) = server.workers.acquire_many((plan.knee / 2) as u32).await {
                gone.forget();
            }
        }
    });

    let mut run = Run::default();
    while began.elapsed() < plan.lasts {
        run.limits.push((began.elapsed(), layer.limit()));
        sleep(TICK).await;
    }
    halving.abort();
    callers.shutdown().await;
    [run.served, run.throttled, run.timed_out] =
        [0, 1, 2].map(|what: usize| counts[what].load(Relaxed));
    Ok(run)
}
