//! What Proxy says in its callbacks, and what it may be answered.
//!
//! Every parameter is optional: Twilio's page shows an example of each callback, and not which of
//! its parameters are always there. One that is empty is absent. One that this version has no name
//! for is kept in `extra`, as is one whose text is not of the type that it should be: reading a
//! callback loses nothing, and fails only where the body is no form and no JSON object at all.

mod answers;
mod enums;
mod interaction;
mod out_of_session;
mod parameters;

use std::fmt;

pub use answers::{Acknowledge, Intercept, OpenSession, OutOfSession};
pub use enums::{InteractionType, ResourceStatus, ResourceType};
pub use interaction::{Interaction, InterceptCallback, Leg, StatusCallback};
pub use out_of_session::{OutOfSessionCallback, Party, PastParticipant, PastSession};

/// Why a body can't be read as a callback. It says nothing of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError(&'static str);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for DecodeError {}
