//! What is asked for: the mix of operations, drawn from a seed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use twilio_proxy::call::Rng;

use crate::arrivals::Arrivals;

/// The five operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Create,
    Fetch,
    List,
    Update,
    Delete,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Create, Self::Fetch, Self::List, Self::Update, Self::Delete];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Fetch => "fetch",
            Self::List => "list",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// How often each operation is asked for, in proportion to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mix([u32; 5]);

impl Mix {
    pub(crate) fn weight(&self, kind: Kind) -> u32 {
        self.0[kind as usize]
    }

    /// Whether it asks for sessions that are there already.
    pub(crate) fn needs_sessions(&self) -> bool {
        [Kind::Fetch, Kind::Update].into_iter().any(|kind| self.weight(kind) > 0)
    }

    /// The share that a number in `0..1` falls into.
    fn pick(&self, fraction: f64) -> Kind {
        let total: f64 = self.0.iter().copied().map(f64::from).sum();
        let mut left = fraction * total;
        for kind in Kind::ALL {
            left -= f64::from(self.weight(kind));
            if left < 0.0 {
                return kind;
            }
        }
        // Rounding has eaten the last share.
        Kind::ALL.into_iter().rev().find(|kind| self.weight(*kind) > 0).unwrap_or(Kind::Fetch)
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Kind::ALL.map(Kind::name).join(", ");
        let mut weights = [None; 5];
        for part in text.split(',').map(str::trim) {
            let (name, weight) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is no share, as in create=1,fetch=6"))?;
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.name() == name.trim())
                .ok_or_else(|| format!("no operation is called `{name}`: there are {}", names()))?;
            let weight: u32 = weight
                .trim()
                .parse()
                .map_err(|_| format!("`{weight}` is no share of {name}: a whole number is"))?;
            if weights[kind as usize].replace(weight).is_some() {
                return Err(format!("{name} comes twice"));
            }
        }
        let weights = weights.map(Option::unwrap_or_default);
        if weights == [0; 5] {
            return Err("every share is 0: there is nothing to do".to_owned());
        }
        Ok(Self(weights))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shares = Kind::ALL.into_iter().filter(|kind| self.weight(*kind) > 0);
        for (number, kind) in shares.enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{}={}", kind.name(), self.weight(kind))?;
        }
        Ok(())
    }
}

/// One call that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrival {
    /// When, from the start of the run.
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    /// Whether a create gets a UniqueName.
    pub(crate) named: bool,
    /// Which of the Services or sessions, whatever their number will be.
    pub(crate) pick: u64,
}

/// The whole run, from its seed.
pub(crate) struct Plan {
    arrivals: Arrivals,
    mix: Mix,
    unnamed: f64,
    rng: Rng,
}

impl Plan {
    /// `unnamed` is the share of creates without a UniqueName.
    pub(crate) fn new(arrivals: Arrivals, mix: Mix, unnamed: f64, seed: u64) -> Self {
        // Another sequence than that of the times, so that another mix is due at the same times.
        Self { arrivals, mix, unnamed, rng: Rng::seeded(!seed) }
    }
}

impl Iterator for Plan {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        let at = self.arrivals.next()?;
        // Three draws an arrival, whatever they decide: another mix changes no name and no choice.
        let (kind, named, pick) = (self.rng.fraction(), self.rng.fraction(), self.rng.bits());
        let named = named >= self.unnamed;
        Some(Arrival { at, kind: self.mix.pick(kind), named, pick })
    }
}
