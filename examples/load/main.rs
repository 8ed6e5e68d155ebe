//! Load on a stack: calls that come when they come, and how long each took.
//!
//! ```text
//! cargo run --release --example load --features config,simulator
//! cargo run --release --example load --features config,simulator -- --rate 200/s --for 30s --unlimited --svg latency.svg
//! ```
//!
//! Without arguments it loads the simulator for five seconds, which breaks one request in twenty,
//! and checks in the simulator's books that no create was done twice. `--help` has the rest.
//!
//! The loop is open: calls are sent when they are due, and their times are counted from then. A
//! closed loop, which sends the next call when one has ended, sends least when the server is slowest
//! and measures nothing of it (coordinated omission).

mod args;
mod arrivals;
mod book;
mod calls;
mod chart;
mod driver;
mod json;
mod ledger;
mod live;
mod mix;
mod report;
mod stack;
mod stop;
mod svg;
mod tables;
mod tally;
mod units;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use twilio_proxy::call::Rng;

use args::Args;
use arrivals::Arrivals;
use book::{Book, Left};
use driver::Driver;
use ledger::Ledger;
use live::Goal;
use mix::Plan;
use report::Report;
use stack::Target;
use stop::Stop;
use tally::Tally;

/// A flag, a setting or a target that can't be.
const WRONG: u8 = 2;
/// What a shell makes of a program that Ctrl-C has ended.
const CUT_OFF: u8 = 130;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.check() {
        Ok(()) => run(args).await,
        Err(problem) => Err(problem.into()),
    };
    done.unwrap_or_else(|problem| {
        live::say(&format!("load: {}", chain(problem.as_ref())));
        ExitCode::from(WRONG)
    })
}

async fn run(args: Args) -> Result<ExitCode, Failure> {
    let stop = Stop::listen()?;
    let config = stack::config(&args)?;
    let target = Target::open(&args, config.as_ref()).await?;
    let driver = Arc::new(Driver {
        gateway: stack::gateway(&args, config, &target)?,
        book: Book::new(target.services.clone(), format!("{:016x}", Rng::random().bits())),
        tally: Tally::new()?,
        places: Arc::new(Semaphore::new(usize::try_from(args.max_in_flight)?)),
        // In whole seconds: the API has no others.
        ttl: Duration::from_secs(args.lasts().unwrap_or_default().as_secs().saturating_add(3600)),
        cut: CancellationToken::new(),
        calls: TaskTracker::new(),
    });
    let sessions = if args.mix.needs_sessions() { args.sessions } else { 0 };
    let prepared = calls::prepare(&driver.gateway, &driver.book, sessions, driver.ttl, &stop).await;
    let words = target.words.clone();
    let loaded = match prepared {
        Ok(()) => load(&args, &driver, &stop).await,
        Err(error) => Err(format!("no session could be made at {words}: {}", chain(&error)).into()),
    };

    let ledger = target.simulator.as_ref().map(|simulator| Ledger::read(simulator, &driver.book));
    // The simulator's sessions end with it.
    let left = match ledger {
        Some(_) => None,
        None if stop.is_now() => Some(driver.book.left()),
        None => {
            if !args.quiet {
                live::say("deleting the sessions that were made");
            }
            Some(calls::clean(&driver.gateway, &driver.book, &stop).await)
        }
    };
    driver.gateway.shutdown(Duration::ZERO).await;
    target.close().await;
    let lasted = match loaded {
        Ok(lasted) => lasted,
        Err(problem) => {
            tell_of_left(left.as_ref());
            return Err(problem);
        }
    };

    let counts = driver.tally.counts();
    let stopped = match (stop.is_soon(), stop.is_now()) {
        (_, true) => Some("twice"),
        (true, false) => Some("once"),
        (false, false) => None,
    };
    let report =
        Report { args: &args, target: &words, counts: &counts, lasted, stopped, ledger, left };
    let text = if args.json { format!("{:#}\n", report.json()) } else { report.text() };
    let mut stdout = io::stdout();
    // A reader that has gone away changes nothing of what was done.
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    if let Some(file) = &args.svg {
        std::fs::write(file, report.svg())
            .map_err(|error| format!("--svg: {} can't be written: {error}", file.display()))?;
    }
    Ok(match report.is_kept() {
        _ if stop.is_now() => ExitCode::from(CUT_OFF),
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// The load itself, and the wait for its last calls; says how long calls were sent.
async fn load(args: &Args, driver: &Arc<Driver>, stop: &Stop) -> Result<Duration, Failure> {
    let (lasts, calls) = (args.lasts(), args.calls);
    let goal = Goal { rate: args.rate.per_second(), lasts, calls };
    let show = live::show(Arc::clone(driver), goal, stop.clone());
    let live = (!args.quiet).then(|| tokio::spawn(show));

    let arrivals = Arrivals::new(args.arrivals, args.rate, args.seed);
    let plan = Plan::new(arrivals, args.mix, args.unnamed, args.seed);
    let plan = plan.take(calls.map_or(usize::MAX, |calls| calls.try_into().unwrap_or(usize::MAX)));
    let (sender, to_stop) = (Arc::clone(driver), stop.clone());
    let send = move || sender.send(plan, lasts, &to_stop, &Handle::current());
    let lasted = tokio::task::spawn_blocking(send).await?;
    driver.drain(args.grace, stop).await;
    if let Some(live) = live {
        live.abort();
        // The bar is gone when its task is.
        let _ = live.await;
    }
    Ok(lasted)
}

/// What is left where there will be no report.
fn tell_of_left(left: Option<&Left>) {
    let Some(left) = left.filter(|left| !left.is_empty()) else { return };
    live::say("load: sessions are left behind:");
    for (service, session) in &left.known {
        live::say(&format!("  {service} {session}"));
    }
    for (service, name) in &left.named {
        live::say(&format!("  {service} {name} (perhaps)"));
    }
}

/// The error and its causes, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
