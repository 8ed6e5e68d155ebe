//! One origin's circuit: the machine behind a lock, and a word in front of it that calls read instead.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Settings;
use super::machine::{Machine, Refusal, Ticket};
use super::settings::nanos;
use super::status::{CircuitState, CircuitStatus, Hook, StateChange};
use super::window::Window;
use crate::call::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use crate::call::sync::{Mutex, MutexGuard};
use crate::call::{Live, Origin, Rng};
use crate::middleware::observe::meter;

/// What all circuits of a layer have in common.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) settings: Live<Settings>,
    pub(super) rng: Live<Rng>,
    pub(super) hook: Live<Option<Hook>>,
    /// How many changes there were, for those who wait for the next.
    pub(super) changes: watch::Sender<u64>,
    start: Instant,
}

/// The clock of the circuits shows so much when they are made. So a window whose buckets get another
/// length numbers them quite differently, and takes none of the old ones for its own.
const HEAD_START: u64 = 86_400_000_000_000;

impl Context {
    pub(super) fn new(settings: Live<Settings>) -> Self {
        Self {
            settings,
            rng: Live::default(),
            hook: Live::default(),
            changes: watch::Sender::new(0),
            start: Instant::now(),
        }
    }

    /// A moment as the circuits count time, in nanoseconds.
    pub(super) fn at(&self, moment: Instant) -> u64 {
        nanos(moment.saturating_duration_since(self.start)).saturating_add(HEAD_START)
    }

    fn jitter(&self, most: u64) -> u64 {
        let rng = self.rng.snapshot();
        nanos(rng.up_to(Duration::from_nanos(most)))
    }
}

/// How an attempt ended, as far as a breaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Success,
    Failure,
    /// The server answered, and the answer says nothing of its health: refused, throttled.
    Answered,
    /// Nobody outside this process has had a say.
    Unjudged,
    /// It was dropped before it ended.
    Dropped,
}

#[derive(Debug)]
pub(super) struct Circuit {
    context: Arc<Context>,
    origin: Origin,
    /// As the first request spelled it: comparing that is several times as quick as reading host and port.
    authority: Box<str>,
    /// The machine's generation, above one bit: whether calls go without asking the machine.
    gate: AtomicU64,
    window: Window,
    machine: Mutex<Machine>,
    /// When it was made.
    made: u64,
}

/// Set in the gate while the circuit is closed.
const CLOSED: u64 = 1;

