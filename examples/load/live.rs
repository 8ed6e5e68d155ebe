//! What is seen while it runs: a bar on a terminal, else a line now and then.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use tokio::time::{Instant, MissedTickBehavior};

use crate::driver::Driver;
use crate::stop::Stop;
use crate::units::{count, time};

/// How often the bar is drawn anew.
const FRAME: Duration = Duration::from_millis(100);
/// How often a line is printed where there is no terminal.
const LINE: Duration = Duration::from_secs(2);
/// The live rate is that of this time.
const RECENT: Duration = Duration::from_secs(3);

/// How far it is to go.
#[derive(Clone, Copy)]
pub(crate) struct Goal {
    pub(crate) rate: f64,
    pub(crate) lasts: Option<Duration>,
    pub(crate) calls: Option<u64>,
}

/// Shows how it goes, until it is dropped.
pub(crate) async fn show(driver: Arc<Driver>, goal: Goal, stop: Stop) {
    if io::stderr().is_terminal() {
        bar(&driver, goal, &stop).await
    } else {
        lines(&driver, goal, &stop).await
    }
}

async fn bar(driver: &Driver, goal: Goal, stop: &Stop) {
    // By time where time ends it, else by calls.
    let length = match (goal.lasts, goal.calls) {
        (Some(lasts), _) => u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX),
        (None, calls) => calls.unwrap_or(u64::MAX),
    };
    let bar = ProgressBar::new(length).with_finish(ProgressFinish::AndClear);
    if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:16} {msg}") {
        bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    }
    let mut pace = Pace::new();
    let mut frames = tokio::time::interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        frames.tick().await;
        let now = pace.look(driver);
        let elapsed = u64::try_from(pace.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        bar.set_position(if goal.lasts.is_some() { elapsed } else { now.due }.min(length));
        let stopping = if stop.is_soon() { "stopping (again: at once)  " } else { "" };
        bar.set_message(format!("{stopping}{}", now.line(goal.rate)));
    }
}

async fn lines(driver: &Driver, goal: Goal, stop: &Stop) {
    let mut pace = Pace::new();
    let mut ticks = tokio::time::interval_at(Instant::now() + LINE, LINE);
    let mut is_told = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let seconds = pace.began.elapsed().as_secs();
                let line = pace.look(driver).line(goal.rate);
                say(&format!("{seconds:>4} s  {line}"));
            }
            () = stop.soon.cancelled(), if !is_told => {
                is_told = true;
                say("stopping: no more calls, those under way may end (again: at once)");
            }
        }
    }
}

/// A line on stderr. Nobody to tell is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// How fast it goes, from looks at the tally.
struct Pace {
    began: Instant,
    looks: VecDeque<(Instant, u64)>,
}

/// One look.
struct Look {
    due: u64,
    rate: f64,
    under_way: usize,
    ok: u64,
    failed: u64,
    p50: u64,
    p99: u64,
}

impl Pace {
    fn new() -> Self {
        let began = Instant::now();
        Self { began, looks: VecDeque::from([(began, 0)]) }
    }

    fn look(&mut self, driver: &Driver) -> Look {
        let now = Instant::now();
        let under_way = driver.under_way();
        let counts = driver.tally.counts();
        let sent = counts.sum(|row| row.sent);
        self.looks.push_back((now, sent));
        while self.looks.len() > 2 && self.looks.front().is_some_and(|(at, _)| now - *at > RECENT) {
            self.looks.pop_front();
        }
        let (since, before) = self.looks.front().copied().unwrap_or((self.began, 0));
        let seconds = (now - since).as_secs_f64();
        Look {
            due: sent + counts.sum(|row| row.not_sent),
            rate: if seconds > 0.0 { (sent - before) as f64 / seconds } else { 0.0 },
            under_way,
            ok: counts.sum(|row| row.ok),
            failed: counts.sum(|row| row.failed),
            p50: counts.response.value_at_quantile(0.5),
            p99: counts.response.value_at_quantile(0.99),
        }
    }
}

impl Look {
    fn line(&self, asked: f64) -> String {
        let digits = if asked < 10.0 { 1 } else { 0 };
        format!(
            "{:.digits$}/s of {asked}/s  {} under way  {} ok  {} failed  p50 {}  p99 {}",
            self.rate,
            self.under_way,
            count(self.ok),
            count(self.failed),
            time(self.p50 as f64),
            time(self.p99 as f64),
        )
    }
}
