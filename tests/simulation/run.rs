//! One run.

use std::cell::RefCell;
use std::fmt::Write;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};
use twilio_proxy::call::{Clock, Rng};
use twilio_proxy::gateway::config::{Deployment, GatewayConfig, LayerName};
use twilio_proxy::simulator::{Settings, Simulator};

use crate::draw::{Frame, weather, with_keys};
use crate::judge::{complaints, unrest};
use crate::orders::order;
use crate::visit::{Manner, Report, Visit};

const UNIT: Duration = Duration::from_millis(100);
/// Tokio's timers are exact to the millisecond.
const SLACK: Duration = Duration::from_millis(1);

/// What a seed makes.
pub(crate) struct Drawn {
    seed: u64,
    frame: Frame,
    visits: u64,
    at_once: usize,
    /// The weather and the configuration change with every so manieth visit.
    every: u64,
    replay: bool,
}

/// What came of it.
pub(crate) struct Ran {
    pub(crate) reports: Vec<Report>,
    pub(crate) complaints: Vec<String>,
    /// Everything that happened, in its order and with its times.
    pub(crate) trace: String,
}

impl Drawn {
    pub(crate) fn from(seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let stack = order(&rng);
        let two = rng.bits().is_multiple_of(2) && stack.contains(&LayerName::Failover);
        let other = if two { "failover_urls = [\"https://two.example\"]" } else { "" };
        let frame = Frame {
            unit: UNIT,
            stack,
            endpoint: format!("base_url = \"https://one.example\"\n{other}"),
            least_quota: 5 << (rng.bits() % 4),
            limits: [2, 8, 64],
            queues: [4, 1_000],
            named: rng.bits().is_multiple_of(2),
            choices: rng.bits(),
        };
        let (visits, every) = (6 + rng.bits() % 8, 2 + rng.bits() % 4);
        Self { seed, frame, visits, at_once: 1 + (rng.bits() % 8) as usize, every, replay: false }
    }

    /// Creates without a name ask to be done again.
    pub(crate) fn replaying(mut self) -> Self {
        self.replay = true;
        self
    }

    /// Runs it on a runtime of its own, where time stands still while anybody works.
    pub(crate) fn run(&self) -> Ran {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut ran = self.go().await;
            // Whatever the world had is gone with it.
            tokio::task::yield_now().await;
            let tasks = Handle::current().metrics().num_alive_tasks();
            if tasks > 0 {
                ran.complaints.push(format!("left behind: {tasks} tasks"));
            }
            ran
        })
    }

    async fn go(&self) -> Ran {
        let clock = Clock::starting_at("2026-01-02T03:04:05Z".parse().unwrap());
        let rng = Rng::seeded(!self.seed);
        let settings = with_keys(Settings::default())
            .clock(clock)
            .rng(Rng::seeded(rng.bits()))
            .latency(Duration::from_millis(rng.bits() % 20));
        let simulator = Simulator::with(settings);
        let first = self.frame.config(&rng);
        let config = GatewayConfig::from_toml(&first).unwrap_or_else(|error| {
            panic!("the drawn configuration is wrong: {error}\n{first}");
        });
        let draws = Rng::seeded(rng.bits());
        let deployment = config
            .over_with(simulator.clone(), |builder| builder.clock(clock).rng(draws))
            .unwrap_or_else(|error| panic!("{error}\n{first}"));
        let world = World {
            drawn: self,
            deployment,
            simulator,
            rng,
            begun: Instant::now(),
            reports: RefCell::default(),
            complaints: RefCell::default(),
            trace: RefCell::new(first),
        };
        let visits = futures_util::stream::iter(0..self.visits)
            .for_each_concurrent(self.at_once, |number| world.visit(number));
        if timeout(Duration::from_secs(86_400), visits).await.is_err() {
            world.complaints.borrow_mut().push("a call never ended".to_owned());
        }
        world.end()
    }
}

struct World<'a> {
    drawn: &'a Drawn,
    deployment: Deployment,
    simulator: Simulator,
    rng: Rng,
    begun: Instant,
    reports: RefCell<Vec<Report>>,
    complaints: RefCell<Vec<String>>,
    trace: RefCell<String>,
}

impl World<'_> {
    async fn visit(&self, number: u64) {
        if number.is_multiple_of(self.drawn.every) {
            self.change();
        }
        let manner = Manner { seed: self.drawn.seed, unit: UNIT, replay: self.drawn.replay };
        Visit::new(self.deployment.gateway(), manner, number)
            .make(|report| {
                self.note(format_args!(
                    "{} {:?} {} after {:?}",
                    report.id,
                    report.action,
                    report.end.name(),
                    report.took
                ));
                self.reports.borrow_mut().push(report);
            })
            .await;
    }

    /// Other weather, and a new configuration with other credentials.
    fn change(&self) {
        let faults = weather(&self.rng, UNIT, true);
        self.note(format_args!("weather: {faults:?}"));
        self.simulator.set_faults(faults);
        let text = self.drawn.frame.config(&self.rng);
        let new = GatewayConfig::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let reloaded = self.deployment.reload(&new).unwrap_or_else(|error| {
            panic!("a configuration of the same frame is refused: {error}\n{text}");
        });
        self.note(format_args!("reloaded: {:?}", reloaded.changed));
        if !reloaded.needs_restart.is_empty() {
            let what = format!("needs a restart: {:?}\n{text}", reloaded.needs_restart);
            self.complaints.borrow_mut().push(what);
        }
    }

    fn note(&self, what: std::fmt::Arguments<'_>) {
        let at = self.begun.elapsed();
        writeln!(self.trace.borrow_mut(), "{at:?} {what}").unwrap();
    }

    fn end(self) -> Ran {
        let (reports, mut trace) = (self.reports.into_inner(), self.trace.into_inner());
        let commits = self.simulator.commits();
        for commit in &commits {
            writeln!(trace, "{commit:?}").unwrap();
        }
        writeln!(trace, "{:?}", self.simulator.stats()).unwrap();
        let mut found = self.complaints.into_inner();
        found.extend(complaints(&reports, &commits, SLACK));
        found.extend(unrest(&self.deployment.gateway().health()));
        Ran { reports, complaints: found, trace }
    }
}
