//! What the shared parts of the stack cost where several threads meet in them: a key's rate limit, the
//! retry budget, a circuit.
//!
//! A row's time is the wall's for one admitted call over all its threads: if the threads don't disturb each
//! other, it halves from one thread to two on two free cores, and more threads than cores change nothing.
//!
//! Before the rows it looks at the rate limit where calls wait, which is bound by the quota and has no time
//! worth measuring: how often the limiter is asked for each call that it admits (at most twice), and in
//! which order calls go (as they came). Either is a failure if it does not hold.

#[path = "support/figures.rs"]
mod figures;
#[path = "support/instantly.rs"]
mod instantly;

use std::future::{Ready, ready};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Barrier, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion};
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::Instant;
use tower::{BoxError, Layer, Service};
use twilio_proxy::call::{CallFacts, Fault};
use twilio_proxy::middleware::breaker::BreakerLayer;
use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::limit::rate::{
    Check, Key, Limiter, LocalLimiter, RateLimitLayer, Throttle,
};
use twilio_proxy::middleware::retry::{FullJitter, RetryLayer};

use figures::Figures;
use instantly::Instantly;

const THREADS: [usize; 3] = [1, 2, 4];

/// A quota that never makes anybody wait, so that only the checks are measured.
const WIDE_OPEN: u32 = 1_000_000_000;

