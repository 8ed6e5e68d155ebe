use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Uri;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Settings;
use super::circuit::{Circuit, Context};
use super::status::{CircuitStatus, Hook};
use crate::call::{Live, Origin, Rng};

/// The circuits of one layer and its clones: to look at, to wait for a change, and to force.
///
/// Cheap to clone; clones are the same circuits. Nothing here costs the calls anything.
///
/// ```
/// use twilio_proxy::call::Origin;
/// use twilio_proxy::middleware::breaker::{BreakerLayer, CircuitState};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let layer = BreakerLayer::default();
/// let circuits = layer.circuits().clone();
/// assert!(circuits.all_closed());
///
/// // An edge is taken out for maintenance, and given back.
/// let edge = Origin::of(&"https://dublin.api.test".parse()?)?;
/// circuits.force_open(&edge);
/// assert!(!circuits.all_closed());
/// circuits.release(&edge);
/// let status = circuits.list().remove(0);
/// assert_eq!((status.origin, status.state), (edge, CircuitState::HalfOpen));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Circuits {
    table: Arc<Table>,
}

struct Table {
    context: Arc<Context>,
    /// Copied to be changed, which happens when an origin is new; a call only reads it.
    circuits: Live<Vec<Arc<Circuit>>>,
    changing: Mutex<()>,
}

impl Circuits {
    /// How many origins have a circuit at once. One more takes the place of the one that was unused the
    /// longest; where all are open, half-open or forced, calls to others go without a breaker.
    pub const MOST: usize = 64;

    pub(super) fn new(settings: Live<Settings>) -> Self {
        let context = Arc::new(Context::new(settings));
        let table = Table { context, circuits: Live::default(), changing: Mutex::default() };
        Self { table: Arc::new(table) }
    }

    /// All circuits as they are now, in the order in which their origins were first called.
    #[must_use]
    pub fn list(&self) -> Vec<CircuitStatus> {
        let at = self.now();
        self.table.circuits.snapshot().iter().map(|circuit| circuit.status(at)).collect()
    }

    /// Whether every circuit is closed, by itself or by force. A few loads, no lock: for each call.
    #[must_use]
    pub fn all_closed(&self) -> bool {
        self.table.circuits.read(|circuits| circuits.iter().all(|circuit| circuit.is_closed()))
    }

    /// Whether the circuit that a request to this URI would meet is closed; an origin that has none
    /// yet counts as closed. No lock: for each call.
    #[must_use]
    pub fn is_closed(&self, uri: &Uri) -> bool {
        let closed = |circuits: &Vec<Arc<Circuit>>| {
            find(circuits, uri).is_none_or(|circuit| circuit.is_closed())
        };
        self.table.circuits.read(closed)
    }

    /// Opens this origin's circuit, which it then has if it had none, and keeps it open until it is
    /// released. Calls under way end as they would have.
    pub fn force_open(&self, origin: &Origin) {
        if let Some(circuit) = self.of_origin(origin) {
            circuit.force_open(self.now());
        }
    }

    /// Opens all circuits that there are, until they are released. An origin that is first called
    /// later is not held.
    pub fn force_open_all(&self) {
        self.each(Circuit::force_open);
    }

    /// Closes this origin's circuit, which it then has if it had none, and keeps it closed whatever
    /// comes until it is released. Calls are still counted.
    pub fn force_closed(&self, origin: &Origin) {
        if let Some(circuit) = self.of_origin(origin) {
            circuit.force_closed(self.now());
        }
    }

    /// Closes all circuits that there are, until they are released.
    pub fn force_closed_all(&self) {
        self.each(Circuit::force_closed);
    }

    /// Gives a forced circuit back to itself: one that was held open is half-open and sends probes,
    /// one that was held closed goes on from what it has counted. Any other stays as it is.
    pub fn release(&self, origin: &Origin) {
        let circuits = self.table.circuits.snapshot();
        if let Some(circuit) = circuits.iter().find(|circuit| circuit.origin() == origin) {
            circuit.release(self.now());
        }
    }

    /// Releases every circuit that is forced.
    pub fn release_all(&self) {
        self.each(Circuit::release);
    }

