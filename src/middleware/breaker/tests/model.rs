//! The circuit against a model in plain words: lists in place of counters, one thread, no gate.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::super::circuit::{Circuit, Context, End};
use super::super::machine::{Refusal, Ticket};
use super::super::{CircuitState, Settings};
use crate::call::{Live, Origin, Rng};

const SECOND: u64 = 1_000_000_000;
const SLOW: u64 = 2 * SECOND;

/// What may change while calls go on.
#[derive(Clone, Copy, Debug)]
struct Knobs {
    probes: usize,
    passes: u32,
    min_calls: usize,
}

const FIRST: Knobs = Knobs { probes: 2, passes: 3, min_calls: 4 };
const OTHERS: [Knobs; 2] =
    [Knobs { probes: 1, passes: 1, min_calls: 7 }, Knobs { probes: 3, passes: 2, min_calls: 2 }];

fn settings(knobs: Knobs) -> Settings {
    Settings::new()
        .window(Duration::from_secs(10))
        .min_calls(knobs.min_calls as u32)
        .failure_percent(50)
        .slow_call(Duration::from_nanos(SLOW))
        .slow_percent(75)
        .open_for(Duration::from_secs(4))
        .max_open_for(Duration::from_secs(20))
        .probes(knobs.probes as u32)
        .passes(knobs.passes)
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    /// As many calls, one after the other, each ending at once.
    Calls(usize, End, bool),
    Begin,
    /// The oldest or the youngest of those under way ends.
    Finish {
        youngest: bool,
        end: End,
        slow: bool,
    },
    ForceOpen,
    ForceClosed,
    Release,
    /// Other settings from now on, for calls that are under way too.
    Turn(Knobs),
}