impl Circuit {
    pub(super) fn new(context: Arc<Context>, origin: Origin, authority: &str) -> Self {
        let machine = Machine::new();
        let made = context.at(Instant::now());
        Self {
            context,
            origin,
            authority: authority.into(),
            gate: AtomicU64::new(gate(&machine)),
            window: Window::default(),
            machine: Mutex::new(machine),
            made,
        }
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(super) fn context(&self) -> &Context {
        &self.context
    }

    /// Whether the URI names the origin just as the first request did.
    pub(super) fn is_spelled(&self, uri: &Uri) -> bool {
        let scheme = if self.origin.is_secure() { &Scheme::HTTPS } else { &Scheme::HTTP };
        uri.authority().is_some_and(|authority| authority.as_str() == &*self.authority)
            && uri.scheme() == Some(scheme)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.gate.load(Acquire) & CLOSED != 0
    }

    /// Asks for an attempt. The clock is read only where the circuit is not closed.
    pub(super) fn enter(&self, at: impl FnOnce() -> u64) -> Result<Ticket, Refusal> {
        let gate = self.gate.load(Acquire);
        if gate & CLOSED != 0 {
            return Ok(Ticket { generation: gate >> 1, is_probe: false });
        }
        let at = at();
        self.change(at, |machine, settings| machine.admit(at, settings))
    }

    /// Takes the end of an attempt that was `enter`ed. `took` is the server's time for it, in nanoseconds,
    /// where it has begun.
    pub(super) fn end(&self, ticket: Ticket, end: End, took: Option<u64>, at: u64) {
        let (slow, trips) = self.context.settings.read(|settings| {
            let slow = took.is_some_and(|took| took >= settings.slow_call);
            (slow, !ticket.is_probe && self.count(ticket, end, slow, at, settings))
        });
        let jitter = |most| self.context.jitter(most);
        if trips {
            self.change(at, |machine, settings| machine.trip(ticket, at, settings, jitter));
        }
        if ticket.is_probe {
            let passed = match end {
                Success | Answered => Some(!slow),
                Failure => Some(false),
                // An answer that has been waited for so long is late, whoever gave up waiting.
                Dropped => slow.then_some(false),
                Unjudged => None,
            };
            self.change(at, |machine, settings| {
                machine.judge(ticket, passed, at, settings, jitter);
            });
        }
    }

    /// Counts an attempt into the window, and says whether the rates are now too high. Only a call that
    /// raised them asks: one that went well opens no circuit.
    fn count(&self, ticket: Ticket, end: End, slow: bool, at: u64, settings: &Settings) -> bool {
        let (counts, failure) = match end {
            Success => (true, false),
            Failure => (true, true),
            Dropped => (slow, false),
            Answered | Unjudged => (false, false),
        };
        if !counts || self.gate.load(Acquire) >> 1 != ticket.generation {
            return false;
        }
        let tick = at / settings.bucket;
        self.window.record(tick, failure, slow);
        if !failure && !slow {
            return false;
        }
        let totals = self.window.totals(tick);
        let reaches = |part: u32, percent: u8| {
            u64::from(part) * 100 >= u64::from(totals.calls) * u64::from(percent)
        };
        totals.calls >= settings.min_calls
            && (failure && reaches(totals.failures, settings.failure_percent)
                || slow && reaches(totals.slow, settings.slow_percent))
    }

    pub(super) fn force_open(&self, at: u64) {
        self.change(at, |machine, _| machine.force_open());
    }

    pub(super) fn force_closed(&self, at: u64) {
        self.change(at, |machine, _| machine.force_closed());
    }

    pub(super) fn release(&self, at: u64) {
        self.change(at, |machine, _| machine.release(at));
    }

    /// Takes a circuit that goes unused out of use, unless it is more than at rest.
    pub(super) fn retire(&self) -> bool {
        let mut machine = self.lock();
        let at_rest = machine.state() == CircuitState::Closed && !machine.is_forced();
        if at_rest {
            machine.retire();
            self.gate.store(gate(&machine), Release);
        }
        at_rest
    }

    /// How long nothing has been counted, in lengths of a bucket: since it was made, at most.
    pub(super) fn idle_for(&self, at: u64) -> u64 {
        let age = self.tick(at.saturating_sub(self.made));
        self.window.idle_for(self.tick(at)).min(age)
    }

    pub(super) fn status(&self, at: u64) -> CircuitStatus {
        self.status_of(&self.lock(), at)
    }

    fn status_of(&self, machine: &Machine, at: u64) -> CircuitStatus {
        let totals = self.window.totals(self.tick(at));
        CircuitStatus {
            origin: self.origin.clone(),
            state: machine.state(),
            forced: machine.is_forced(),
            calls: totals.calls,
            failures: totals.failures,
            slow: totals.slow,
            retry_after: machine.open_for(at).map(Duration::from_nanos),
            probes: machine.probes_under_way(),
            opened: machine.opened(),
            sequence: machine.generation(),
        }
    }

    /// Works on the machine, puts the gate where the machine is now, and tells who wants to know: those
    /// last, when the lock is free again, for they may do anything.
    fn change<T>(&self, at: u64, work: impl FnOnce(&mut Machine, &Settings) -> T) -> T {
        let settings = self.context.settings.snapshot();
        let mut machine = self.lock();
        let before = (machine.state(), machine.is_forced());
        let result = work(&mut machine, &settings);
        let now = (machine.state(), machine.is_forced());
        if now.0 == CircuitState::Closed && before.0 != CircuitState::Closed {
            // What opened the circuit is past; it must not open it again.
            self.window.clear();
        }
        self.gate.store(gate(&machine), Release);
        let change = (now != before)
            .then(|| StateChange { from: before.0, circuit: self.status_of(&machine, at) });
        drop(machine);
        if let Some(change) = change {
            self.tell(&change);
        }
        result
    }

    fn tell(&self, change: &StateChange) {
        change.trace();
        if change.from != change.circuit.state {
            meter::breaker(&change.circuit.origin, change.circuit.state.as_str());
        }
        self.context.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
        // A copy, so that the hook may put another in its place.
        if let Some(hook) = &*self.context.hook.snapshot() {
            hook.see(change);
        }
    }

    fn tick(&self, at: u64) -> u64 {
        self.context.settings.read(|settings| at / settings.bucket)
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        // Nothing under the lock can panic half-way through a change: the machine is whole.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

use End::{Answered, Dropped, Failure, Success, Unjudged};

/// The gate as the machine would have it.
fn gate(machine: &Machine) -> u64 {
    let closed = if machine.state() == CircuitState::Closed { CLOSED } else { 0 };
    (machine.generation() << 1) | closed
}
