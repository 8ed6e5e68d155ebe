//! The crate's own pool against `client::legacy`, bare and under the default stack, as ratios of CPU
//! time.
//!
//! Times of separate runs differ by a fifth for no reason; so do those of rows that are measured one after
//! the other. Here the variants take turns in one process, in batches of a thousand fetches whose order
//! is drawn anew each round; each batch is compared with the base's of its own round, and the median
//! of those ratios is printed. `client::legacy` is there twice: what the second row differs from 1 by
//! is noise.
//!
//! CPU time is that of the client's thread, where the system says it (Linux); elsewhere it is the wall's.

mod support;

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;
use tokio::time::Instant;
use tower::BoxError;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::transport::ProxyTransport;

use support::{bare, bare_over, gateway, gateway_over, serve};

const BATCH: u64 = 1000;
const ROUNDS: usize = 60;

type Variant<'a> = (&'static str, Box<dyn Fn(u64) -> bool + 'a>);

fn main() -> Result<(), BoxError> {
    // `cargo test --benches` and the like want to see that it runs.
    let rounds = if std::env::args().any(|argument| argument == "--test") { 1 } else { ROUNDS };
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let legacy = Client::builder(TokioExecutor::new()).build_http();
    let own = ProxyTransport::builder().without_tls().tunnel_from_env(false).build()?;
    let settings = ProxyTransport::builder().without_tls().tunnel_from_env(false);
    let (over_own, fetch) = gateway(address)?;
    let over_legacy = gateway_over(address, settings.build_legacy()?)?;

    let variants: [Variant<'_>; 5] = [
        ("client::legacy", run(&runtime, || bare(legacy.clone(), address))),
        ("client::legacy again", run(&runtime, || bare(legacy.clone(), address))),
        ("own pool", run(&runtime, || bare_over(own.clone(), address))),
        (
            "default stack over client::legacy",
            run(&runtime, || async { over_legacy.send(fetch.clone()).await.is_ok() }),
        ),
        (
            "default stack over the own pool",
            run(&runtime, || async { over_own.send(fetch.clone()).await.is_ok() }),
        ),
    ];
    for in_flight in [1, 64] {
        println!("{in_flight} in flight, CPU time over that of client::legacy");
        for (name, ratio, spread) in compare(&variants, in_flight, rounds)? {
            println!("  {name:<36} {ratio:.3}  (middle half within {spread:.3})");
        }
    }
    Ok(())
}

/// Rounds of all variants, each in an order of its own.
fn compare(
    variants: &[Variant<'_>],
    in_flight: u64,
    rounds: usize,
) -> Result<Vec<(&'static str, f64, f64)>, BoxError> {
    let mut ratios = vec![Vec::new(); variants.len()];
    let mut order: Vec<usize> = (0..variants.len()).collect();
    // The first round opens the connections and does not count.
    for round in 0..=rounds {
        fastrand::shuffle(&mut order);
        let mut times = vec![Duration::ZERO; variants.len()];
        for &which in &order {
            let before = cpu_time();
            if !variants[which].1(in_flight) {
                return Err("a fetch failed, and what fails fast must not look fast".into());
            }
            times[which] = cpu_time().saturating_sub(before);
        }
        if round > 0 {
            let base = times[0].as_secs_f64();
            for (ratios, time) in ratios.iter_mut().zip(&times) {
                ratios.push(time.as_secs_f64() / base);
            }
        }
    }
    let summary = variants.iter().zip(&mut ratios).map(|((name, _), ratios)| {
        ratios.sort_by(f64::total_cmp);
        let at = |part: usize| ratios[ratios.len() * part / 4];
        (*name, at(2), at(3) - at(1))
    });
    Ok(summary.collect())
}

fn run<'a, F: Future<Output = bool> + 'a>(
    runtime: &'a Runtime,
    call: impl Fn() -> F + 'a,
) -> Box<dyn Fn(u64) -> bool + 'a> {
    Box::new(move |in_flight| {
        runtime.block_on(async {
            let mut calls: FuturesUnordered<F> = (0..in_flight).map(|_| call()).collect();
            let mut begun = in_flight;
            while let Some(succeeded) = calls.next().await {
                if !succeeded {
                    return false;
                }
                if begun < BATCH {
                    begun += 1;
                    calls.push(call());
                }
            }
            true
        })
    })
}

/// What this thread has computed for, of which the first field of its statistics tells in nanoseconds.
fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    // It is written at the scheduler's ticks and when the thread gives way; else it may be milliseconds old.
    std::thread::yield_now();
    let read = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let computed = read.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
    computed.map_or_else(|| START.get_or_init(Instant::now).elapsed(), Duration::from_nanos)
}
