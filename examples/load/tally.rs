//! What came of the calls, and how long they took.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::{CreationError, Histogram};
use tokio::time::Instant;
use twilio_proxy::call::Rejection;
use twilio_proxy::gateway::Error;

use crate::mix::Kind;

/// Microseconds, to three digits, up to an hour.
pub(crate) type Times = Histogram<u64>;

pub(crate) fn times() -> Result<Times, CreationError> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3)
}

fn record(times: &mut Times, time: Duration) {
    times.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1));
}

/// Counts of one operation. A call that was sent is in one of `ok`, `failed` and `cut_off` when it
/// has ended, and in none before.
pub(crate) struct Row {
    pub(crate) sent: u64,
    pub(crate) not_sent: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) cut_off: u64,
    pub(crate) attempts: u64,
    pub(crate) recovered: u64,
    /// By kind, or why this process refused, and effect.
    pub(crate) failures: BTreeMap<(&'static str, &'static str), u64>,
    /// Of calls that went well, from when they were due.
    pub(crate) response: Times,
}

/// Everything that is counted.
pub(crate) struct Counts {
    rows: [Row; 5],
    /// Deletes that were sent as creates.
    pub(crate) swapped: u64,
    /// Of calls that went well, from when they were due.
    pub(crate) response: Times,
    /// Of the same calls, from when they were sent.
    pub(crate) service: Times,
    /// Of calls that failed, from when they were due.
    pub(crate) failed: Times,
    /// Of all calls, from when they were due to when they were sent: this tool's own part.
    pub(crate) late: Times,
    /// The longest that a call had been due when it was cut off.
    pub(crate) cut_off_after: Duration,
}

impl Counts {
    fn new() -> Result<Self, CreationError> {
        let row = || {
            Ok(Row {
                sent: 0,
                not_sent: 0,
                ok: 0,
                failed: 0,
                cut_off: 0,
                attempts: 0,
                recovered: 0,
                failures: BTreeMap::new(),
                response: times()?,
            })
        };
        Ok(Self {
            rows: [row()?, row()?, row()?, row()?, row()?],
            swapped: 0,
            response: times()?,
            service: times()?,
            failed: times()?,
            late: times()?,
            cut_off_after: Duration::ZERO,
        })
    }

    pub(crate) fn row(&self, kind: Kind) -> &Row {
        &self.rows[kind as usize]
    }

    /// A count over all operations.
    pub(crate) fn sum(&self, of: impl Fn(&Row) -> u64) -> u64 {
        self.rows.iter().map(of).sum()
    }
}

/// How a call ended that was due and sent at these moments.
pub(crate) struct Ended {
    pub(crate) kind: Kind,
    pub(crate) due: Instant,
    pub(crate) sent: Instant,
    /// Attempts, and whether its answer was lost and found; `None` for a call that was cut off.
    pub(crate) outcome: Option<Result<(u32, bool), Error>>,
}

/// The counts, from many tasks. A lock does: it is held for a microsecond, and a call takes many.
pub(crate) struct Tally(Mutex<Counts>);

impl Tally {
    pub(crate) fn new() -> Result<Self, CreationError> {
        Counts::new().map(|counts| Self(Mutex::new(counts)))
    }

    pub(crate) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call that is on its way.
    pub(crate) fn sent(&self, asked: Kind, kind: Kind) {
        let mut counts = self.counts();
        counts.rows[kind as usize].sent += 1;
        counts.swapped += u64::from(asked != kind);
    }

    /// A call that was due when as many as may be were under way.
    pub(crate) fn not_sent(&self, kind: Kind) {
        self.counts().rows[kind as usize].not_sent += 1;
    }

    pub(crate) fn ended(&self, call: &Ended) {
        let now = Instant::now();
        let (response, service) = (now - call.due, now - call.sent);
        let mut counts = self.counts();
        let counts = &mut *counts;
        record(&mut counts.late, call.sent.saturating_duration_since(call.due));
        let row = &mut counts.rows[call.kind as usize];
        match &call.outcome {
            Some(Ok((attempts, recovered))) => {
                row.ok += 1;
                row.attempts += u64::from(*attempts);
                row.recovered += u64::from(*recovered);
                record(&mut row.response, response);
                record(&mut counts.response, response);
                record(&mut counts.service, service);
            }
            Some(Err(error)) => {
                row.failed += 1;
                row.attempts += u64::from(error.attempts());
                *row.failures.entry((what(error), error.effect().as_str())).or_default() += 1;
                record(&mut counts.failed, response);
            }
            None => {
                row.cut_off += 1;
                counts.cut_off_after = counts.cut_off_after.max(response);
            }
        }
    }
}

/// What failed, in a word: the kind, or which limit of this process it was.
fn what(error: &Error) -> &'static str {
    match error.rejection() {
        Some(Rejection::RateLimited) => "rejected_rate_limited",
        Some(Rejection::QueueFull) => "rejected_queue_full",
        Some(Rejection::Shed) => "rejected_shed",
        Some(Rejection::CircuitOpen) => "rejected_circuit_open",
        _ => error.kind().as_str(),
    }
}
