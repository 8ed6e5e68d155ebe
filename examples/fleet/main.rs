//! A quota that a fleet of processes shares by way of Redis: measured with real processes, and reckoned
//! for large fleets.
//!
//! ```sh
//! cargo run --release --example fleet --features redis                        # 8 s, to see it work
//! cargo run --release --example fleet --features redis -- --seconds 60        # the figures of the guide
//! cargo run --release --example fleet --features redis -- --seconds 60 --kill # Redis dies in the middle
//! cargo run --release --example fleet --features redis -- simulate            # 1,000 processes, 10 accounts
//! ```
//!
//! It starts a redis-server of its own (Debian's package of that name) unless it is given the URL of one.
//! It ends with 1 where a bound was not kept, and with 2 where there is no Redis.

mod measure;
#[path = "../../tests/support/redis_server.rs"]
mod redis_server;
mod simulate;
mod worker;

use std::error::Error;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(about = "A fleet's quota in Redis, measured")]
struct Cli {
    #[command(flatten)]
    run: Run,
    #[command(subcommand)]
    command: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Reckons large fleets, in virtual time and without Redis.
    Simulate,
    /// One process of the fleet, as the measurement starts it.
    #[command(hide = true)]
    Worker {
        /// When to begin, in microseconds since 1970.
        begin: u64,
    },
}

/// How to measure.
#[derive(Args, Clone, Debug)]
struct Run {
    /// How many processes share the quota.
    #[arg(long, global = true, default_value_t = 8)]
    processes: u32,
    /// How long, in seconds.
    #[arg(long, global = true, default_value_t = 8)]
    seconds: u64,
    /// The quota, in calls a second.
    #[arg(long, global = true, default_value_t = 30)]
    rate: u32,
    /// How many calls may go at once after a rest.
    #[arg(long, global = true, default_value_t = 5)]
    burst: u32,
    /// Callers in each process, each of which calls again as soon as it is answered.
    #[arg(long, global = true, default_value_t = 20)]
    callers: usize,
    /// Kills Redis in the middle, and starts it again with nothing remembered.
    #[arg(long)]
    kill: bool,
    /// A Redis that runs already; it is not killed.
    #[arg(long, global = true)]
    url: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(What::Simulate) => simulate::all(),
        Some(What::Worker { begin }) => worker::work(&cli.run, begin),
        None => measure::run(&cli.run),
    };
    done.unwrap_or_else(|error| {
        eprintln!("fleet: {error}");
        ExitCode::FAILURE
    })
}

/// How it ended, or why it did not.
type Outcome = Result<ExitCode, Box<dyn Error>>;
