//! The states of a circuit, and nothing else: no clock, no lock, no randomness of its own.

use super::Settings;
use super::status::CircuitState;

/// A half-open circuit whose probes have all been under way for so long, in nanoseconds, lets others go
/// in their place. A probe may be kept by a caller who neither polls nor drops it, or hang where
/// nothing times attempts; neither may keep the circuit from ever being tried again.
pub(super) const PATIENCE: u64 = 30_000_000_000;

/// When to come back to a half-open circuit whose probes are all under way, in nanoseconds: about the time
/// that a healthy answer takes.
pub(super) const PROBE_WAIT: u64 = 100_000_000;

/// Where a circuit is, and how it came there. Times are in nanoseconds, on any clock that doesn't run
/// backwards.
#[derive(Debug)]
pub(super) struct Machine {
    mode: Mode,
    /// Grows with every change, and is in every ticket: what began in one state judges no other.
    generation: u64,
    /// How often in a row the circuit has opened again, without a stable time closed in between.
    streak: u32,
    /// When probes last closed it.
    closed_at: Option<u64>,
    opened: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Closed,
    Open { until: u64 },
    HalfOpen { under_way: u32, passed: u32, latest: u64 },
    ForcedOpen,
    ForcedClosed,
}

/// The right to make one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) generation: u64,
    /// Its end decides what becomes of a half-open circuit.
    pub(super) is_probe: bool,
}

/// Why a call may not go, and in how many nanoseconds it may be worth another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Open { after: u64 },
    Probing { after: u64 },
    ForcedOpen,
}

impl Machine {
    pub(super) fn new() -> Self {
        Self { mode: Mode::Closed, generation: 0, streak: 0, closed_at: None, opened: 0 }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn state(&self) -> CircuitState {
        match self.mode {
            Mode::Closed | Mode::ForcedClosed => CircuitState::Closed,
            Mode::Open { .. } | Mode::ForcedOpen => CircuitState::Open,
            Mode::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    pub(super) fn is_forced(&self) -> bool {
        matches!(self.mode, Mode::ForcedOpen | Mode::ForcedClosed)
    }

    /// How often it has opened by itself.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn probes_under_way(&self) -> u32 {
        match self.mode {
            Mode::HalfOpen { under_way, .. } => under_way,
            _ => 0,
        }
    }

    /// How long an open circuit lets nobody through; 0 once the next call will be a probe.
    pub(super) fn open_for(&self, at: u64) -> Option<u64> {
        match self.mode {
            Mode::Open { until } => Some(until.saturating_sub(at)),
            _ => None,
        }
    }

    /// Lets a call go, or not. The first after an open circuit's time makes it half-open.
    pub(super) fn admit(&mut self, at: u64, settings: &Settings) -> Result<Ticket, Refusal> {
        match self.mode {
            Mode::Closed | Mode::ForcedClosed => Ok(self.ticket(false)),
            Mode::ForcedOpen => Err(Refusal::ForcedOpen),
            Mode::Open { until } if at < until => Err(Refusal::Open { after: until - at }),
            Mode::Open { .. } => {
                self.enter(Mode::HalfOpen { under_way: 1, passed: 0, latest: at });
                Ok(self.ticket(true))
            }
            Mode::HalfOpen { under_way, passed, .. } if under_way < settings.probes => {
                self.mode = Mode::HalfOpen { under_way: under_way + 1, passed, latest: at };
                Ok(self.ticket(true))
            }
            Mode::HalfOpen { latest, passed, .. } if at.saturating_sub(latest) >= PATIENCE => {
                // The lost ones keep tickets that no longer count.
                self.enter(Mode::HalfOpen { under_way: 1, passed, latest: at });
                Ok(self.ticket(true))
            }
            Mode::HalfOpen { .. } => Err(Refusal::Probing { after: PROBE_WAIT }),
        }
    }

    /// Opens a closed circuit. Of several calls that all find the rates too high, the first does; the
    /// others come with the ticket of a state that is over. `jitter` draws from `0..=` its argument.
    pub(super) fn trip(
        &mut self,
        ticket: Ticket,
        at: u64,
        settings: &Settings,
        jitter: impl FnOnce(u64) -> u64,
    ) {
        if self.mode != Mode::Closed || ticket.generation != self.generation {
            return;
        }
        let was_stable = self.closed_at.is_none_or(|closed| {
            at.saturating_sub(closed) >= settings.max_open_for.max(settings.open_for)
        });
        self.streak = if was_stable { 0 } else { self.streak.saturating_add(1) };
        self.open(at, settings, jitter);
    }

    /// Takes a probe's end: it passed, it failed, or (`None`) it says nothing and only makes room for
    /// another.
    pub(super) fn judge(
        &mut self,
        ticket: Ticket,
        passed: Option<bool>,
        at: u64,
        settings: &Settings,
        jitter: impl FnOnce(u64) -> u64,
    ) {
        let Mode::HalfOpen { under_way, passed: before, latest } = self.mode else { return };
        if ticket.generation != self.generation {
            return;
        }
        let under_way = under_way.saturating_sub(1);
        match passed {
            None => self.mode = Mode::HalfOpen { under_way, passed: before, latest },
            Some(false) => {
                self.streak = self.streak.saturating_add(1);
                self.open(at, settings, jitter);
            }
            Some(true) if before + 1 >= settings.passes => {
                self.closed_at = Some(at);
                self.enter(Mode::Closed);
            }
            Some(true) => self.mode = Mode::HalfOpen { under_way, passed: before + 1, latest },
        }
    }

    pub(super) fn force_open(&mut self) {
        self.enter(Mode::ForcedOpen);
    }

    pub(super) fn force_closed(&mut self) {
        self.enter(Mode::ForcedClosed);
    }

    /// Gives a forced circuit back to itself. Nobody knows what became of a server that was kept from
    /// all calls: probes find out.
    pub(super) fn release(&mut self, at: u64) {
        match self.mode {
            Mode::ForcedOpen => {
                self.enter(Mode::HalfOpen { under_way: 0, passed: 0, latest: at });
            }
            Mode::ForcedClosed => self.enter(Mode::Closed),
            _ => {}
        }
    }

    /// From here on no ticket that is out counts.
    pub(super) fn retire(&mut self) {
        self.enter(self.mode);
    }

    fn open(&mut self, at: u64, settings: &Settings, jitter: impl FnOnce(u64) -> u64) {
        let longest = settings.open_time(self.streak);
        let half = longest / 2;
        let time = (longest - half).saturating_add(jitter(half));
        self.opened += 1;
        self.enter(Mode::Open { until: at.saturating_add(time) });
    }

    fn enter(&mut self, mode: Mode) {
        self.mode = mode;
        self.generation += 1;
    }

    fn ticket(&self, is_probe: bool) -> Ticket {
        Ticket { generation: self.generation, is_probe }
    }
}
