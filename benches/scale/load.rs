//! Calls a second, and how long they take, with so many under way at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::BoxError;
use tower::util::Oneshot;
use twilio_proxy::gateway::{DefaultGateway, GatewayExt};
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::transport::ProxyTransport;

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

/// Times of calls in nanoseconds; how long all of them took, and what of it this thread has computed.
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
        // In its short form it opens no ten thousand connections.
        if !short || case.in_flight < MOST || case.connections == Some(256) {
            rows.push(row(&case, short)?);
        }
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

fn row(case: &Case, short: bool) -> Result<Vec<Value>, BoxError> {
    let fetch = fetch()?;
    let (stack, connections) = one(case, short, |transport, address| {
        let gateway = gateway(address, transport)?;
        Ok(move || succeeds(gateway.send(fetch.clone())))
    })?;
    let (bare, _) =
        one(case, short, |transport, address| Ok(move || bare_over(transport.clone(), address)))?;
    let at = |quantile| rounded(stack.times.value_at_quantile(quantile) as f64 / 1e6, 3);
    Ok(vec![
        json!(case.manner.protocol()),
        json!(case.in_flight),
        json!(connections),
        stack.a_second(),
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999),
        rounded(stack.times.max() as f64 / 1e6, 3),
        stack.cpu(),
        bare.a_second(),
        bare.cpu(),
    ])
}

/// What one client does with the case, and over how many connections: with a server of its own, since the
/// descriptors of both don't suffice for the two clients' connections at once.
fn one<C, F>(
    case: &Case,
    short: bool,
    client: impl FnOnce(ProxyTransport, SocketAddr) -> Result<C, BoxError>,
) -> Result<(Run, u64), BoxError>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let server = Server::start(case.manner)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let settings = transport(case.manner).max_connections(case.connections);
        let transport = settings.build()?;
        warm_up(case, &transport, server.address).await?;
        let call = client(transport.clone(), server.address)?;
        let run = if short {
            run(call, case.in_flight, case.in_flight.max(200)).await?
        } else {
            // What is set up on first use is not measured.
            run(call.clone(), case.in_flight, case.in_flight).await?;
            run(call, case.in_flight, (10 * case.in_flight).max(50_000)).await?
        };
        Ok((run, transport.pool_stats().open))
    })
}

/// Opens the connections, and not all at once: the line in which a kernel keeps those that nobody has
/// accepted is short, and what it drops comes again after seconds.
async fn warm_up(
    case: &Case,
    transport: &ProxyTransport,
    address: SocketAddr,
) -> Result<(), BoxError> {
    let uri = format!("http://{address}/").parse()?;
    let most = case.connections.unwrap_or(case.in_flight).min(case.in_flight);
    let mut open = 0;
    while open < most {
        open = (open + STEP).min(most);
        transport.warm_up(&uri, open).await?;
    }
    Ok(())
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
    fn a_second(&self) -> Value {
        rounded(self.times.len() as f64 / self.took.as_secs_f64(), 0)
    }

    fn cpu(&self) -> Value {
        let calls = self.times.len() as f64;
        let of_one = |time: Duration| rounded(time.as_secs_f64() * 1e6 / calls, 1);
        self.computed.map_or(Value::Null, of_one)
    }
}

/// So many calls, made by so many tasks, each one after the other.
async fn run<C, F>(call: C, in_flight: usize, calls: usize) -> Result<Run, BoxError>
where
    C: Fn() -> F + Clone + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let times = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 3_600_000_000_000, 3)?));
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
