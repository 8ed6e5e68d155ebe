use std::future::Future;

use tokio::time::Instant;

use super::Key;
use super::throttle::{KeyRate, Throttle};
use crate::middleware::limit::fleet::FleetStatus;

/// Whoever grants cells: the arithmetic of a quota, without the waiting.
///
/// The layer keeps one [`State`](Self::State) for each key in its own table, hands it over under a
/// lock that is held for the check alone, and does all the queueing. A limiter says yes, or when.
///
/// # A limiter elsewhere
///
/// A quota that several processes share is asked for over the network. Such a limiter answers
/// [`Check::Ask`] with a future, which the layer polls inside the call's own future. Nothing else
/// changes: the layer's type is `RateLimit<S, L>` for any `L`. What it should mind:
///
/// - Whoever asks may be dropped. A cell that the far side has granted by then is spent: less is
///   sent than allowed, never more.
/// - There is no error to raise. A limiter that can't reach the far side decides for itself
///   whether to say yes, or no, or to fall back on a quota of its own.
/// - `State` can be an `Arc` that the future shares, to keep a batch of cells granted at once:
///   `check` then says [`Check::Go`] until they are used up, and asks seldom.
///
/// # A limiter that listens
///
/// A server that throttles says so in its answers. A limiter that sets [`LISTENS`](Self::LISTENS) is
/// told of each such answer, under the key's lock, and may grant less for a while: see
/// [`throttle`](super::throttle). For one that does not, calls carry nothing for it and no answer
/// is looked at.
pub trait Limiter: Send + Sync + 'static {
    /// Whether it wants to hear when the server throttles.
    const LISTENS: bool = false;

    /// What is kept for each key.
    type State: Send + 'static;

    /// A question that takes time; [`Pending`](std::future::Pending) for a limiter that never asks.
    type Asking: Future<Output = Verdict> + Send + 'static;

    /// The state of a key that is seen for the first time.
    fn untouched(&self, now: Instant) -> Self::State;

    /// Takes one cell, or says when there will be one. Must not block.
    fn check(&self, key: &Key, state: &mut Self::State, now: Instant) -> Check<Self::Asking>;

    /// When a call with `ahead` others before it can have its cell, as far as is known here.
    ///
    /// The layer refuses a call for which that is past its deadline. A limiter that does not know
    /// says `now`.
    fn earliest(&self, state: &mut Self::State, ahead: usize, now: Instant) -> Instant;

    /// Whether forgetting the key would change nothing: its state is no worse than an untouched one.
    fn is_idle(&self, state: &mut Self::State, now: Instant) -> bool;

    /// The server refused a call that had its cell here. Must not block, and must not grant.
    fn throttled(&self, key: &Key, state: &mut Self::State, throttle: &Throttle) {
        let _ = (key, state, throttle);
    }

    /// Whether the key is granted less than its quota, because the server throttled. Asked around
    /// each check, to tell the log when it is over.
    fn is_cut(&self, state: &Self::State) -> bool {
        let _ = state;
        false
    }

    /// At what rate the key's calls may go now, for a look at its health; none if not known here.
    fn rate(&self, state: &Self::State, now: Instant) -> Option<KeyRate> {
        let _ = (state, now);
        None
    }

    /// Whether any key is cut. Asked for often, so it should take no lock.
    fn is_throttled(&self) -> bool {
        false
    }

    /// How the sharing of the quota goes, for a limiter that shares one.
    fn fleet(&self) -> Option<FleetStatus> {
        None
    }
}

/// What a limiter says to a check.
#[derive(Clone, Copy, Debug)]
pub enum Check<A> {
    /// The call may go; its cell is taken.
    Go,
    /// Not before this moment; no cell is taken.
    NotBefore(Instant),
    /// It takes time to find out.
    Ask(A),
}

/// What has come of a question that took time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go; its cell is taken.
    Go,
    /// Not before this moment; no cell is taken.
    NotBefore(Instant),
}
