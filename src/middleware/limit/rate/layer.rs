use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tower::Layer;

use super::key::{Key, KeyBy, RequestHead};
use super::report::Shared;
use super::table::Table;
use super::{KeyRate, Limiter, LocalLimiter, Quota, RateLimit};
use crate::call::{Clock, Live, StatusClassifier, WhenLimited};
use crate::middleware::limit::fleet::FleetStatus;

/// How many calls of one key may wait by default. At the default quota the last of them waits
/// about 35 seconds, longer than most deadlines: a longer queue would only hold memory.
const PLACES: usize = 1024;

/// How long before its deadline the cell of a call that waits has to come, by default. An answer
/// takes a few tenths of a second, so half of one is time enough for most.
const HEADROOM: Duration = Duration::from_millis(500);

/// Limits how often calls go, by key. See the [module](super) for why and how, and
/// [`throttle`](super::throttle) for what comes of a 429.
///
/// ```
/// # use std::convert::Infallible;
/// use bytes::Bytes;
/// use http::{Request, Response};
/// use http_body_util::Full;
/// use tower::{Layer, ServiceExt, service_fn};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), BoxError> {
/// let layer = RateLimitLayer::new(Quota::per_second(2));
/// let service = layer.layer(service_fn(|_: Request<Full<Bytes>>| async {
///     Ok::<_, BoxError>(Response::new(()))
/// }));
///
/// let begun = tokio::time::Instant::now();
/// for _ in 0..3 {
///     service.clone().oneshot(Request::get("http://api.test/").body(Full::default())?).await?;
/// }
/// // The first goes at once, the other two half a second apart.
/// assert_eq!(begun.elapsed().as_secs(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A [`Fault`](crate::call::Fault) whose effect is `None`, and which says when to come back:
///
/// - `Rejected(RateLimited)` for a call that won't wait, or whose cell would come after its deadline
///   or [too shortly](Self::headroom) before it;
/// - `Rejected(QueueFull)` for one that finds the line too long for its priority;
/// - `Rejected(Shed)` for one that waits and has to give its place up to a call of higher priority;
/// - `Deadline`, which says no time, for one whose deadline passed in line, where no deadline layer
///   above has dropped it.
///
/// The inner service's errors pass through.
///
/// # Layer order
///
/// Inside retry: a call that backs off must not stand in line, and each attempt counts. Outside
/// the concurrency limit: a call that waits for its cell must not hold a slot. Outside the
/// attempt's span and timeout, which time the server and not our queues. Nothing below may answer a
/// throttle with another response, or it would not be seen.
///
/// Every service that this layer, or a clone of it, makes shares its quotas, keys and lines.
///
/// # Cancellation
///
/// A call that is dropped while it waits gives up its place: no cell is taken for it, and those
/// behind it keep their order. A waiting future must be polled or dropped, as with any queue: one
/// that is kept and not polled holds up those behind it. A call that did not have to wait has its
/// cell when `call` returns. Dropped before its answer is in, it says nothing of a throttle.
pub struct RateLimitLayer<L: Limiter = LocalLimiter, C = StatusClassifier> {
    table: Arc<Table<L>>,
    settings: Settings<C>,
}

#[derive(Clone)]
pub(super) struct Settings<C> {
    pub(super) key_by: KeyBy,
    pub(super) when_limited: WhenLimited,
    pub(super) places: usize,
    pub(super) headroom: Duration,
    pub(super) classifier: C,
    pub(super) clock: Clock,
}

impl RateLimitLayer {
    /// Limits each key to this quota, or to what a [`Live`] handle on one says.
    #[must_use]
    pub fn new(quota: impl Into<Live<Quota>>) -> Self {
        Self::with_limiter(LocalLimiter::new(quota))
    }
}

impl Default for RateLimitLayer {
    /// The default [`Quota`].
    fn default() -> Self {
        Self::new(Quota::default())
    }
}

impl<L: Limiter> RateLimitLayer<L> {
    /// Limits by another limiter than the local one.
    #[must_use]
    pub fn with_limiter(limiter: L) -> Self {
        let settings = Settings {
            key_by: KeyBy::default(),
            when_limited: WhenLimited::default(),
            places: PLACES,
            headroom: HEADROOM,
            classifier: StatusClassifier,
            clock: Clock::system(),
        };
        Self { table: Arc::new(Table::new(limiter)), settings }
    }
}

impl<L: Limiter, C> RateLimitLayer<L, C> {
    /// Who says that an answer is a throttle: a 429, by default.
    ///
    /// A classifier that says so of nothing makes a limit that no answer changes. One that says so of
    /// more than rates, of a conflict that passes or of too many calls at once, is for the retry
    /// layer: those don't get fewer by going slower.
    #[must_use]
    pub fn classifier<D>(self, classifier: D) -> RateLimitLayer<L, D> {
        let Settings { key_by, when_limited, places, headroom, clock, .. } = self.settings;
        let settings = Settings { key_by, when_limited, places, headroom, classifier, clock };
        RateLimitLayer { table: self.table, settings }
    }

