use std::time::Duration;

use jiff::Timestamp;

use crate::call::ServiceSid;
use crate::sessions::{Participant, SessionKey, SessionMode, SessionStatus};

/// What to look for when an answer was lost, and what was asked for: to tell our own doing from
/// somebody else's.
#[derive(Clone, Debug)]
pub struct Clue {
    pub(super) service: ServiceSid,
    pub(super) key: SessionKey,
    /// The refusals that a call meets which has already done its work.
    pub(super) refusals: &'static [u32],
    /// Whether the session must have been created since the call began.
    pub(super) is_new: bool,
    pub(super) mode: Option<SessionMode>,
    pub(super) status: Option<SessionStatus>,
    pub(super) date_expiry: Option<Timestamp>,
    pub(super) ttl: Option<Duration>,
    /// Whom the session must have, and nobody else; empty where nobody asks.
    pub(super) participants: Vec<Participant>,
}
