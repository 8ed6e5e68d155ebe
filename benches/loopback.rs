//! A fetch over a real socket: the default stack and its pool beside bare `client::legacy`.
//!
//! All talk plain HTTP/1.1 on loopback to the same server, which lives on a thread of its own. Read
//! the ratio of two rows, not either time; `transports` compares them closer.

mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;
use tower::BoxError;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::transport::ProxyTransport;

use support::{bare, bare_over, gateway, gateway_over, serve};

/// Calls a measurement makes per iteration, so that starting and joining them does not count.
const BATCH: u64 = 256;

/// Makes a batch of calls, so many at a time, and aborts the bench if one fails: a client that
/// fails fast must not look fast.
fn batch<F: Future<Output = bool>>(runtime: &Runtime, in_flight: u64, call: impl Fn() -> F) {
    runtime.block_on(async {
        let mut calls: FuturesUnordered<F> = (0..in_flight).map(|_| call()).collect();
        let mut begun = in_flight;
        while let Some(succeeded) = calls.next().await {
            if !black_box(succeeded) {
                eprintln!("a call of the bench failed");
                std::process::abort();
            }
            if begun < BATCH {
                begun += 1;
                calls.push(call());
            }
        }
    });
}

fn loopback(criterion: &mut Criterion) {
    if let Err(error) = measure(criterion) {
        eprintln!("the bench could not be set up: {error}");
    }
}

fn measure(criterion: &mut Criterion) -> Result<(), BoxError> {
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (gateway, fetch) = gateway(address)?;
    let settings = ProxyTransport::builder().without_tls().tunnel_from_env(false);
    let own = settings.clone().build()?;
    let legacy = gateway_over(address, settings.build_legacy()?)?;

    let mut group = criterion.benchmark_group("fetch");
    group.throughput(Throughput::Elements(BATCH));
    for in_flight in [1, 64] {
        group.bench_function(BenchmarkId::new("client_legacy", in_flight), |bencher| {
            bencher.iter(|| batch(&runtime, in_flight, || bare(client.clone(), address)));
        });
        group.bench_function(BenchmarkId::new("own_pool", in_flight), |bencher| {
            bencher.iter(|| batch(&runtime, in_flight, || bare_over(own.clone(), address)));
        });
        group.bench_function(BenchmarkId::new("default_stack_on_legacy", in_flight), |bencher| {
            let call = || async { legacy.send(fetch.clone()).await.is_ok() };
            bencher.iter(|| batch(&runtime, in_flight, call));
        });
        group.bench_function(BenchmarkId::new("default_stack", in_flight), |bencher| {
            let call = || async { gateway.send(fetch.clone()).await.is_ok() };
            bencher.iter(|| batch(&runtime, in_flight, call));
        });
    }
    group.finish();
    Ok(())
}

criterion_group! {
    name = benches;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    targets = loopback
}
criterion_main!(benches);
