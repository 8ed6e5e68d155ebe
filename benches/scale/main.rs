//! The default stack with many calls at once: how many a second and how late the last of them, what one
//! that is under way holds, what the process holds, and whether a list of 100,000 sessions grows on one.
//!
//! All that is measured on the wire talks to a server in another process, on loopback. The client has one
//! thread. Heap is counted by the allocator, not read from the system, so it is the same on every run;
//! what has a ceiling and passes it is a failure. Times and resident memory fail nothing.
//!
//! Writes its tables to `target/figures/scale.json` too, unless it runs in its short form (`-- --test`),
//! which measures too little to be shown.

mod heap;
mod list;
mod load;
mod pending;
mod resident;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use std::alloc::System;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::BoxError;
use twilio_proxy::gateway::DefaultGateway;
use twilio_proxy::middleware::breaker;
use twilio_proxy::transport::{self, ProxyTransport};

use server::Manner;
use tables::Tables;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["serve", manner] => server::stand(manner).map(|()| true),
        ["reside", manner, in_flight, address] => {
            resident::reside(manner, in_flight, address).map(|()| true)
        }
        _ => measure(words.contains(&"--test")),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the bench failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether what has a ceiling stays below it.
fn measure(short: bool) -> Result<bool, BoxError> {
    let mut tables = Tables::default();
    // What counts heap comes first, while nothing else has been done in this process.
    let mut held = pending::measure(&mut tables)?;
    held &= list::measure(&mut tables, short)?;
    resident::measure(&mut tables, short)?;
    load::measure(&mut tables, short)?;
    if !short {
        tables.write("scale")?;
    }
    Ok(held)
}

fn runtime() -> Result<tokio::runtime::Runtime, BoxError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// The settings of a transport that speaks as this server does.
fn transport(manner: Manner) -> transport::Builder {
    let builder = ProxyTransport::builder();
    // As many as are in use in one moment may be kept for the next.
    let builder = builder.without_tls().tunnel_from_env(false).max_idle_per_host(load::MOST);
    if manner.is_http2() { builder.http2_only() } else { builder.http1_only() }
}

/// The default stack over it, with its limits opened so wide that calls pass them and never wait, and its
/// times so wide that what waits in line on a busy machine is no failure.
fn gateway(address: SocketAddr, transport: ProxyTransport) -> Result<DefaultGateway, BoxError> {
    let builder = support::builder(address)?.max_in_flight(load::MOST * 2);
    let (attempt, call) = (Duration::from_secs(120), Duration::from_secs(300));
    let breaker = breaker::Settings::new().slow_call(None);
    Ok(builder.breaker(breaker).attempt_timeout(attempt).deadline(call).over(transport)?)
}
