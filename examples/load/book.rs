//! Which sessions there are, as far as this run knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use twilio_proxy::call::{Effect, ServiceSid, SessionSid};
use twilio_proxy::gateway::Error;

use crate::mix::{Arrival, Kind};

/// A session and its Service.
pub(crate) type Known = (ServiceSid, SessionSid);

/// One call to make.
pub(crate) enum Task {
    /// The number is this run's own, for its books.
    Create {
        service: ServiceSid,
        number: u64,
        name: Option<String>,
    },
    Fetch(Known),
    List(ServiceSid),
    Update(Known),
    Delete(Known),
}

impl Task {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Create { .. } => Kind::Create,
            Self::Fetch(_) => Kind::Fetch,
            Self::List(_) => Kind::List,
            Self::Update(_) => Kind::Update,
            Self::Delete(_) => Kind::Delete,
        }
    }
}

/// The sessions of a run: those made beforehand are fetched and updated and stay, those that the
/// mix creates are what it deletes. So no call meets a session that another has just deleted.
pub(crate) struct Book {
    services: Vec<ServiceSid>,
    run: String,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    next: u64,
    staying: Vec<Known>,
    made: VecDeque<Known>,
    /// Deletes were sent for these, and have not gone well so far.
    going: BTreeSet<Known>,
    /// Creates that were sent, and may have been done.
    asked: BTreeMap<u64, (ServiceSid, Option<String>)>,
    not_done: Vec<String>,
}

/// What may be there still.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) known: Vec<Known>,
    /// Names of creates that may have been done.
    pub(crate) named: Vec<(ServiceSid, String)>,
    /// Creates that may have been done, and have no name to be found by.
    pub(crate) unnamed: usize,
}

impl Left {
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.named.is_empty() && self.unnamed == 0
    }
}

impl Book {
    /// `run` sets the names of this run apart from those of any other.
    pub(crate) fn new(services: Vec<ServiceSid>, run: String) -> Self {
        Self { services, run, pages: Mutex::default() }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Service that a number falls on; `None` where there is none at all.
    fn service(&self, pick: u64) -> Option<ServiceSid> {
        choose(&self.services, pick)
    }

    /// A create of this run's; `None` where there is no Service.
    pub(crate) fn create(&self, pick: u64, named: bool) -> Option<Task> {
        let service = self.service(pick)?;
        let mut pages = self.pages();
        let number = pages.next;
        pages.next += 1;
        let name = named.then(|| format!("load-{}-{number}", self.run));
        pages.asked.insert(number, (service, name.clone()));
        Some(Task::Create { service, number, name })
    }

    /// What an arrival comes to. A delete with nothing to delete is a create.
    pub(crate) fn task(&self, arrival: &Arrival) -> Option<Task> {
        let staying = || choose(&self.pages().staying, arrival.pick);
        match arrival.kind {
            Kind::Create => self.create(arrival.pick, arrival.named),
            Kind::Fetch => staying().map(Task::Fetch),
            Kind::Update => staying().map(Task::Update),
            Kind::List => self.service(arrival.pick).map(Task::List),
            Kind::Delete => {
                let mut pages = self.pages();
                let Some(session) = pages.made.pop_front() else {
                    drop(pages);
                    return self.create(arrival.pick, arrival.named);
                };
                pages.going.insert(session);
                Some(Task::Delete(session))
            }
        }
    }

    /// Takes down what came of a task; `made` is the session that a create has made.
    pub(crate) fn settle(&self, task: &Task, outcome: &Result<Option<SessionSid>, Error>) {
        let mut pages = self.pages();
        match (task, outcome) {
            (Task::Create { service, number, .. }, Ok(Some(made))) => {
                pages.asked.remove(number);
                pages.made.push_back((*service, *made));
            }
            (Task::Create { number, .. }, Err(error)) if error.effect() == Effect::None => {
                if let Some((_, Some(name))) = pages.asked.remove(number) {
                    pages.not_done.push(name);
                }
            }
            (Task::Delete(session), Ok(_)) => {
                pages.going.remove(session);
            }
            (Task::Delete(session), Err(error)) if error.is_not_found() => {
                pages.going.remove(session);
            }
            _ => {}
        }
    }

    /// Those that were made so far stay for the whole run.
    pub(crate) fn keep_all(&self) {
        let mut pages = self.pages();
        let made = std::mem::take(&mut pages.made);
        pages.staying.extend(made);
    }

    /// What may be there still.
    pub(crate) fn left(&self) -> Left {
        let pages = self.pages();
        let known = pages.staying.iter().chain(&pages.made).chain(&pages.going).copied().collect();
        let named = pages.asked.values();
        let named: Vec<_> =
            named.filter_map(|(service, name)| Some((*service, name.clone()?))).collect();
        Left { known, unnamed: pages.asked.len() - named.len(), named }
    }

    /// The names of creates that failed, and have done nothing as they say.
    pub(crate) fn not_done(&self) -> BTreeSet<String> {
        self.pages().not_done.iter().cloned().collect()
    }
}

fn choose<T: Copy>(from: &[T], pick: u64) -> Option<T> {
    let place = pick.checked_rem(u64::try_from(from.len()).unwrap_or(u64::MAX))?;
    from.get(usize::try_from(place).ok()?).copied()
}