    /// The same layer with another limiter: all other settings stay, and the keys begin anew.
    ///
    /// ```
    /// use twilio_proxy::middleware::limit::rate::LocalLimiter;
    /// use twilio_proxy::middleware::limit::{Quota, RateLimitLayer};
    ///
    /// let layer = RateLimitLayer::default().max_waiting(10);
    /// let layer = layer.limited_by(LocalLimiter::new(Quota::per_second(5)));
    /// ```
    #[must_use]
    pub fn limited_by<M: Limiter>(self, limiter: M) -> RateLimitLayer<M, C> {
        RateLimitLayer { table: Arc::new(Table::new(limiter)), settings: self.settings }
    }

    /// The clock that dates in `Retry-After` are read by.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.settings.clock = clock;
        self
    }

    /// Makes the key of each request by a function.
    ///
    /// Without one, the key is what [`CallFacts::key`](crate::call::CallFacts::key) says; a request
    /// without facts, or whose facts name no operation, is counted by method and authority.
    ///
    /// ```
    /// use twilio_proxy::middleware::limit::rate::{Key, RateLimitLayer};
    ///
    /// // One quota for all that goes out, whatever it is.
    /// let layer = RateLimitLayer::default().key_by(|_| Key::Named("everything".into()));
    /// ```
    #[must_use]
    pub fn key_by(mut self, key: impl Fn(RequestHead<'_>) -> Key + Send + Sync + 'static) -> Self {
        self.settings.key_by = KeyBy::function(key);
        self
    }

    /// What to do with a call that comes too early and has no wish of its own. By default it
    /// waits: the caller's deadline says for how long.
    #[must_use]
    pub fn when_limited(mut self, choice: WhenLimited) -> Self {
        self.settings.when_limited = choice;
        self
    }

    /// How many calls of one key may wait, 1024 by default. Calls of lower
    /// [`Priority`](crate::call::Priority) are refused before the line is full.
    #[must_use]
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.settings.places = calls;
        self
    }

    /// How long before its deadline the cell of a call that waits has to come: 500 ms by default, and
    /// for no call more than a quarter of its whole time, from
    /// [`started`](crate::call::CallFacts::started) to its deadline.
    ///
    /// A call that goes with less is sent to be cut off, with its effect unknown, for a cell that
    /// another could have had. It is refused instead, as it comes or as soon as it turns out at
    /// the head of the line, as `RateLimited`. About as long as an answer takes is right. A call that need
    /// not wait goes with as little time as it has.
    ///
    /// ```
    /// use std::time::Duration;
    /// use twilio_proxy::middleware::limit::RateLimitLayer;
    ///
    /// // For a server that takes its time.
    /// let layer = RateLimitLayer::default().headroom(Duration::from_secs(2));
    /// ```
    #[must_use]
    pub fn headroom(mut self, time: Duration) -> Self {
        self.settings.headroom = time;
        self
    }

    /// How many calls wait now, over all keys. Walks the keys: for health checks, not for each call.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.table.waiting()
    }

    /// How many keys are remembered now.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.table.keys()
    }

    /// Whether any key is below its quota now, because the server throttled. One load where that
    /// never happened, and a look at the clock else: fit to be asked for each call.
    ///
    /// A key that got its quota back early, because the quota was lowered, may count until it would
    /// have recovered.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.table.limiter().is_throttled()
    }

    /// How the sharing of the quota goes, for a limiter that [shares](Limiter::fleet) one.
    #[must_use]
    pub fn fleet(&self) -> Option<FleetStatus> {
        self.table.limiter().fleet()
    }

    /// How many keys are below their quota now. Walks the keys: for health checks.
    #[must_use]
    pub fn throttled_keys(&self) -> usize {
        self.table.cut_keys(Instant::now())
    }

    /// The keys and the rates at which their calls go, in no order. Walks the keys: for health checks.
    #[must_use]
    pub fn rates(&self) -> Vec<(Key, KeyRate)> {
        self.table.rates(Instant::now())
    }
}

impl<S, L: Limiter, C: Clone> Layer<S> for RateLimitLayer<L, C> {
    type Service = RateLimit<S, L, C>;

    fn layer(&self, inner: S) -> Self::Service {
        let (table, settings) = (Arc::clone(&self.table), self.settings.clone());
        RateLimit::new(inner, Arc::new(Shared { table, settings }))
    }
}

impl<L: Limiter, C: Clone> Clone for RateLimitLayer<L, C> {
    fn clone(&self) -> Self {
        Self { table: Arc::clone(&self.table), settings: self.settings.clone() }
    }
}

impl<L: Limiter + fmt::Debug, C> fmt::Debug for RateLimitLayer<L, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limiter", self.table.limiter())
            .field("settings", &self.settings)
            .finish()
    }
}

impl<C> fmt::Debug for Settings<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("key_by", &self.key_by)
            .field("when_limited", &self.when_limited)
            .field("places", &self.places)
            .field("headroom", &self.headroom)
            .finish_non_exhaustive()
    }
}
