//! The words that every room shares: what a call is, how it failed, and what may have come of it.
//!
//! This room is a leaf. It imports nothing from the rest of the crate, so that every layer, the
//! transport and the wire can speak of the same things without knowing each other.

mod body;
mod call_id;
mod class;
mod clock;
mod effect;
mod facts;
mod fault;
mod gather;
mod idempotency;
mod live;
mod options;
mod origin;
pub mod percent;
mod retry_after;
mod rng;
mod sid;
pub(crate) mod sync;
mod trace_context;

pub use body::Collected;
pub use call_id::{CallId, CallIds, CallKey};
pub use class::{Class, Classifier, StatusClassifier};
pub use clock::Clock;
pub use effect::Effect;
pub use facts::CallFacts;
pub use fault::{BoxError, Fault, FaultKind, Raise, Rejection};
pub(crate) use gather::Gathered;
pub use idempotency::Idempotency;
pub use live::Live;
pub use options::{Authorization, CallOptions, Priority, WhenLimited};
pub use origin::{Origin, OriginError};
pub use retry_after::retry_after;
pub use rng::Rng;
pub use sid::{
    AccountSid, ApiKeySid, ParticipantSid, PhoneNumberSid, PublicKeySid, ServiceSid, SessionSid,
    Sid, SidError,
};
pub use trace_context::{TraceContext, TraceContextError};
