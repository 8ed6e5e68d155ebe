//! Calls a second, and how long they take, with so many under way at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::BoxError;
use tower::util::Oneshot;
use twilio_proxy::gateway::{DefaultGateway, GatewayExt};
use twilio_proxy::sessions::FetchSession;

use crate::server::{Manner, Server};
use crate::support::{bare_over, fetch};
use crate::tables::{Tables, rounded};
use crate::{gateway, runtime, transport};

/// The most that are ever under way.
pub(crate) const MOST: usize = 10_000;

/// How many connections are begun at once.
const STEP: usize = 500;

/// Descriptors that are something else than a connection of the load.
const OTHER_FILES: usize = 100;

struct Case {
    manner: Manner,
    in_flight: usize,
    /// The pool's cap, where it has one.
    connections: Option<usize>,
}

/// Times of calls in nanoseconds, and of all of them together.
struct Run {
    times: Histogram<u64>,
    took: Duration,
    computed: Option<Duration>,
}

pub(crate) fn measure(tables: &mut Tables, short: bool) -> Result<(), BoxError> {
    let of = |manner, in_flight, connections| Case { manner, in_flight, connections };
    // One connection a call, as far as there are descriptors.
    let files = open_files().map_or(MOST, |most| most.saturating_sub(OTHER_FILES));
    let as_many = (files < MOST).then_some(files);
    let cases = [
        of(Manner::Http1, 1, None),
        of(Manner::Http1, 64, None),
        of(Manner::Http1, 1024, as_many),
        of(Manner::Http1, 1024, Some(256)),
        of(Manner::Http1, MOST, as_many),
        of(Manner::Http1, MOST, Some(256)),
        of(Manner::Http2, 1, None),
        of(Manner::Http2, 64, None),
        of(Manner::Http2, 1024, None),
        of(Manner::Http2, MOST, None),
    ];
    let mut rows = Vec::new();
    for case in cases {
        // Each has a server of its own, and thereby connections of its own.
        let server = Server::start(case.manner)?;
        rows.push(row(&case, server.address, short)?);
    }
    tables.add(
        "Calls at once",
        "The default stack with all its layers, limits opened wide; fetches, a closed loop, the client on one \
         thread, the server in another process. Times are of calls, in milliseconds, from the moment a call is \
         made; with many in flight they are the time in line: calls in flight over calls a second. The \
         allocator that counts is in place, for both clients. A server's connection of HTTP/2 takes 128 \
         streams.",
        &[
            "protocol",
            "in flight",
            "connections",
            "calls/s",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "CPU µs a call",
            "bare transport: calls/s",
            "its CPU µs a call",
        ],
        rows,
    );
    Ok(())
}

