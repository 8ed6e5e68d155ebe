use std::time::Duration;

use http::StatusCode;

use super::{Action, Mishap, RetryAfter};
use crate::call::Rng;

/// Which requests meet which [`Mishap`]: none, those of a script, or some by chance.
///
/// A plan counts from the moment it is put in place with
/// [`Simulator::set_faults`](super::Simulator::set_faults); a running simulator can be given another.
///
/// ```
/// use http::StatusCode;
/// use twilio_proxy::simulator::{Action, FaultPlan, Mishap};
///
/// // The first create commits and its answer is lost; the third request of all meets a 503.
/// let scripted = FaultPlan::none()
///     .next_of(Action::Create, 1, Mishap::ResetAfter)
///     .request(3, Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE));
///
/// // One request in ten, the same ones for the same seed.
/// let by_chance = FaultPlan::random(7).rate(0.1);
/// # drop((scripted, by_chance));
/// ```
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    chance: Option<Chance>,
    seen: u64,
}

#[derive(Clone, Debug)]
struct Rule {
    mishap: Mishap,
    which: Which,
}

#[derive(Clone, Debug)]
enum Which {
    /// The request of this number; the first is 1.
    Number(u64),
    /// The next so many, of an action or of any.
    Next { action: Option<Action>, left: u64 },
}

#[derive(Clone, Debug)]
struct Chance {
    seed: u64,
    rng: Rng,
    rate: f64,
    mix: Vec<(Mishap, u32)>,
    /// The draw for the next request, made ahead so that a server can ask as the connection comes in.
    drawn: Option<Option<Mishap>>,
}

impl FaultPlan {
    /// Nothing goes wrong; and where a script begins.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Chance decides, the same way for the same seed and the same order of requests: one request
    /// in ten, with a mix of mishaps that a client which retries can come through.
    ///
    /// The mix leaves out what no retry mends, [`Mishap::GarbledBody`], and what needs a timeout to
    /// end, the stalls. Add them with [`FaultPlan::mix`].
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mix = vec![
            (Mishap::Latency(Duration::from_millis(200)), 3),
            (Mishap::Refused, 2),
            (Mishap::ResetBefore, 2),
            (Mishap::ResetAfter, 2),
            (Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE), 2),
            (Mishap::ErrorAfter(StatusCode::INTERNAL_SERVER_ERROR), 2),
            (Mishap::Html(StatusCode::BAD_GATEWAY), 1),
            (Mishap::Throttled(None), 1),
            (Mishap::Throttled(Some(RetryAfter::Seconds(1))), 1),
            (Mishap::Truncated, 1),
            (Mishap::GarbledWire, 1),
        ];
        let chance = Chance { seed, rng: Rng::seeded(seed), rate: 0.1, mix, drawn: None };
        Self { chance: Some(chance), ..Self::default() }
    }

    /// How likely a request is to meet a mishap, `0.0..=1.0`. Without effect on a script.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        if let Some(chance) = &mut self.chance {
            chance.rate = rate;
        }
        self
    }

    /// Which mishaps chance picks from, each with its weight. Without effect on a script.
    #[must_use]
    pub fn mix(mut self, mix: impl IntoIterator<Item = (Mishap, u32)>) -> Self {
        if let Some(chance) = &mut self.chance {
            chance.mix = mix.into_iter().collect();
        }
        self
    }

    /// Strikes the request of this number, counted from 1. Where a request falls under several
    /// rules, the first that was written strikes; chance has its turn only after the rules.
    #[must_use]
    pub fn request(self, number: u64, mishap: Mishap) -> Self {
        self.rule(mishap, Which::Number(number))
    }

    /// Strikes the next so many requests.
    #[must_use]
    pub fn next(self, count: u64, mishap: Mishap) -> Self {
        self.rule(mishap, Which::Next { action: None, left: count })
    }

    /// Strikes the next so many requests of one kind.
    #[must_use]
    pub fn next_of(self, action: Action, count: u64, mishap: Mishap) -> Self {
        self.rule(mishap, Which::Next { action: Some(action), left: count })
    }

    fn rule(mut self, mishap: Mishap, which: Which) -> Self {
        self.rules.push(Rule { mishap, which });
        self
    }

    /// The plan as if nothing had been counted or drawn. Clones share a generator, and two
    /// simulators with one plan must not take draws from each other.
    pub(super) fn fresh(mut self) -> Self {
        self.seen = 0;
        if let Some(chance) = &mut self.chance {
            chance.rng = Rng::seeded(chance.seed);
            chance.drawn = None;
        }
        self
    }

    /// Counts a request, and says what happens to it.
    pub(super) fn strike(&mut self, action: Action) -> Option<Mishap> {
        self.seen += 1;
        let drawn = self.chance.as_mut().and_then(Chance::take);
        self.scripted(Some(action)).or(drawn)
    }

    /// Whether a connection that comes in now is refused. One that is counts as a request.
    pub(super) fn refuse(&mut self) -> bool {
        self.seen += 1;
        let refused = match self.peek() {
            Some(mishap) => mishap == Mishap::Refused,
            None => {
                self.chance.as_mut().is_some_and(|chance| chance.peek() == Some(Mishap::Refused))
            }
        };
        if refused {
            // Spent, by the rule or the draw that it was.
            let _ = self.scripted(None);
            let _ = self.chance.as_mut().and_then(Chance::take);
        } else {
            self.seen -= 1;
        }
        refused
    }

    /// What the script has for the present request, whatever it asks for.
    fn peek(&self) -> Option<Mishap> {
        self.rules.iter().find(|rule| rule.applies(self.seen, None)).map(|rule| rule.mishap)
    }

    fn scripted(&mut self, action: Option<Action>) -> Option<Mishap> {
        let seen = self.seen;
        let rule = self.rules.iter_mut().find(|rule| rule.applies(seen, action))?;
        if let Which::Next { left, .. } = &mut rule.which {
            *left -= 1;
        }
        Some(rule.mishap)
    }
}

impl Rule {
    fn applies(&self, number: u64, action: Option<Action>) -> bool {
        match self.which {
            Which::Number(wanted) => wanted == number,
            Which::Next { action: wanted, left } => {
                left > 0 && (wanted.is_none() || wanted == action)
            }
        }
    }
}

impl Chance {
    fn peek(&mut self) -> Option<Mishap> {
        let draw = match self.drawn {
            Some(draw) => draw,
            None => self.draw(),
        };
        self.drawn = Some(draw);
        draw
    }

    fn take(&mut self) -> Option<Mishap> {
        let draw = self.peek();
        self.drawn = None;
        draw
    }

    /// Two numbers a request, whether it is struck or not, so that another rate strikes no others.
    fn draw(&self) -> Option<Mishap> {
        let (struck, pick) = (self.rng.fraction() < self.rate, self.rng.bits());
        let total: u64 = self.mix.iter().map(|(_, weight)| u64::from(*weight)).sum();
        let mut left = pick.checked_rem(total).filter(|_| struck)?;
        for (mishap, weight) in &self.mix {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return Some(*mishap),
            }
        }
        None
    }
}
