//! The measurement: starts the processes, kills Redis, and adds up what went.

use std::io::{self, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use twilio_proxy::middleware::limit::Quota;
use twilio_proxy::middleware::limit::fleet::FleetSettings;

use super::redis_server::{PROGRAM, RedisServer};
use super::worker::wall;
use super::{Outcome, Run};

/// Windows that the bound is held to. Besides what the limiter grants, a process may be interrupted
/// between its cell and its note of the time.
const WINDOWS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
const INTERRUPTED: Duration = Duration::from_millis(50);

pub(crate) fn settings(run: &Run) -> FleetSettings {
    let quota = Quota::per_second(run.rate).burst(run.burst);
    FleetSettings::new(quota).processes(run.processes)
}

struct Worker {
    round_trips: u64,
    expired: u64,
    alone: u64,
    went: Vec<u64>,
}

pub(crate) fn run(run: &Run) -> Outcome {
    let mut server = None;
    let url = match &run.url {
        Some(url) => url.clone(),
        None => match RedisServer::start() {
            Ok(started) => server.insert(started).url(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!(
                    "fleet: {PROGRAM} is not installed; install it, or give --url of a Redis"
                );
                return Ok(ExitCode::from(2));
            }
            Err(error) => return Err(error.into()),
        },
    };
    println!(
        "{} processes share {} calls/s (burst {}) for {} s{}",
        run.processes,
        run.rate,
        run.burst,
        run.seconds,
        if run.kill { "; Redis is killed in the middle" } else { "" }
    );
    let begin = wall() + 1_500_000;
    let children: Vec<_> =
        (0..run.processes).map(|_| start(run, &url, begin)).collect::<Result<_, _>>()?;
    watch(run, begin, server.as_mut().filter(|_| run.kill))?;
    let workers: Vec<_> = children.into_iter().map(result).collect::<Result<_, _>>()?;
    report(run, begin, &workers)
}

fn start(run: &Run, url: &str, begin: u64) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["worker", "--url", url]);
    for (flag, value) in [
        ("--processes", u64::from(run.processes)),
        ("--seconds", run.seconds),
        ("--rate", u64::from(run.rate)),
        ("--burst", u64::from(run.burst)),
        ("--callers", run.callers as u64),
    ] {
        command.args([flag, &value.to_string()]);
    }
    command.arg(begin.to_string()).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

/// Waits for the end, says how far it is, and kills and restarts Redis if there is one to be killed.
// No runtime here, and nothing to stop.
#[allow(clippy::disallowed_methods)]
fn watch(run: &Run, begin: u64, mut victim: Option<&mut RedisServer>) -> io::Result<()> {
    let (kill, restart) = (run.seconds * 4 / 10, run.seconds * 6 / 10);
    for second in 0..=run.seconds {
        let due = begin + second * 1_000_000;
        std::thread::sleep(Duration::from_micros(due.saturating_sub(wall())));
        if let Some(server) = &mut victim {
            if second == kill {
                server.kill();
                println!("  {second:3} s: Redis killed");
            } else if second == restart {
                server.restart()?;
                println!("  {second:3} s: Redis is back, and remembers nothing");
            }
        }
        if second % 5 == 0 || second == run.seconds {
            println!("  {second:3} of {} s", run.seconds);
        }
    }
    Ok(())
}

fn result(mut child: Child) -> Result<Worker, Box<dyn std::error::Error>> {
    let mut text = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut text)?;
    }
    if !child.wait()?.success() {
        return Err("a process failed".into());
    }
    let mut numbers = text.split_whitespace().map(str::parse);
    let mut next = || numbers.next().ok_or("a process said nothing");
    let (round_trips, expired, alone) = (next()??, next()??, next()??);
    Ok(Worker { round_trips, expired, alone, went: numbers.collect::<Result<_, _>>()? })
}

fn report(run: &Run, begin: u64, workers: &[Worker]) -> Outcome {
    let sum = |of: fn(&Worker) -> u64| workers.iter().map(of).sum::<u64>();
    let mut went: Vec<_> = workers.iter().flat_map(|worker| worker.went.clone()).collect();
    went.sort_unstable();
    let calls = went.len() as f64;
    let rate = calls / run.seconds as f64;
    let off = (rate / f64::from(run.rate) - 1.0) * 100.0;
    let per_call = sum(|worker| worker.round_trips) as f64 / calls.max(1.0);
    println!("\ncalls              {calls}");
    println!("granted            {rate:.2}/s, {off:+.2} % of the quota");
    println!("round trips a call {per_call:.3}");
    println!("cells not used     {}", sum(|worker| worker.expired));
    println!("by own shares      {}", sum(|worker| worker.alone));
    let shares = workers.iter().map(|worker| worker.went.len().to_string()).collect::<Vec<_>>();
    println!("by process         {}", shares.join(" "));
    let mut is_kept = true;
    for window in WINDOWS {
        let most = most_in(&went, window);
        let settings = settings(run);
        let within = window + INTERRUPTED;
        let bound =
            if run.kill { settings.most_in_outage(within) } else { settings.most_in(within) };
        println!("worst {} s          {most}, of at most {bound}", window.as_secs());
        is_kept &= most as u128 <= bound;
    }
    if run.kill {
        println!("by second          {}", by_second(&went, begin, run.seconds));
    } else {
        // A short run begins without a lease, and that shows.
        let (far, often) = if run.seconds >= 30 { (2.0, 0.1) } else { (5.0, 0.2) };
        is_kept &= off.abs() <= far && per_call <= often;
    }
    println!("{}", if is_kept { "kept" } else { "NOT KEPT" });
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn most_in(went: &[u64], window: Duration) -> usize {
    let window = window.as_micros() as u64;
    let mut first = 0;
    let mut most = 0;
    for (index, at) in went.iter().enumerate() {
        while at - went[first] > window {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    most
}

fn by_second(went: &[u64], begin: u64, seconds: u64) -> String {
    let count = |second| {
        let (from, until) = (begin + second * 1_000_000, begin + (second + 1) * 1_000_000);
        went.iter().filter(|at| (from..until).contains(*at)).count().to_string()
    };
    (0..seconds).map(count).collect::<Vec<_>>().join(" ")
}