    /// To wait for changes, from now on.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch { changes: self.table.context.changes.subscribe(), circuits: self.clone() }
    }

    pub(super) fn set_rng(&self, rng: Rng) {
        self.table.context.rng.set(rng);
    }

    pub(super) fn set_hook(&self, hook: Hook) {
        self.table.context.hook.set(Some(hook));
    }

    pub(super) fn settings(&self) -> Arc<Settings> {
        self.table.context.settings.snapshot()
    }

    /// The circuit of a request's origin; none where the URI names no origin, or the table is full.
    pub(super) fn of(&self, uri: &Uri) -> Option<Arc<Circuit>> {
        let known = self.table.circuits.read(|circuits| find(circuits, uri).cloned());
        known.or_else(|| {
            let origin = Origin::of(uri).ok()?;
            self.add(origin, uri.authority()?.as_str())
        })
    }

    fn of_origin(&self, origin: &Origin) -> Option<Arc<Circuit>> {
        let circuits = self.table.circuits.snapshot();
        let known = circuits.iter().find(|circuit| circuit.origin() == origin).cloned();
        known.or_else(|| {
            let url = origin.to_string();
            let authority = url.split_once("://").map_or("", |(_, authority)| authority);
            self.add(origin.clone(), authority)
        })
    }

    /// Gives an origin its circuit, once.
    fn add(&self, origin: Origin, authority: &str) -> Option<Arc<Circuit>> {
        let at = self.now();
        let changing = self.table.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.table.circuits.snapshot();
        // Somebody else may have been here first.
        if let Some(circuit) = now.iter().find(|circuit| *circuit.origin() == origin) {
            return Some(Arc::clone(circuit));
        }
        let mut circuits = Vec::clone(&now);
        let dropped = match circuits.len() >= Self::MOST {
            true => Some(circuits.remove(idlest(&circuits, at)?)),
            false => None,
        };
        let circuit = Arc::new(Circuit::new(Arc::clone(&self.table.context), origin, authority));
        circuits.push(Arc::clone(&circuit));
        self.table.circuits.set(circuits);
        drop(changing);
        if let Some(dropped) = dropped {
            tracing::debug!(origin = %dropped.origin(), "too many origins: an idle circuit is dropped");
        }
        Some(circuit)
    }

    fn each(&self, work: impl Fn(&Circuit, u64)) {
        let at = self.now();
        self.table.circuits.snapshot().iter().for_each(|circuit| work(circuit, at));
    }

    fn now(&self) -> u64 {
        self.table.context.at(Instant::now())
    }
}

/// First as it is spelled, for nearly always that is as before; then as it is meant.
fn find<'a>(circuits: &'a [Arc<Circuit>], uri: &Uri) -> Option<&'a Arc<Circuit>> {
    let spelled = circuits.iter().find(|circuit| circuit.is_spelled(uri));
    spelled.or_else(|| circuits.iter().find(|circuit| circuit.origin().matches(uri)))
}

/// Which circuit to do without: of those at rest the one whose last counted call is the longest ago.
fn idlest(circuits: &[Arc<Circuit>], at: u64) -> Option<usize> {
    let mut order: Vec<_> = (0..circuits.len()).collect();
    order.sort_by_cached_key(|index| {
        std::cmp::Reverse(circuits.get(*index).map(|circuit| circuit.idle_for(at)))
    });
    order.into_iter().find(|index| circuits.get(*index).is_some_and(|circuit| circuit.retire()))
}

impl fmt::Debug for Circuits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

/// Waits for circuits to change state; made by [`Circuits::watch`].
///
/// ```
/// use twilio_proxy::middleware::breaker::{BreakerLayer, CircuitState};
///
/// # async fn example(layer: BreakerLayer) {
/// let mut watch = layer.circuits().watch();
/// loop {
///     let circuits = watch.changed().await;
///     let open = circuits.iter().filter(|circuit| circuit.state == CircuitState::Open).count();
///     println!("{open} of {} endpoints are out", circuits.len());
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    changes: watch::Receiver<u64>,
    circuits: Circuits,
}

impl Watch {
    /// Waits until there was a change since the last look, or since [`Circuits::watch`], and returns
    /// all circuits as they then are. Several changes in a row may be seen as one.
    ///
    /// # Cancellation
    ///
    /// Dropping the future misses no change: the next call sees it.
    pub async fn changed(&mut self) -> Vec<CircuitStatus> {
        if self.changes.changed().await.is_err() {
            // OK because the circuits, which this holds, hold the sender.
            std::future::pending::<()>().await;
        }
        self.circuits.list()
    }
}
