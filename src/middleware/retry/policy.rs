use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use crate::call::{Class, Effect, FaultKind, Live};

/// Decides whether an attempt that did not succeed is followed by another. Pure: it is told what
/// there is to know, and neither waits nor counts nor draws lots.
///
/// A closure is a policy, and so is a [`Live`] handle on one: a running process can be told to
/// retry less.
///
/// ```
/// use http::StatusCode;
/// use twilio_proxy::middleware::retry::{
///     Outcome, Policy, RetryLayer, StandardPolicy, Stop, Verdict,
/// };
///
/// // Never repeat a delete; leave the rest to the standard policy.
/// let standard = StandardPolicy::new().retry_status(StatusCode::CONFLICT);
/// let layer = RetryLayer::new().policy(move |outcome: &Outcome| match outcome.operation {
///     "sessions.delete" => Verdict::Stop(Stop::Final),
///     _ => standard.decide(outcome),
/// });
/// # let _ = layer;
/// ```
pub trait Policy: Send + Sync + 'static {
    /// Judges the end of one attempt. A success is never put to it.
    fn decide(&self, outcome: &Outcome) -> Verdict;
}

/// How one attempt ended, and what bears on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// The classifier's judgement of the response, or that of the fault in the error. An error
    /// without a [`Fault`](crate::call::Fault) in it is [`Class::Interrupted`]: nobody knows what
    /// came of it.
    pub class: Class,
    /// What may have come of it: of a fault what it says itself, of a response what its status
    /// proves, unless the classifier knows better: what it calls throttled did nothing, and what it
    /// calls unavailable may have acted.
    pub effect: Effect,
    /// Which attempt it was; the first is 1.
    pub attempt: u32,
    /// How often the call itself wants to be tried, if it said so.
    pub wanted_attempts: Option<u32>,
    /// Whether the call may be repeated when nobody knows what came of it.
    pub replayable: bool,
    /// The status, where a response came.
    pub status: Option<StatusCode>,
    /// The kind of fault, where an error came that has one.
    pub fault: Option<FaultKind>,
    /// How long the response, or the fault, asks to be left alone.
    pub retry_after: Option<Duration>,
    /// Time until the call's deadline, zero when it has passed. Whatever is decided, the layer
    /// never sleeps past it.
    pub remaining: Option<Duration>,
    /// The operation's name; empty for a request that no gateway made.
    pub operation: &'static str,
    /// The server did not accept the attempt's credentials (401), and the layer that put them on has
    /// others by now. Said once a call, however often it happens. An attempt after it is made at
    /// once and costs the budget nothing.
    pub stale_credentials: bool,
}

impl Outcome {
    /// The end of an attempt, nothing else being known: for tests of a policy.
    #[must_use]
    pub fn new(class: Class, effect: Effect, attempt: u32) -> Self {
        Self {
            class,
            effect,
            attempt,
            wanted_attempts: None,
            replayable: false,
            status: None,
            fault: None,
            retry_after: None,
            remaining: None,
            operation: "",
            stale_credentials: false,
        }
    }
}

/// What a policy decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again, no sooner than this from now; the schedule adds its jitter.
    Retry {
        /// The least delay.
        after: Duration,
    },
    /// The response or error goes up as it is.
    Stop(Stop),
}

/// Why a call was not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stop {
    /// Another attempt would end no differently.
    Final,
    /// The attempt may have acted, and the call must not be repeated then.
    NotReplayable,
    /// It was tried as often as it may be.
    Attempts,
    /// The server asked for more patience than the policy has.
    RetryAfter,
    /// The delay would end past the call's deadline.
    Deadline,
    /// The schedule has no further delay.
    Schedule,
    /// The budget of all calls is spent.
    Budget,
}

impl Stop {
    /// The lower-case name, as used in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Final => "final",
            Self::NotReplayable => "not_replayable",
            Self::Attempts => "attempts",
            Self::RetryAfter => "retry_after",
            Self::Deadline => "deadline",
            Self::Schedule => "schedule",
            Self::Budget => "budget",
        }
    }
}

/// Retries what is safe to retry, a few times.
///
/// | class | retried |
/// |---|---|
/// | never sent, throttled, unavailable, interrupted | yes |
/// | refused | no, but for a status from [`retry_status`](Self::retry_status), and once for [credentials](Outcome::stale_credentials) that were renewed since |
/// | local | no |
///
/// Either way only where a repetition does no harm: the attempt's [`effect`](Outcome::effect) is
/// none, or the call is replayable. So what was never sent or throttled is repeated whatever it is,
/// and what may have acted only if the call allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardPolicy {
    max_attempts: u32,
    max_retry_after: Duration,
    statuses: Vec<StatusCode>,
}

impl StandardPolicy {
    /// Four attempts, `Retry-After` honoured up to 60 s, no further status.
    #[must_use]
    pub fn new() -> Self {
        Self { max_attempts: 4, max_retry_after: Duration::from_secs(60), statuses: Vec::new() }
    }

    /// How often a call is tried, the first time included; 0 counts as 1. A call's own wish
    /// replaces it.
    ///
    /// Default 4: under the default schedule, and if nothing is throttled, the sleeps between them
    /// add up to 350 ms at most. A failure that outlasts that is an outage, and more attempts won't
    /// end it.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// The longest `Retry-After` that is sat out. Default 60 s: whoever is told to come back later
    /// than that has better things to do than to hold a request open, and is told at once.
    #[must_use]
    pub fn max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// One more status to retry, such as 409 where a conflict passes by itself. A 4xx did nothing
    /// and is retried for any operation, any other status if the call is replayable. A success is
    /// never retried.
    #[must_use]
    pub fn retry_status(mut self, status: StatusCode) -> Self {
        self.statuses.push(status);
        self
    }

    fn is_selected(&self, outcome: &Outcome) -> bool {
        outcome.status.is_some_and(|status| self.statuses.contains(&status))
    }
}

impl Default for StandardPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for StandardPolicy {
    fn decide(&self, outcome: &Outcome) -> Verdict {
        let worth_it = match outcome.class {
            Class::NeverSent | Class::Throttled | Class::Unavailable | Class::Interrupted => true,
            _ => outcome.stale_credentials || self.is_selected(outcome),
        };
        let safe = outcome.effect == Effect::None || outcome.replayable;
        let attempts = outcome.wanted_attempts.unwrap_or(self.max_attempts);
        let after = outcome.retry_after.unwrap_or_default();
        if !worth_it {
            Verdict::Stop(Stop::Final)
        } else if !safe {
            Verdict::Stop(Stop::NotReplayable)
        } else if outcome.attempt >= attempts {
            Verdict::Stop(Stop::Attempts)
        } else if after > self.max_retry_after {
            Verdict::Stop(Stop::RetryAfter)
        } else {
            Verdict::Retry { after }
        }
    }
}

impl<F: Fn(&Outcome) -> Verdict + Send + Sync + 'static> Policy for F {
    fn decide(&self, outcome: &Outcome) -> Verdict {
        self(outcome)
    }
}

impl<P: Policy> Policy for Live<P> {
    fn decide(&self, outcome: &Outcome) -> Verdict {
        self.read(|policy| policy.decide(outcome))
    }
}

impl<P: Policy + ?Sized> Policy for Arc<P> {
    fn decide(&self, outcome: &Outcome) -> Verdict {
        (**self).decide(outcome)
    }
}
