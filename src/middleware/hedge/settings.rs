use std::time::Duration;

/// What may change while the layer serves calls: whether to hedge, when, and how much of it.
///
/// | setting | default | why |
/// |---|---|---|
/// | delay | the 95th percentile, from 20 ms to 2 s | see [`Delay`] |
/// | percent | 5 | what the 95th percentile asks for: when all is as usual, five calls in a hundred are slower than it |
/// | burst | 10 | so much may be fired at once after a quiet time: a third of what Proxy takes from one Service in a second |
/// | suspension | 10 s | Proxy counts its rate over five seconds: after twice that, whatever throttled us is out of its window |
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::hedge::{Delay, HedgeSettings};
///
/// let settings = HedgeSettings::new().delay(Delay::Fixed(Duration::from_millis(250))).percent(2);
/// assert!(settings.is_on() && !HedgeSettings::off().is_on());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HedgeSettings {
    pub(super) on: bool,
    pub(super) delay: Delay,
    pub(super) percent: u32,
    pub(super) burst: u32,
    pub(super) suspension: Duration,
}

impl HedgeSettings {
    /// On, with the defaults of the table above.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            on: true,
            delay: Delay::percentile(95),
            percent: 5,
            burst: 10,
            suspension: Duration::from_secs(10),
        }
    }

    /// The same, switched off.
    #[must_use]
    pub const fn off() -> Self {
        Self::new().on(false)
    }

    /// Whether to hedge at all.
    #[must_use]
    pub const fn on(mut self, on: bool) -> Self {
        self.on = on;
        self
    }

    /// How long a first try has before a second one is started beside it.
    #[must_use]
    pub const fn delay(mut self, delay: Delay) -> Self {
        self.delay = delay;
        self
    }

    /// How many hedges a hundred calls pay for. Only calls that might be hedged count. Above 100 is 100.
    #[must_use]
    pub const fn percent(mut self, percent: u32) -> Self {
        self.percent = if percent > 100 { 100 } else { percent };
        self
    }

    /// How many hedges may be saved up: so many can be fired in one moment, and no more.
    #[must_use]
    pub const fn burst(mut self, hedges: u32) -> Self {
        self.burst = hedges;
        self
    }

    /// How long no hedge is fired after the server was seen to throttle.
    #[must_use]
    pub const fn suspend_for(mut self, suspension: Duration) -> Self {
        self.suspension = suspension;
        self
    }

    /// Whether calls are hedged.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// What a call that goes well asks of the settings; `None` while hedging is off.
    pub(super) fn terms(&self) -> Option<Terms> {
        let learns = match self.delay {
            Delay::Percentile { percent, .. } => percent.clamp(1, 99) as u8,
            Delay::Fixed(_) => 0,
        };
        // OK because it is a hundred at most.
        let percent = self.percent as u8;
        self.on.then_some(Terms { percent, learns, burst: self.burst })
    }
}

impl Default for HedgeSettings {
    fn default() -> Self {
        Self::new()
    }
}

/// How long a first try has before a second one is started beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delay {
    /// Always this long: for an API whose tail is known, or that is called too seldom to learn from.
    Fixed(Duration),
    /// As long as this share of the operation's recent answers took. Until 64 of them are known, and
    /// when the latest is older than ten minutes, nothing is hedged.
    Percentile {
        /// The share, in percent; from 1 to 99.
        percent: u32,
        /// No sooner than this, however quick the answers are.
        floor: Duration,
        /// No later than this, however slow the answers are.
        cap: Duration,
    },
}

impl Delay {
    /// This percentile, from 20 ms to 2 s.
    ///
    /// The floor: what comes sooner is as likely a hiccup of our own process or of the network, which
    /// a second request does nothing about. The cap: who has waited for two seconds has waited long
    /// enough; with a percentile above it many calls get that far, and the budget chooses among them.
    #[must_use]
    pub const fn percentile(percent: u32) -> Self {
        Self::Percentile { percent, floor: Duration::from_millis(20), cap: Duration::from_secs(2) }
    }

    /// The delay, where the percentile is this.
    pub(super) fn after(self, percentile: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
        match self {
            Self::Fixed(delay) => Some(delay),
            // Not `clamp`, which panics where the floor is above the cap.
            Self::Percentile { floor, cap, .. } => percentile().map(|at| at.max(floor).min(cap)),
        }
    }
}

/// What a call that goes well asks of the settings: little enough for one word, which is read without
/// a lock or a count. The price of a live setting that is off is that one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// What the call earns.
    pub(super) percent: u8,
    /// The percentile that its answer is to be learnt for; 0 for none.
    pub(super) learns: u8,
    /// How many hedges may be saved up.
    pub(super) burst: u32,
}

impl Terms {
    /// In one word; 0 for none.
    pub(super) fn pack(terms: Option<Self>) -> u64 {
        terms.map_or(0, |it| {
            1 << 63 | u64::from(it.learns) << 40 | u64::from(it.percent) << 32 | u64::from(it.burst)
        })
    }

    pub(super) fn unpack(word: u64) -> Option<Self> {
        (word != 0).then_some(Self {
            percent: (word >> 32) as u8,
            learns: (word >> 40) as u8,
            burst: word as u32,
        })
    }
}
