//! A fetch over a real socket, HTTP/1.1 and HTTP/2: the default stack and its pool beside bare
//! `client::legacy`.
//!
//! All talk in plain to the same server, which is another process. Read the ratio of two rows, not either
//! time; `transports` compares them closer.

#[path = "support/process.rs"]
mod process;
mod support;

use std::hint::black_box;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput};
use futures_util::stream::{FuturesUnordered, StreamExt};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use tokio::runtime::Runtime;
use tower::BoxError;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::transport::{self, ProxyTransport};

use process::Server;
use support::{bare, bare_over, gateway, gateway_by, gateway_over};

/// Calls a measurement makes per iteration, so that starting and joining them does not count.
const BATCH: u64 = 256;

const IN_FLIGHT: [u64; 3] = [1, 16, 64];

fn main() -> ExitCode {
    let is_server = std::env::args().nth(1).is_some_and(|argument| argument == "serve");
    let done = if is_server { process::stand() } else { measure() };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the bench could not be set up: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), BoxError> {
    let server = Server::start()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let plain = || ProxyTransport::builder().without_tls().tunnel_from_env(false);
    let client = legacy::Client::builder(TokioExecutor::new());
    let protocol = Protocol { name: "http1", address: server.http1, client, settings: plain() };
    protocol.rows(&mut criterion, &runtime)?;
    #[cfg(feature = "http2")]
    {
        let mut client = legacy::Client::builder(TokioExecutor::new());
        client.http2_only(true);
        let settings = plain().http2_only();
        let protocol = Protocol { name: "http2", address: server.http2, client, settings };
        protocol.rows(&mut criterion, &runtime)?;
    }
    criterion.final_summary();
    Ok(())
}

struct Protocol {
    name: &'static str,
    address: SocketAddr,
    client: legacy::Builder,
    settings: transport::Builder,
}

impl Protocol {
    fn rows(&self, criterion: &mut Criterion, runtime: &Runtime) -> Result<(), BoxError> {
        let address = self.address;
        let client = self.client.build_http();
        let own = self.settings.clone().build()?;
        let (_, fetch) = gateway(address)?;
        let stack = gateway_by(address, self.settings.clone())?;
        let over_legacy = gateway_over(address, self.settings.clone().build_legacy()?)?;

        let mut group = criterion.benchmark_group(self.name);
        group.throughput(Throughput::Elements(BATCH));
        for in_flight in IN_FLIGHT {
            row(&mut group, runtime, "client_legacy", in_flight, || bare(client.clone(), address));
            row(&mut group, runtime, "own_pool", in_flight, || bare_over(own.clone(), address));
            row(&mut group, runtime, "default_stack_on_legacy", in_flight, || async {
                over_legacy.send(fetch.clone()).await.is_ok()
            });
            row(&mut group, runtime, "default_stack", in_flight, || async {
                stack.send(fetch.clone()).await.is_ok()
            });
        }
        group.finish();
        Ok(())
    }
}

fn row<F: Future<Output = bool>>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    name: &str,
    in_flight: u64,
    call: impl Fn() -> F,
) {
    group.bench_function(BenchmarkId::new(name, in_flight), |bencher| {
        bencher.iter(|| batch(runtime, in_flight, &call));
    });
}

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
