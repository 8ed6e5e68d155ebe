use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::store::{Answer, Ask, Page, Store, micros};

/// The store's clock begins here, so that what is booked before it is not below zero: a day, in microseconds.
const DAWN: u64 = 24 * 60 * 60 * 1_000_000;

/// A store in memory, for the limiters of one process: for tests and simulations, in paused time.
///
/// Clones are the same store. It can be slow, be gone, and forget, as a server elsewhere can.
///
/// ```
/// use twilio_proxy::middleware::limit::Quota;
/// use twilio_proxy::middleware::limit::fleet::{FleetLimiter, FleetSettings, MemoryStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = MemoryStore::new();
/// let settings = FleetSettings::new(Quota::per_second(30).burst(5)).processes(2);
/// // Two that count together.
/// let one = FleetLimiter::new(store.clone(), settings.clone());
/// let other = FleetLimiter::new(store, settings);
/// # drop((one, other));
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Mutex<Inner>>,
}

struct Inner {
    pages: HashMap<Arc<str>, (Page, u64)>,
    beginning: Instant,
    takes: Duration,
    is_away: bool,
    asked: u64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        let inner = Inner {
            pages: HashMap::new(),
            beginning: Instant::now(),
            takes: Duration::ZERO,
            is_away: false,
            asked: 0,
        };
        Self { shared: Arc::new(Mutex::new(inner)) }
    }

    /// How long a question takes, there and back.
    pub fn set_takes(&self, time: Duration) {
        self.lock().takes = time;
    }

    /// Whether nobody answers.
    pub fn set_away(&self, yes: bool) {
        self.lock().is_away = yes;
    }

    /// Forgets everything, as a server that restarts without a copy on its disk.
    pub fn forget(&self) {
        self.lock().pages.clear();
    }

    /// How many questions it has answered.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.lock().asked
    }

    /// How many keys it keeps.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.lock().pages.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // OK because a page is swapped whole.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Error = Away;

    async fn ask(&self, ask: Ask) -> Result<Answer, Away> {
        let half = self.lock().takes / 2;
        if !half.is_zero() {
            tokio::time::sleep(half).await;
        }
        let answer = self.lock().answer(&ask)?;
        if !half.is_zero() {
            tokio::time::sleep(half).await;
        }
        Ok(answer)
    }
}

impl Inner {
    fn answer(&mut self, ask: &Ask) -> Result<Answer, Away> {
        if self.is_away {
            return Err(Away(None));
        }
        self.asked += 1;
        let now = DAWN + micros(self.beginning.elapsed());
        self.pages.retain(|_, (_, until)| *until > now);
        let page = self.pages.get(&ask.key).map(|(page, _)| *page);
        let (answer, page) = ask.answer(page, now);
        let until = page.booked.max(now) + Page::KEPT;
        self.pages.insert(Arc::clone(&ask.key), (page, until));
        Ok(answer)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("keys", &self.keys()).finish_non_exhaustive()
    }
}

/// The [`MemoryStore`] was told to be away.
#[derive(Clone, Copy, Debug)]
pub struct Away(Option<Infallible>);

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store is away")
    }
}

impl std::error::Error for Away {}