fn row(case: &Case, address: SocketAddr, short: bool) -> Result<Vec<Value>, BoxError> {
    let runtime = runtime()?;
    let settings = transport(case.manner).max_connections(case.connections);
    let (rounds, calls) =
        if short { (1, case.in_flight.max(200)) } else { (5, (4 * case.in_flight).max(20_000)) };
    runtime.block_on(async {
        let bare = settings.clone().build()?;
        let gateway = gateway(address, settings)?;
        let (sending, fetch) = (gateway.clone(), fetch()?);
        let by_stack = move || succeeds(sending.send(fetch.clone()));
        let by_bare = move || bare_over(bare.clone(), address);
        warm_up(by_stack.clone(), case.in_flight).await?;
        warm_up(by_bare.clone(), case.in_flight).await?;
        let (mut stack, mut transport) = (Run::new()?, Run::new()?);
        for _ in 0..rounds {
            stack.add(run(by_stack.clone(), case.in_flight, calls).await?)?;
            transport.add(run(by_bare.clone(), case.in_flight, calls).await?)?;
        }
        let open = gateway.health().pool.map(|pool| pool.open);
        let at = |quantile| rounded(stack.times.value_at_quantile(quantile) as f64 / 1e6, 3);
        Ok(vec![
            json!(case.manner.protocol()),
            json!(case.in_flight),
            json!(open),
            stack.a_second(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(0.999),
            rounded(stack.times.max() as f64 / 1e6, 3),
            stack.cpu(),
            transport.a_second(),
            transport.cpu(),
        ])
    })
}

/// Whether a call went well; it says why if not.
async fn succeeds(call: Oneshot<DefaultGateway, FetchSession>) -> bool {
    call.await.inspect_err(|error| eprintln!("{error:?}")).is_ok()
}

/// So many fetches by the default stack, and never mind how long they take.
pub(crate) async fn by_stack(
    gateway: DefaultGateway,
    fetch: FetchSession,
    in_flight: usize,
    calls: usize,
) -> Result<(), BoxError> {
    run(move || succeeds(gateway.send(fetch.clone())), in_flight, calls).await.map(drop)
}

impl Run {
    fn new() -> Result<Self, BoxError> {
        let times = Histogram::new_with_bounds(1, 3_600_000_000_000, 3)?;
        Ok(Self { times, took: Duration::ZERO, computed: Some(Duration::ZERO) })
    }

    fn add(&mut self, other: Self) -> Result<(), BoxError> {
        self.times.add(other.times)?;
        self.took += other.took;
        self.computed = self.computed.zip(other.computed).map(|(one, two)| one + two);
        Ok(())
    }

    fn a_second(&self) -> Value {
        rounded(self.times.len() as f64 / self.took.as_secs_f64(), 0)
    }

    fn cpu(&self) -> Value {
        let calls = self.times.len() as f64;
        let of_one = |time: Duration| rounded(time.as_secs_f64() * 1e6 / calls, 1);
        self.computed.map_or(Value::Null, of_one)
    }
}

/// Opens the connections by having so many calls under way, and counts nothing. Not all at once: the line
/// in which a kernel keeps those that nobody has accepted is short, and what it drops comes again after
/// seconds.
async fn warm_up<C, F>(call: C, in_flight: usize) -> Result<(), BoxError>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    let mut begun = 0;
    while begun < in_flight {
        let more = STEP.min(in_flight - begun);
        let (first, mut answered) = mpsc::channel(more);
        for _ in 0..more {
            let (call, first, is_over) = (call.clone(), first.clone(), Arc::clone(&is_over));
            tasks.spawn(async move {
                let mut went_well = call().await;
                // Nobody hears it where another has failed.
                let _ = first.send(()).await;
                drop(first);
                while went_well && !is_over.load(Relaxed) {
                    went_well = call().await;
                }
                went_well
            });
        }
        drop(first);
        while answered.recv().await.is_some() {}
        begun += more;
    }
    is_over.store(true, Relaxed);
    while let Some(went_well) = tasks.join_next().await {
        if !went_well? {
            return Err("a call failed while the connections were opened".into());
        }
    }
    Ok(())
}

/// So many calls, made by so many tasks, each one after the other.
async fn run<C, F>(call: C, in_flight: usize, calls: usize) -> Result<Run, BoxError>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let times = Arc::new(Mutex::new(Run::new()?.times));
    let left = Arc::new(AtomicUsize::new(calls));
    let (begun, before) = (Instant::now(), cpu_time());
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (call, times, left) = (call.clone(), Arc::clone(&times), Arc::clone(&left));
        tasks.spawn(async move {
            while left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
                let begun = Instant::now();
                if !call().await {
                    return false;
                }
                let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
                times.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(took);
            }
            true
        });
    }
    while let Some(went_well) = tasks.join_next().await {
        if !went_well? {
            return Err("a call failed, and what fails fast must not look fast".into());
        }
    }
    let (took, after) = (begun.elapsed(), cpu_time());
    let computed = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    let times = times.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Run { times, took, computed })
}

/// What this thread has computed for, where the system says it.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// How many descriptors this process may have open, where the system says it.
fn open_files() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
