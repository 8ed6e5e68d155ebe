//! What we say: the five operations on Proxy's sessions, the session itself, and a look at who takes
//! part. Pure data.
//!
//! Each operation is a struct that is filled by name and handed to a gateway, which says it on the
//! wire ([`Operation`](crate::wire::Operation)). Nothing is checked while it is filled; all of it is
//! checked when it is encoded, so a value that Twilio would not take is refused before anything is
//! sent, and the refusal names the parameter.
//!
//! ```
//! use std::time::Duration;
//! use twilio_proxy::call::ServiceSid;
//! use twilio_proxy::sessions::{CreateSession, Participant, SessionMode};
//!
//! let service = ServiceSid::new("KS0123456789abcdef0123456789abcdef")?;
//! let create = CreateSession::new(service)
//!     .unique_name("Order #1234")
//!     .ttl(Duration::from_secs(3600))
//!     .mode(SessionMode::MessageOnly)
//!     .participant(Participant::new("+15550100").friendly_name("Driver"))
//!     .participant(Participant::new("+15550101").friendly_name("Rider"));
//! # let _ = create;
//! # Ok::<(), twilio_proxy::call::SidError>(())
//! ```

mod check;
mod create;
mod delete;
mod enums;
mod fetch;
mod form;
mod list;
mod model;
mod participant;
mod participants;
mod update;

pub use create::CreateSession;
pub use delete::DeleteSession;
#[cfg(feature = "webhook")]
pub(crate) use enums::open_enum;
pub use enums::{SessionMode, SessionStatus, Unlisted};
pub use fetch::{FetchSession, SessionKey};
pub(crate) use form::pairs;
pub use list::ListSessions;
pub use model::{Links, Session};
pub use participant::Participant;
pub use participants::{ListParticipants, SessionParticipant};
pub use update::UpdateSession;

use crate::call::ServiceSid;
use crate::wire::{EncodeError, Encoder};

/// The path that all begin with, and the Service that their quota is counted by.
fn sessions_of<'a, 'e>(
    service: ServiceSid,
    to: &'a mut Encoder<'e>,
) -> Result<&'a mut Encoder<'e>, EncodeError> {
    to.scope(service).literal("/v1/Services").segment("ServiceSid", service.as_str())?;
    Ok(to.literal("/Sessions"))
}

#[cfg(test)]
mod tests;
