//! What one fetch allocates on the client's side, whole: counted, not timed, so the same on every machine.
//!
//! Prints a table. The server's thread allocates nothing once its connection stands.

mod support;

use std::alloc::System;
use std::process::ExitCode;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::BoxError;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::transport::ProxyTransport;

use support::{bare, bare_over, gateway, gateway_over, serve};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Calls that are made before any is counted: the connection, the pool, the limiter's key.
const WARM_UP: usize = 100;
/// Calls that are counted.
const COUNTED: usize = 1000;

fn main() -> ExitCode {
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the count failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<(), BoxError> {
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (gateway, fetch) = gateway(address)?;

    println!("{:<24} {:>12} {:>8}", "one fetch", "allocations", "bytes");
    count(&runtime, "client::legacy, bare", || bare(client.clone(), address))?;
    let own = ProxyTransport::builder().without_tls().tunnel_from_env(false).build()?;
    count(&runtime, "own pool, bare", || bare_over(own.clone(), address))?;
    let settings = ProxyTransport::builder().without_tls().tunnel_from_env(false);
    let legacy = gateway_over(address, settings.build_legacy()?)?;
    count(&runtime, "default stack on legacy", || async {
        legacy.send(fetch.clone()).await.is_ok()
    })?;
    count(&runtime, "default stack", || async { gateway.send(fetch.clone()).await.is_ok() })?;
    let boxed = gateway.clone().boxed();
    count(&runtime, "default stack, boxed", || async { boxed.send(fetch.clone()).await.is_ok() })
}

fn count<F: Future<Output = bool>>(
    runtime: &tokio::runtime::Runtime,
    name: &str,
    call: impl Fn() -> F,
) -> Result<(), BoxError> {
    let calls = |times: usize| {
        runtime.block_on(async {
            for _ in 0..times {
                if !call().await {
                    return Err(BoxError::from("a call failed"));
                }
            }
            Ok(())
        })
    };
    calls(WARM_UP)?;
    let region = Region::new(ALLOCATOR);
    calls(COUNTED)?;
    let change = region.change();
    let of_one = |total: usize| (total + COUNTED / 2) / COUNTED;
    let allocations = of_one(change.allocations + change.reallocations);
    println!("{name:<24} {allocations:>12} {:>8}", of_one(change.bytes_allocated));
    Ok(())
}
