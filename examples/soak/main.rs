//! A soak: calls by the million through every kind of weather, and nothing lost, done twice or left behind.
//!
//! ```text
//! cargo run --release --example soak --features config,simulator
//! cargo run --release --example soak --features config,simulator -- --calls 1000000
//! ```
//!
//! All five operations, over loopback sockets and in the process; random faults, deadlines and cancellations; the
//! configuration reloaded and the credentials exchanged in the middle of it; the server replaced twenty times and
//! more. After each stretch the server's books are held against what callers were told, and memory, tasks,
//! connections and descriptors against what they were. `--help` has the rest.

mod args;
mod draw;
mod judge;
mod report;
mod resources;
mod tally;
mod visit;
mod world;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use args::Args;
use report::Report;
use resources::Resources;
use tally::Tally;
use visit::{End, Manner, Visit};
use world::{Failure, PATIENCE, Server, UNIT, World};

/// With every so manieth visit the weather changes, and with it everything that a reload may change.
const CHANGE_EVERY: u64 = 40;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    run(&args).await.unwrap_or_else(|problem| {
        say(&format!("soak: {problem}"));
        ExitCode::from(2)
    })
}

async fn run(args: &Args) -> Result<ExitCode, Failure> {
    let before = Resources::now();
    let begun = Instant::now();
    let world =
        Arc::new(World::open(args.seed, !args.replay && args.seed.is_multiple_of(2)).await?);
    let mut tally = Tally::default();
    let (mut visits, mut at_a_fifth) = (0, None);
    let bar = bar(args);
    while tally.calls < args.calls {
        stretch(args, &world, &mut visits, &mut tally).await?;
        let message = format!("{} servers, {} broken promises", tally.stretches, tally.breaches);
        // A bar shows itself on a terminal only.
        if !args.quiet && bar.is_hidden() {
            say(&format!("{}/{} calls, {message}", tally.calls, args.calls));
        }
        bar.set_position(tally.calls.min(args.calls));
        bar.set_message(message);
        if tally.calls * 5 >= args.calls {
            at_a_fifth.get_or_insert(Resources::now());
        }
        if tally.breaches > 0 {
            // The first has all there is to learn; those after it may only follow from it.
            break;
        }
    }
    bar.finish_and_clear();
    let (last, pool) = (Resources::now(), world.pool());
    if let Some(early) = &at_a_fifth {
        tally.complain(last.growth_since(early));
    }
    match Arc::try_unwrap(world) {
        Ok(world) => tally.complain(world.close().await),
        Err(_) => tally.complain(vec!["somebody still holds the gateways".to_owned()]),
    }
    tally.complain(all_gone(&before).await);
    let looks = [Some(before), at_a_fifth, Some(last)];
    let report = Report { seed: args.seed, tally: &tally, pool, looks, took: begun.elapsed() };
    // A reader that has gone away changes nothing of what was found.
    let _ = io::stdout().write_all(report.text().as_bytes());
    Ok(if tally.breaches == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The calls that one server lives for, and what has come of them.
async fn stretch(
    args: &Args,
    world: &Arc<World>,
    visits: &mut u64,
    tally: &mut Tally,
) -> Result<(), Failure> {
    let server = world.serve().await?;
    let manner = Manner { seed: args.seed, unit: UNIT, replay: args.replay };
    let most = args.stretch().min(args.calls - tally.calls);
    let (mut callers, mut reports) = (JoinSet::new(), Vec::new());
    let mut complaints = Vec::new();
    loop {
        while callers.len() < args.callers as usize && (reports.len() as u64) < most {
            let number = *visits;
            *visits += 1;
            if number.is_multiple_of(CHANGE_EVERY) {
                complaints.extend(world.change()?);
                tally.changes += 1;
            }
            callers.spawn(caller(Arc::clone(world), manner, number));
        }
        match timeout(PATIENCE, callers.join_next()).await {
            Ok(Some(Ok(told))) => reports.extend(told),
            Ok(Some(Err(panicked))) => complaints.push(format!("a caller panicked: {panicked}")),
            Ok(None) => break,
            Err(_) => {
                let what = format!("{} callers got no answer for {PATIENCE:?}", callers.len());
                complaints.push(what);
                callers.shutdown().await;
                break;
            }
        }
    }
    complaints.extend(settle(world, server, &reports, tally).await);
    tally.count(&reports);
    tally.stretches += 1;
    tally.complain(complaints);
    Ok(())
}

async fn caller(world: Arc<World>, manner: Manner, number: u64) -> Vec<visit::Report> {
    let mut told = Vec::new();
    let deployment = &world.deployments[usize::from(number.is_multiple_of(2))];
    Visit::new(deployment.gateway(), manner, number).make(|report| told.push(report)).await;
    let was_refused = |report: &visit::Report| match &report.end {
        End::Failed(error) => error.attempts() == 0,
        _ => false,
    };
    if told.last().is_some_and(was_refused) {
        // As a caller would: or those who are refused at once would be most of the run.
        sleep(UNIT * 20).await;
    }
    told
}

/// The server goes, and leaves its books. What is still going on then has no reason to.
async fn settle(
    world: &World,
    server: Server,
    reports: &[visit::Report],
    tally: &mut Tally,
) -> Vec<String> {
    let simulator = server.end().await;
    tally.weather(&simulator.stats());
    let mut found = judge::complaints(reports, &simulator.commits(), PATIENCE);
    let until = Instant::now() + PATIENCE;
    let mut unrest = world.unrest();
    while !unrest.is_empty() && Instant::now() < until {
        sleep(Duration::from_millis(5)).await;
        unrest = world.unrest();
    }
    found.extend(unrest);
    found
}

/// Waits until there are no more tasks and descriptors than at first.
async fn all_gone(before: &Resources) -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = Resources::now();
        let more = now.descriptors.zip(before.descriptors).filter(|(now, before)| now > before);
        if now.tasks <= before.tasks && more.is_none() {
            return Vec::new();
        }
        if Instant::now() > until {
            let left =
                format!("left behind: {} tasks, descriptors now and before: {more:?}", now.tasks);
            return vec![left];
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn bar(args: &Args) -> ProgressBar {
    let bar = ProgressBar::new(args.calls).with_finish(ProgressFinish::AndClear);
    if args.quiet {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    if let Ok(style) =
        ProgressStyle::with_template("{elapsed:>4} {bar:24} {pos}/{len} calls, {msg}")
    {
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    }
    bar
}

/// A line on stderr. Nobody to tell is no reason to stop.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