fn ends() -> impl Strategy<Value = End> {
    prop_oneof![
        5 => Just(End::Success),
        4 => Just(End::Failure),
        1 => Just(End::Answered),
        1 => Just(End::Unjudged),
        1 => Just(End::Dropped),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        4 => 0..SECOND,
        3 => SECOND..6 * SECOND,
        1 => 10 * SECOND..70 * SECOND,
    ];
    let step = prop_oneof![
        6 => wait.prop_map(Step::Wait),
        4 => (1..6usize, ends(), any::<bool>()).prop_map(|(n, end, slow)| Step::Calls(n, end, slow)),
        3 => (2..6usize).prop_map(|n| Step::Calls(n, End::Failure, false)),
        6 => Just(Step::Begin),
        6 => (any::<bool>(), ends(), prop::bool::weighted(0.3))
            .prop_map(|(youngest, end, slow)| Step::Finish { youngest, end, slow }),
        // Holding a circuit is rare, or nothing else would be seen.
        1 => prop_oneof![
            Just(Step::ForceOpen), Just(Step::ForceClosed), Just(Step::Release), Just(Step::Release)
        ],
        1 => prop::sample::select(vec![FIRST, OTHERS[0], OTHERS[1]]).prop_map(Step::Turn),
    ];
    prop::collection::vec(step, 1..150)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Is {
    Closed,
    Open { until: u64 },
    HalfOpen,
    HeldOpen,
    HeldClosed,
}

/// A call that was let through: in which stretch between two changes of state.
#[derive(Clone, Copy, Debug)]
struct Under {
    epoch: usize,
    probe: bool,
}

struct Model {
    knobs: Knobs,
    is: Is,
    epoch: usize,
    /// When it was counted, whether it failed, whether it was slow.
    window: Vec<(u64, bool, bool)>,
    probes: usize,
    latest_probe: u64,
    passed: u32,
    reopened: u32,
    closed_at: Option<u64>,
    rng: Rng,
}

impl Model {
    fn becomes(&mut self, is: Is) {
        let calls_go = |is| matches!(is, Is::Closed | Is::HeldClosed);
        if calls_go(is) && !calls_go(self.is) {
            self.window.clear();
        }
        self.is = is;
        self.epoch += 1;
        self.probes = 0;
    }

    fn opens(&mut self, now: u64) {
        let most = (4 * SECOND * 2u64.pow(self.reopened.min(10))).min(20 * SECOND);
        let jitter = self.rng.up_to(Duration::from_nanos(most / 2)).as_nanos() as u64;
        self.becomes(Is::Open { until: now + most / 2 + jitter });
    }

    fn begin(&mut self, now: u64) -> Result<Under, Option<u64>> {
        match self.is {
            Is::HeldOpen => return Err(None),
            Is::Open { until } if now < until => return Err(Some(until - now)),
            Is::Open { .. } => {
                self.becomes(Is::HalfOpen);
                self.passed = 0;
            }
            Is::HalfOpen if self.probes >= self.knobs.probes => {
                if now - self.latest_probe < 30 * SECOND {
                    return Err(Some(SECOND / 10));
                }
                // Those that are out are given up, what passed is kept.
                self.becomes(Is::HalfOpen);
            }
            _ => {}
        }
        let probe = self.is == Is::HalfOpen;
        if probe {
            self.probes += 1;
            self.latest_probe = now;
        }
        Ok(Under { epoch: self.epoch, probe })
    }

    fn end(&mut self, call: Under, end: End, slow: bool, now: u64) {
        if call.epoch != self.epoch {
            return;
        }
        if call.probe {
            self.probes -= 1;
            match (end, slow) {
                (End::Unjudged, _) | (End::Dropped, false) => {}
                (End::Success | End::Answered, false) => {
                    self.passed += 1;
                    if self.passed >= self.knobs.passes {
                        self.closed_at = Some(now);
                        self.becomes(Is::Closed);
                    }
                }
                _ => {
                    self.reopened += 1;
                    self.opens(now);
                }
            }
            return;
        }
        match end {
            End::Answered | End::Unjudged => return,
            End::Dropped if !slow => return,
            _ => self.window.push((now, end == End::Failure, slow)),
        }
        let [calls, failures, slows] = self.counts(now);
        let failing = end == End::Failure && failures * 2 >= calls;
        let slowing = slow && slows * 4 >= calls * 3;
        if self.is == Is::Closed && calls >= self.knobs.min_calls && (failing || slowing) {
            let stable = self.closed_at.is_none_or(|closed| now - closed >= 20 * SECOND);
            self.reopened = if stable { 0 } else { self.reopened + 1 };
            self.opens(now);
        }
    }

    /// Calls, failures and slow ones of this second and the nine before it.
    fn counts(&self, now: u64) -> [usize; 3] {
        let recent = |at: u64| at / SECOND + 10 > now / SECOND;
        let recent: Vec<_> = self.window.iter().filter(|(at, ..)| recent(*at)).collect();
        let failed = recent.iter().filter(|(_, failed, _)| *failed).count();
        let slow = recent.iter().filter(|(.., slow)| *slow).count();
        [recent.len(), failed, slow]
    }
}

/// Both side by side.
struct Pair {
    circuit: Circuit,
    model: Model,
    now: u64,
    under_way: Vec<(Ticket, Under)>,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let context = Context::new(Live::new(settings(FIRST)));
        context.rng.set(Rng::seeded(seed));
        let origin = Origin::of(&"https://api.test".parse().expect("a URI")).expect("an origin");
        let model = Model {
            knobs: FIRST,
            is: Is::Closed,
            epoch: 0,
            window: Vec::new(),
            probes: 0,
            latest_probe: 0,
            passed: 0,
            reopened: 0,
            closed_at: None,
            rng: Rng::seeded(seed),
        };
        let circuit = Circuit::new(Arc::new(context), origin, "api.test");
        Self { circuit, model, now: 86_400 * SECOND, under_way: Vec::new() }
    }

    fn begin(&mut self) -> Result<Option<(Ticket, Under)>, TestCaseError> {
        let now = self.now;
        match (self.circuit.enter(|| now), self.model.begin(now)) {
            (Ok(ticket), Ok(under)) => {
                prop_assert_eq!(ticket.is_probe, under.probe);
                Ok(Some((ticket, under)))
            }
            (Err(refusal), Err(after)) => {
                let said = match refusal {
                    Refusal::Open { after } | Refusal::Probing { after } => Some(after),
                    Refusal::ForcedOpen => None,
                };
                prop_assert_eq!(said, after);
                Ok(None)
            }
            (circuit, model) => {
                prop_assert!(false, "circuit {:?}, model {:?}", circuit, model);
                Ok(None)
            }
        }
    }

    fn end(&mut self, (ticket, under): (Ticket, Under), end: End, slow: bool) {
        let took = if slow { SLOW } else { SLOW - 1 };
        self.circuit.end(ticket, end, Some(took), self.now);
        self.model.end(under, end, slow, self.now);
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Wait(nanos) => self.now += nanos,
            Step::Calls(count, end, slow) => {
                for _ in 0..count {
                    if let Some(call) = self.begin()? {
                        self.end(call, end, slow);
                    }
                }
            }
            Step::Begin => {
                let begun = self.begin()?;
                self.under_way.extend(begun);
            }
            Step::Finish { youngest, end, slow } => {
                if !self.under_way.is_empty() {
                    let index = if youngest { self.under_way.len() - 1 } else { 0 };
                    let call = self.under_way.remove(index);
                    self.end(call, end, slow);
                }
            }
            Step::ForceOpen => {
                self.circuit.force_open(self.now);
                self.model.becomes(Is::HeldOpen);
            }
            Step::ForceClosed => {
                self.circuit.force_closed(self.now);
                self.model.becomes(Is::HeldClosed);
            }
            Step::Release => {
                self.circuit.release(self.now);
                match self.model.is {
                    Is::HeldOpen => {
                        self.model.becomes(Is::HalfOpen);
                        self.model.passed = 0;
                        self.model.latest_probe = self.now;
                    }
                    Is::HeldClosed => self.model.becomes(Is::Closed),
                    _ => {}
                }
            }
            Step::Turn(knobs) => {
                self.circuit.context().settings.set(settings(knobs));
                self.model.knobs = knobs;
            }
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        let status = self.circuit.status(self.now);
        let (state, forced) = match self.model.is {
            Is::Closed => (CircuitState::Closed, false),
            Is::Open { .. } => (CircuitState::Open, false),
            Is::HalfOpen => (CircuitState::HalfOpen, false),
            Is::HeldOpen => (CircuitState::Open, true),
            Is::HeldClosed => (CircuitState::Closed, true),
        };
        prop_assert_eq!((status.state, status.forced), (state, forced));
        prop_assert_eq!(status.probes as usize, self.model.probes);
        prop_assert!(self.model.probes <= 3, "more than any of the settings allows");
        let counts = [status.calls, status.failures, status.slow].map(|count| count as usize);
        prop_assert_eq!(counts, self.model.counts(self.now));
        prop_assert_eq!(self.circuit.is_closed(), state == CircuitState::Closed);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_circuit_does_what_the_model_does(seed: u64, steps in steps()) {
        let mut pair = Pair::new(seed);
        for step in &steps {
            pair.step(step)?;
            pair.compare()?;
        }
    }
}
