//! What one fetch allocates on the client's side, whole: counted, not timed, so the same on every machine.
//!
//! Prints a table, and fails where a client of ours allocates more often than its ceiling says: lower it when
//! you have made the path shorter. The server's thread allocates nothing once its connection stands.

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
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the count failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> Result<bool, BoxError> {
    let address = serve()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (gateway, fetch) = gateway(address)?;

    println!("{:<24} {:>12} {:>8} {:>8}", "one fetch", "allocations", "ceiling", "bytes");
    // The first is what the others are compared with, and hyper-util's to keep.
    let mut held = count(&runtime, "client::legacy, bare", 28, || bare(client.clone(), address))?;
    let own = ProxyTransport::builder().without_tls().tunnel_from_env(false).build()?;
    held &= count(&runtime, "own pool, bare", 20, || bare_over(own.clone(), address))?;
    let settings = ProxyTransport::builder().without_tls().tunnel_from_env(false);
    let legacy = gateway_over(address, settings.build_legacy()?)?;
    held &= count(&runtime, "default stack on legacy", 26, || async {
        legacy.send(fetch.clone()).await.is_ok()
    })?;
    held &= count(&runtime, "default stack", 18, || async {
        gateway.send(fetch.clone()).await.is_ok()
    })?;
    let boxed = gateway.clone().boxed();
    held &= count(&runtime, "default stack, boxed", 20, || async {
        boxed.send(fetch.clone()).await.is_ok()
    })?;
    Ok(held)
}

fn count<F: Future<Output = bool>>(
    runtime: &tokio::runtime::Runtime,
    name: &str,
    ceiling: usize,
    call: impl Fn() -> F,
) -> Result<bool, BoxError> {
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
    let bytes = of_one(change.bytes_allocated);
    let word = if allocations <= ceiling { "" } else { "  more than its ceiling" };
    println!("{name:<24} {allocations:>12} {ceiling:>8} {bytes:>8}{word}");
    Ok(allocations <= ceiling)
}
