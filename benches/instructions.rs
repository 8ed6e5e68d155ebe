//! What one fetch takes on the client's side in instructions, counted by valgrind, one in flight.
//!
//! Counts repeat to a fifth of a percent where times drift by a fifth, so they can be held to a ceiling:
//! more than 3 % above one of those below is a failure. Lower it when you have made the path shorter.
//! The server is another process; what starting up takes falls out, since the counts of two runs are
//! subtracted. Without valgrind it says so and counts nothing.

#[path = "support/callgrind.rs"]
mod callgrind;
#[path = "support/process.rs"]
mod process;
mod support;

use std::process::ExitCode;

use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tower::BoxError;
use twilio_proxy::gateway::GatewayExt;

use callgrind::{count, has_valgrind};
use process::Server;
use support::{bare, gateway};

/// Rows, and the most thousands of instructions that a fetch may take. Counted on x86-64 with the
/// toolchain of the README's table; another one may need others.
const ROWS: [(&str, f64); 2] = [("client::legacy, bare", 57.9), ("default stack", 62.3)];

/// How far above its ceiling a count may be before it is a failure.
const SLACK: f64 = 1.03;

/// The counts of these two numbers of calls are subtracted.
const CALLS: [u64; 2] = [200, 1200];

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "serve"] => process::stand().map(|()| true),
        [_, "call", row, address, calls] => call(row, address, calls),
        _ => measure(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the count failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The client's process: so many fetches, one after the other.
fn call(row: &str, address: &str, calls: &str) -> Result<bool, BoxError> {
    let (address, calls) = (address.parse()?, calls.parse::<u64>()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (gateway, fetch) = gateway(address)?;
    runtime.block_on(async {
        for _ in 0..calls {
            let went_well = match row {
                "0" => bare(client.clone(), address).await,
                _ => gateway.send(fetch.clone()).await.is_ok(),
            };
            if !went_well {
                return Err("a call failed".into());
            }
        }
        Ok(true)
    })
}

fn measure() -> Result<bool, BoxError> {
    if !has_valgrind() {
        println!("skipped: no valgrind, so no instructions are counted");
        return Ok(true);
    }
    let server = Server::start()?;
    println!("{:<24} {:>14} {:>9}", "one fetch", "instructions", "ceiling");
    let mut all_held = true;
    for (row, (name, ceiling)) in ROWS.into_iter().enumerate() {
        let [few, many] = CALLS.map(|calls| {
            count(&["call", &row.to_string(), &server.http1.to_string(), &calls.to_string()])
        });
        let thousands = (many? - few?) as f64 / (CALLS[1] - CALLS[0]) as f64 / 1000.0;
        let holds = thousands <= ceiling * SLACK;
        all_held &= holds;
        let word = if holds { "" } else { "  more than 3 % above its ceiling" };
        println!("{name:<24} {thousands:>11.1} k {ceiling:>7.1} k{word}");
    }
    Ok(all_held)
}
