//! Proxy's sessions API in memory: test your own code without an account and without a network.
//!
//! A [`Simulator`] is a [`tower::Service`] that takes the transport's place, so that whatever is
//! stacked on a transport can be stacked on it. There are no sockets in that, and time is tokio's:
//! in a test with paused time, ninety days pass at once. Where sockets are the point,
//! [`Simulator::serve`] puts the same simulator behind a loopback HTTP server.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::ServiceExt;
//! use twilio_proxy::simulator::{Action, FaultPlan, Mishap, Settings, Simulator, Status};
//!
//! let simulator = Simulator::with(Settings::default().without_authentication());
//! let sessions = format!("http://simulator/v1/Services/{}/Sessions", Simulator::SERVICE_SID);
//! let create = || {
//!     Request::post(&sessions)
//!         .header("content-type", "application/x-www-form-urlencoded")
//!         .body(Full::new(Bytes::from_static(b"UniqueName=Order%20%231")))
//! };
//!
//! // The first create commits, and its answer is lost on the way back.
//! simulator.set_faults(FaultPlan::none().next_of(Action::Create, 1, Mishap::ResetAfter));
//! assert!(simulator.clone().oneshot(create()?).await.is_err());
//!
//! // The second is refused, for the name is taken: 80603.
//! let refused = simulator.clone().oneshot(create()?).await?;
//! let error: serde_json::Value = serde_json::from_slice(refused.body().bytes())?;
//! assert_eq!((refused.status().as_u16(), &error["code"]), (400, &80603.into()));
//!
//! // What happened is there to be looked at.
//! assert_eq!(simulator.stats().of(Action::Create).committed, 1);
//! let session = &simulator.sessions()[0];
//! assert_eq!((session.unique_name.as_deref(), session.status), (Some("Order #1"), Status::Open));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is true to
//!
//! It is written against Twilio's documents, not against this crate's client, and shares no line
//! with what the client encodes: it reads paths, queries and forms itself, so that it can say that
//! the client is wrong.
//!
//! - **Operations.** Create (201), fetch by SID or UniqueName (200), list (200), update by SID
//!   (200), delete by SID (204); the participants of a session, by its SID (200). URLs in answers begin with the base URL that the request was sent to.
//! - **Credentials.** Basic, for the [accounts and keys](Settings::account) it was given, or a Bearer
//!   token from `POST /v2/token`, which it gives to [OAuth clients](Settings::oauth_client) and which
//!   expires; else 401 with 20003. An account sees its own sessions alone. Any well-formed Service SID is a Service.
//! - **Checks.** Lengths in characters, enumerations, TTL and expiry, at most two participants (80609)
//!   with an Identifier each (80404), not the same twice (80103), of a type that suits the mode (80616).
//! - **Names.** A UniqueName is taken (80603) until its session is deleted, closed or not.
//! - **Life.** Open or in progress to closed; closed to in progress, which opens it again; any other
//!   change of status is 80608, any other update of a closed session 80607. A session is closed
//!   when its DateExpiry comes, or its TTL after its creation, last use ([`Simulator::interact`])
//!   or re-opening, or 90 days after it where it has neither; 90 days later it is deleted.
//! - **Participant conflicts**, for requests that ask to fail: a participant whose number reaches the
//!   same person in another live session is 400 with 80604; one that another create is working on at
//!   this moment is 409 with 80623, which takes a [latency](Settings::latency) to happen.
//! - **Participants.** A list to be read, as they were made or [added](Simulator::join). One who was
//!   [removed](Simulator::leave) stays in it with its `date_deleted`: Twilio calls the removal soft,
//!   and does not say whether its list has them.
//! - **Pages.** Newest first, 50 unless asked, at most 100 whatever was asked, with opaque tokens that
//!   stay right while sessions are made and deleted. `Page` alone chooses nothing.
//! - **Rate limit.** 150 requests in any 5 s for each account, Service and operation, as a true sliding
//!   window; beyond it 429 with 80621. A request that is refused so is not counted and does nothing.
//! - **Headers.** `Twilio-Request-Id`, `Twilio-Request-Duration`, `Twilio-Concurrent-Requests`, `Date`.
//!
//! Sources: the [session resource](https://www.twilio.com/docs/proxy/api/session), Proxy's
//! [limits](https://www.twilio.com/docs/proxy/proxy-limits), the
//! [error dictionary](https://www.twilio.com/docs/api/errors). Where they are silent the choice is
//! either a setting ([`Settings::duplicate_name_status`], [`Settings::retry_after`]) or said where it
//! is made: a malformed parameter is 400 with 20001; the words of `closed_reason` are our own;
//! a body that is no form is refused rather than overlooked.
//!
//! # What goes wrong
//!
//! A [`FaultPlan`] says which requests meet which [`Mishap`], by script or by chance; it can be
//! changed while the simulator runs. Each mishap is documented by what matters: whether Proxy acts
//! before the answer is lost. [`Simulator::stats`], [`Simulator::commits`] and
//! [`Simulator::sessions`] then tell what came of it, and [`created_twice`] whether a client did
//! a create twice.

