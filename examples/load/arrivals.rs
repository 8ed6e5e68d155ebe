//! When calls are due: from a seed to times, and nothing else.
//!
//! The load is open: a call is due when it is due, whether or not those before it have ended, as
//! customers come whether or not others have been served.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use twilio_proxy::call::Rng;

/// How many calls are due in a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rate(f64);

impl Rate {
    /// One call a microsecond: more than a machine sends, and histograms count microseconds.
    const MOST: f64 = 1e6;
    /// About three calls a day.
    const LEAST: f64 = 1.0 / 32_768.0;

    pub(crate) fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `200`, `200/s`, `90/min`, `12/h`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1.0,
            "m" | "min" | "minute" => 60.0,
            "h" | "hour" => 3600.0,
            _ => return Err(format!("`{unit}` is no unit of time here: s, min or h, as in 200/s")),
        };
        let number: f64 = number
            .trim()
            .parse()
            .map_err(|_| format!("`{number}` is no number of calls, as in 200/s"))?;
        let rate = number / seconds;
        if (Self::LEAST..=Self::MOST).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err("a rate is more than nothing and at most 1000000/s".to_owned())
        }
    }
}

/// How calls are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pattern {
    /// As independent callers come: at any moment equally likely, so sometimes in crowds
    Poisson,
    /// One like the other, in equal steps
    Even,
}

impl Pattern {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::Even => "even",
        }
    }
}

/// The times at which calls are due, from the start of the run; without end.
pub(crate) struct Arrivals {
    pattern: Pattern,
    rate: f64,
    rng: Rng,
    due: u64,
    seconds: f64,
}

impl Arrivals {
    pub(crate) fn new(pattern: Pattern, rate: Rate, seed: u64) -> Self {
        Self { pattern, rate: rate.0, rng: Rng::seeded(seed), due: 0, seconds: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        match self.pattern {
            // The gaps of a Poisson process are exponential. A fraction is below 1, so the logarithm
            // is of more than 0.
            Pattern::Poisson => self.seconds -= (1.0 - self.rng.fraction()).ln() / self.rate,
            // From the count, not from the last one: a sum of rounded steps drifts.
            Pattern::Even => self.seconds = self.due as f64 / self.rate,
        }
        self.due += 1;
        Duration::try_from_secs_f64(self.seconds).ok()
    }
}
