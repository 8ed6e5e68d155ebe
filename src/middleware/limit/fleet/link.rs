use std::time::Duration;

use tokio::time::Instant;

use crate::call::Rng;

/// How long after the first failure the store is tried again. It doubles with each.
const FIRST_PROBE: Duration = Duration::from_millis(50);

/// The longest between two tries.
const LAST_PROBE: Duration = Duration::from_millis(500);

/// Whether the store answers, as all keys of a limiter see it together.
#[derive(Debug, Default)]
pub(super) struct Link {
    /// Counts the outages. A key that has not asked since the last one has to say so.
    pub(super) outages: u64,
    down: Option<Down>,
    went: Option<Instant>,
    has_answered: bool,
    up: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Down {
    since: Instant,
    backoff: Duration,
    probe_at: Instant,
}

/// Which way a call without a cell goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Road {
    /// To the store.
    Open,
    /// Nowhere: the process has to do with its share, as it has since this moment.
    Closed(Instant),
}

/// After an outage nothing is given out for so long: until every process has noticed that the store is
/// back. It tries at least so often, in vain once more while the connection is made anew, and each
/// try may take as long as patience lasts.
pub(super) fn settling(patience: Duration) -> Duration {
    (LAST_PROBE + patience) * 2 + Duration::from_millis(50)
}

impl Link {
    /// Which way to go now. While the store is away, one call now and then is sent there to see.
    pub(super) fn road(&mut self, now: Instant, rng: &Rng) -> Road {
        match &mut self.down {
            None => Road::Open,
            Some(down) if down.probe_at > now => Road::Closed(down.since),
            Some(down) => {
                down.backoff = (down.backoff * 2).min(LAST_PROBE);
                // Jittered downwards only: settling counts on the longest.
                down.probe_at = now + down.backoff / 2 + rng.up_to(down.backoff / 2);
                Road::Open
            }
        }
    }

    /// A question was answered. Says after how long an outage, if there was one.
    pub(super) fn answered(&mut self, now: Instant) -> Option<Duration> {
        self.has_answered = true;
        let down = self.down.take()?;
        self.up = Some(now);
        Some(now.saturating_duration_since(down.since))
    }

    /// A question failed. Says whether that is news.
    pub(super) fn failed(&mut self, now: Instant) -> bool {
        if self.down.is_some() {
            return false;
        }
        self.outages += 1;
        self.went = Some(now);
        self.down = Some(Down { since: now, backoff: FIRST_PROBE, probe_at: now + FIRST_PROBE });
        true
    }

    /// Whether nothing was ever heard of the store.
    pub(super) fn is_new(&self) -> bool {
        !self.has_answered && self.outages == 0
    }

    /// When the last outage began.
    pub(super) fn went(&self) -> Option<Instant> {
        self.went
    }

    pub(super) fn down_since(&self) -> Option<Instant> {
        self.down.map(|down| down.since)
    }

    /// What a key that is new now has seen of the outages: not the last, if that may not be over everywhere.
    pub(super) fn seen_by_new(&self, now: Instant, settling: Duration) -> u64 {
        let is_recent = self.down.is_some() || self.up.is_some_and(|up| now < up + settling);
        self.outages - u64::from(is_recent && self.outages > 0)
    }
}