mod api;
mod directory;
mod exchange;
mod fault;
mod form;
mod page;
mod plan;
mod refusal;
mod route;
mod server;
mod service;
mod session;
mod settings;
mod socket;
mod state;
mod stats;
mod token;
mod window;

use std::fmt;
use std::sync::Arc;

pub use fault::{Mishap, RetryAfter};
pub use plan::FaultPlan;
pub use route::Action;
pub use server::SimulatorServer;
pub use service::ResponseFuture;
pub use session::{Mode, Status, StoredParticipant, StoredSession};
pub use settings::Settings;
pub use stats::{ActionStats, Commit, Stats, created_twice};

use crate::call::{ParticipantSid, SessionSid};

/// A simulated Proxy; clones are the same one. See the [module](self) for what it does.
#[derive(Clone)]
pub struct Simulator {
    shared: Arc<state::Shared>,
}

impl Simulator {
    /// The account of a simulator that was given no other.
    pub const ACCOUNT_SID: &'static str = "AC00000000000000000000000000000001";

    /// That account's token.
    pub const AUTH_TOKEN: &'static str = "simulated-token";

    /// A Service to use. Any other well-formed SID does as well.
    pub const SERVICE_SID: &'static str = "KS00000000000000000000000000000001";

    /// A simulator with the default [`Settings`].
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A simulator that is set up so.
    #[must_use]
    pub fn with(settings: Settings) -> Self {
        Self { shared: Arc::new(state::Shared::new(settings)) }
    }

    /// Puts another fault plan in place, from the next request on. It begins to count at 1.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.shared.lock().plan = plan.fresh();
    }

    /// What was received, answered, broken and committed so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats.clone()
    }

    /// Every change so far, in order.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.shared.lock().commits.clone()
    }

    /// The sessions of all accounts, up to date; those of one Service in the order they were made.
    #[must_use]
    pub fn sessions(&self) -> Vec<StoredSession> {
        let now = self.shared.settings.clock.wall();
        self.shared.lock().sessions(now)
    }

    /// A call or a message passes between a session's participants: it is in progress from then
    /// on, and its TTL starts anew. False: there is no such session, or it is not live.
    pub fn interact(&self, sid: &SessionSid) -> bool {
        let now = self.shared.settings.clock.wall();
        match self.shared.lock().session(sid.as_str(), now) {
            Some(session) if session.is_live() => {
                session.interact(now);
                true
            }
            _ => false,
        }
    }

    /// Somebody adds a participant to a live session, and Proxy chooses its number: what `POST
    /// …/Participants` does, which the simulator does not answer. `None`: there is no such session,
    /// it has two participants, or this one was removed from it before.
    pub fn join(&self, session: &SessionSid, identifier: &str) -> Option<ParticipantSid> {
        let settings = &self.shared.settings;
        self.shared.lock().join(session.as_str(), identifier, settings)
    }

    /// Somebody removes a participant from its session, where it stays in the list as removed.
    /// False: there is none to remove.
    pub fn leave(&self, participant: &ParticipantSid) -> bool {
        let now = self.shared.settings.clock.wall();
        self.shared.lock().leave(*participant, now)
    }

    /// Makes every token that was given out so far worthless, as a revocation does.
    pub fn revoke_tokens(&self) {
        self.shared.lock().tokens.clear();
    }

    /// Serves this simulator on a free port of 127.0.0.1, from within a tokio runtime.
    ///
    /// # Errors
    ///
    /// No port could be had.
    pub async fn serve(&self) -> std::io::Result<SimulatorServer> {
        SimulatorServer::start(self).await
    }
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

/// Its settings. The sessions hold phone numbers, and are for [`sessions`](Simulator::sessions) to
/// show one by one.
impl fmt::Debug for Simulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulator").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}