fn main() -> ExitCode {
    let quick = std::env::args().any(|argument| argument == "--test");
    let holds = lines(quick).unwrap_or_else(|error| {
        eprintln!("the lines could not be looked at: {error}");
        false
    });
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    rows(&mut criterion);
    criterion.final_summary();
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rows(criterion: &mut Criterion) {
    let quota = Quota::per_second(WIDE_OPEN).burst(WIDE_OPEN);
    let limit = RateLimitLayer::new(quota).layer(Instantly::default());
    let retry = RetryLayer::new().schedule(FullJitter::new().base(Duration::ZERO));
    let breaker = BreakerLayer::default().layer(Instantly::default());
    row(criterion, "bare", |_| "/", &Instantly::default());
    row(criterion, "rate_limit/one_key", |_| "/", &limit);
    row(criterion, "rate_limit/a_key_each", |thread| ORIGINS[thread], &limit);
    // A full budget is only looked at; a retry takes from it and, gone well, puts back.
    row(criterion, "retry_budget/first_try", |_| "/", &retry.layer(Instantly::default()));
    row(criterion, "retry_budget/second_try", |_| "/", &retry.layer(AtSecondTry));
    row(criterion, "breaker/one_circuit", |_| ORIGINS[0], &breaker);
}

const ORIGINS: [&str; 4] = ["http://a.test/", "http://b.test/", "http://c.test/", "http://d.test/"];

/// One stack, called by so many threads at once, each with a clone and an address of its own.
fn row<S>(criterion: &mut Criterion, name: &str, uri: fn(usize) -> &'static str, stack: &S)
where
    S: Service<Request<Full<Bytes>>> + Clone + Send + Sync,
{
    let mut group = criterion.benchmark_group(name);
    for threads in THREADS {
        group.bench_function(BenchmarkId::from_parameter(threads), |bencher| {
            bencher.iter_custom(|calls| hammer(threads, calls, uri, stack));
        });
    }
    group.finish();
}

/// How long so many calls take, divided among the threads.
fn hammer<S>(threads: usize, calls: u64, uri: fn(usize) -> &'static str, stack: &S) -> Duration
where
    S: Service<Request<Full<Bytes>>> + Clone + Send + Sync,
{
    let each = calls.div_ceil(threads as u64);
    let start = Barrier::new(threads + 1);
    let elapsed = std::thread::scope(|scope| {
        for thread in 0..threads {
            let start = &start;
            let mut stack = stack.clone();
            scope.spawn(move || {
                start.wait();
                for _ in 0..each {
                    let mut request = Request::new(Full::default());
                    *request.uri_mut() = http::Uri::from_static(uri(thread));
                    // Nothing in these stacks has to wait: they answer at the first look, or the row lies.
                    let admitted = matches!(stack.call(request).now_or_never(), Some(Ok(_)));
                    if !black_box(admitted) {
                        eprintln!("a call of the bench failed");
                        std::process::abort();
                    }
                }
            });
        }
        start.wait();
        Instant::now()
    })
    .elapsed();
    elapsed.mul_f64(calls as f64 / (each * threads as u64) as f64)
}

/// Unavailable to the first attempt of every call.
#[derive(Clone)]
struct AtSecondTry;

impl Service<Request<Full<Bytes>>> for AtSecondTry {
    type Response = Response<()>;
    type Error = Fault;
    type Future = Ready<Result<Response<()>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let mut response = Response::new(());
        if CallFacts::of(request.extensions()).is_some_and(|facts| facts.attempts() == 1) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        ready(Ok(response))
    }
}

/// Lines of calls that wait: with cells further apart than a timer's tick, and with many to a tick.
fn lines(quick: bool) -> Result<bool, BoxError> {
    let mut figures = Figures::new(
        "The rate limit where calls wait",
        "One key, all calls at once from so many threads. Overtaken: calls that went before one that had come earlier.",
        &["threads", "quota", "calls", "checks per admitted call", "overtaken"],
    );
    let (mut most, mut overtakers) = (0.0_f64, 0);
    for (rate, calls) in [(500, 500), (20_000, 5000)] {
        let calls = if quick { calls / 10 } else { calls };
        for threads in THREADS {
            let (checks, overtaken) = line(threads, rate, calls)?;
            let per_call = checks as f64 / calls as f64;
            (most, overtakers) = (most.max(per_call), overtakers + overtaken);
            figures.row([
                threads.to_string(),
                format!("{rate}/s"),
                calls.to_string(),
                format!("{per_call:.2}"),
                overtaken.to_string(),
            ]);
        }
    }
    let (few, in_order) = (most <= 2.0, overtakers == 0);
    let measured = format!("{most:.2} at most");
    figures.goal("rate limiter: checks per admitted call", "≤ 2", &measured, few);
    let measured = format!("{overtakers} overtaken");
    figures.goal("rate limiter: order", "as they came", &measured, in_order);
    figures.print();
    let holds = few && in_order;
    if !holds {
        eprintln!("more than two checks a call, or a call was overtaken");
    }
    if !quick {
        figures.save("line")?;
    }
    Ok(holds)
}

/// The checks made, and how many calls were overtaken.
fn line(threads: usize, rate: u32, calls: usize) -> Result<(u64, usize), BoxError> {
    let checks = Arc::new(AtomicU64::new(0));
    let limiter = Counted {
        limiter: LocalLimiter::new(Quota::per_second(rate).burst(1)),
        checks: Arc::clone(&checks),
    };
    let gone = Arc::new(Mutex::new(Vec::with_capacity(calls)));
    // Calls of usual priority don't get the whole line.
    let layer = RateLimitLayer::with_limiter(limiter).max_waiting(4 * calls);
    // Drawing a number and joining the line are one step, or the order of coming would be anybody's guess.
    let door = Arc::new(Mutex::new((0_usize, layer.layer(Record(Arc::clone(&gone))))));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    let waiting: Vec<_> = (0..calls)
        .map(|_| {
            let door = Arc::clone(&door);
            runtime.spawn(async move {
                let call = {
                    let mut door = door.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut request = Request::new(());
                    request.extensions_mut().insert(Number(door.0));
                    door.0 += 1;
                    door.1.call(request)
                };
                call.await.is_ok()
            })
        })
        .collect();
    runtime.block_on(async {
        for call in waiting {
            if !call.await? {
                return Err(BoxError::from("a call was refused"));
            }
        }
        Ok(())
    })?;
    let gone = gone.lock().unwrap_or_else(PoisonError::into_inner);
    let mut latest = 0;
    let overtaken = gone.iter().filter(|&&number| {
        latest = latest.max(number);
        number < latest
    });
    Ok((checks.load(Relaxed), overtaken.count()))
}

/// A call's number in the order of coming.
#[derive(Clone, Copy)]
struct Number(usize);

/// Notes the numbers in the order of going.
#[derive(Clone)]
struct Record(Arc<Mutex<Vec<usize>>>);

impl Service<Request<()>> for Record {
    type Response = Response<()>;
    type Error = Fault;
    type Future = Ready<Result<Response<()>, Fault>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let number = request.extensions().get::<Number>().map_or(0, |number| number.0);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(number);
        ready(Ok(Response::new(())))
    }
}

/// The local limiter, and how often it was asked.
struct Counted {
    limiter: LocalLimiter,
    checks: Arc<AtomicU64>,
}

impl Limiter for Counted {
    const LISTENS: bool = LocalLimiter::LISTENS;

    type State = <LocalLimiter as Limiter>::State;
    type Asking = <LocalLimiter as Limiter>::Asking;

    fn untouched(&self, now: Instant) -> Self::State {
        self.limiter.untouched(now)
    }

    fn check(&self, key: &Key, state: &mut Self::State, now: Instant) -> Check<Self::Asking> {
        self.checks.fetch_add(1, Relaxed);
        self.limiter.check(key, state, now)
    }

    fn earliest(&self, state: &mut Self::State, ahead: usize, now: Instant) -> Instant {
        self.limiter.earliest(state, ahead, now)
    }

    fn is_idle(&self, state: &mut Self::State, now: Instant) -> bool {
        self.limiter.is_idle(state, now)
    }

    fn throttled(&self, key: &Key, state: &mut Self::State, throttle: &Throttle) {
        self.limiter.throttled(key, state, throttle);
    }

    fn is_cut(&self, state: &Self::State) -> bool {
        self.limiter.is_cut(state)
    }
}
