use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Base;
use super::group::{Done, Group, Slot};
use super::outlier::{Change, Standing};
use crate::call::Origin;

/// The endpoints of a [`FailoverLayer`](super::FailoverLayer), to look at and to change while calls
/// go on. Clones share them.
///
/// ```
/// use twilio_proxy::middleware::failover::{Base, EndpointState, FailoverLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let base = |url: &str| Ok::<_, Box<dyn std::error::Error>>(Base::new(&url.parse()?)?);
/// let layer = FailoverLayer::new(base("https://a.example")?).or(base("https://b.example")?);
///
/// let endpoints = layer.endpoints();
/// endpoints.hold(1);
/// let health = endpoints.health();
/// assert_eq!(health[0].state, EndpointState::Serving);
/// assert_eq!(health[1].state, EndpointState::Held);
/// assert_eq!(health[1].base.to_string(), "https://b.example");
/// endpoints.readmit(1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Endpoints {
    shared: Arc<Shared>,
}

struct Shared {
    /// The first endpoint of all: requests name it.
    base: Arc<Base>,
    /// Whether there ever was another.
    several: AtomicBool,
    /// Held for some hundred nanoseconds, never across a wait.
    group: Mutex<Group>,
}

/// How an endpoint does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointHealth {
    /// Its number, as in [`CallFacts::endpoint`](crate::call::CallFacts::endpoint).
    pub number: u32,
    /// Where it is.
    pub base: Base,
    /// Whether it gets calls.
    pub state: EndpointState,
    /// How long the ejection still lasts.
    pub ejected_for: Option<Duration>,
    /// How many attempts are under way.
    pub pending: u32,
    /// How long an attempt is expected to take; none before the first answer.
    pub latency: Option<Duration>,
    /// Failures since the last success.
    pub failures: u32,
    /// How often it was ejected, less what good conduct has taken off since.
    pub ejections: u32,
}

/// Whether an endpoint gets calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndpointState {
    /// It does.
    Serving,
    /// Its ejection is over, and it gets one call at a time until one is answered.
    Trial,
    /// It failed too often in a row, and gets none but those that can't go elsewhere.
    Ejected,
    /// An operator has taken it out.
    Held,
}

impl EndpointState {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Serving, Self::Trial, Self::Ejected, Self::Held];

    /// The lower-case name, as used in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Trial => "trial",
            Self::Ejected => "ejected",
            Self::Held => "held",
        }
    }
}

impl Endpoints {
    pub(super) fn new(base: Base) -> Self {
        let base = Arc::new(base);
        let group = Mutex::new(Group::new(Arc::clone(&base), Instant::now()));
        Self { shared: Arc::new(Shared { base, several: AtomicBool::new(false), group }) }
    }

    /// What there is to know of each endpoint on the list, in its order.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        let now = Instant::now();
        let group = self.group();
        group.listed().map(|(number, slot)| slot.health(number, now, group.decay)).collect()
    }

    /// Puts another list in the place of this one, the first being where writes go. An empty list
    /// changes nothing.
    ///
    /// An endpoint that is on both keeps its number and its standing; one that comes back gets its
    /// old number again, and no number ever means two endpoints. A call that has to stay with an
    /// endpoint goes on to it when it is off the list. Requests still name the layer's first base,
    /// also when that is off the list.
    ///
    /// Since numbers last, what was once on a list is remembered as long as the layer lives: some two
    /// hundred bytes each. This is for edges that come and go, not for addresses made up by the minute.
    ///
    /// Layers below must know a new endpoint too: an [`Auth`](crate::middleware::auth::Auth) that
    /// doesn't sends nothing there.
    pub fn set(&self, bases: impl IntoIterator<Item = Base>) {
        let mut group = self.group();
        group.set(bases, Instant::now());
        self.note(&group);
    }

    /// Takes an endpoint out until [`readmit`](Self::readmit): it gets no calls but those that can't
    /// go elsewhere. Where all are held, it is as if none were. Says whether there is that number.
    pub fn hold(&self, number: u32) -> bool {
        let held = self.group().slot_mut(number).map(|slot| {
            slot.held = true;
            Arc::clone(&slot.base)
        });
        if let Some(base) = &held {
            tracing::info!(endpoint = number, url = %base, "an endpoint is taken out");
        }
        held.is_some()
    }

    /// Puts an endpoint back in service at once, held or ejected. Says whether there is that number.
    pub fn readmit(&self, number: u32) -> bool {
        let base = self.group().slot_mut(number).map(|slot| {
            slot.held = false;
            slot.outlier.readmit(Instant::now());
            Arc::clone(&slot.base)
        });
        if let Some(base) = &base {
            tracing::info!(endpoint = number, url = %base, "an endpoint is put back");
        }
        base.is_some()
    }

    /// The number of an endpoint, by its origin; the first that has it.
    #[must_use]
    pub fn number_of(&self, origin: &Origin) -> Option<u32> {
        let group = self.group();
        group.listed().find(|(_, slot)| slot.base.origin() == origin).map(|(number, _)| number)
    }

    pub(super) fn add(&self, base: Base) {
        let mut group = self.group();
        group.add(base, Instant::now());
        self.note(&group);
    }

    fn note(&self, group: &Group) {
        self.shared.several.store(group.slots.len() > 1, Relaxed);
    }

    /// Whether there is anything to choose.
    pub(super) fn is_several(&self) -> bool {
        self.shared.several.load(Relaxed)
    }

    /// Where requests say that they go.
    pub(super) fn base(&self) -> &Arc<Base> {
        &self.shared.base
    }

    pub(super) fn group(&self) -> MutexGuard<'_, Group> {
        // Each change to a group is whole by itself: go on with what a panic elsewhere has left.
        self.shared.group.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt out, and tells what came of it.
    pub(super) fn done(&self, done: &Done) {
        let now = Instant::now();
        let mut group = self.group();
        let change = group.done(done, now);
        let base = change.and(group.slot(done.number)).map(|slot| Arc::clone(&slot.base));
        drop(group);
        let number = done.number;
        match (change, base) {
            (Some(Change::Ejected { lasts, ejections }), Some(base)) => tracing::warn!(
                endpoint = number,
                url = %base,
                ejections,
                ?lasts,
                "an endpoint keeps failing: it is left out"
            ),
            (Some(Change::Readmitted), Some(base)) => {
                tracing::info!(endpoint = number, url = %base, "an endpoint answers again");
            }
            _ => {}
        }
    }
}

impl Slot {
    fn health(&self, number: u32, now: Instant, decay: Duration) -> EndpointHealth {
        let standing = self.outlier.standing(now);
        EndpointHealth {
            number,
            base: Base::clone(&self.base),
            state: match standing {
                _ if self.held => EndpointState::Held,
                Standing::Serving => EndpointState::Serving,
                Standing::Trial(_) => EndpointState::Trial,
                Standing::Ejected(_) => EndpointState::Ejected,
            },
            ejected_for: match standing {
                Standing::Ejected(left) => Some(left),
                _ => None,
            },
            pending: self.pending,
            latency: self.latency.shown(self.pending, now, decay),
            failures: self.outlier.streak(),
            ejections: self.outlier.ejections(),
        }
    }
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bases = self.health().into_iter().map(|health| health.base.to_string());
        f.debug_list().entries(bases).finish()
    }
}
