//! How Twilio says it: paths, forms, JSON, errors and pages, for any resource of the API.
//!
//! A resource is an [`Operation`]: what to send, and what comes back. The rooms above know which
//! operations there are; this one knows how any of them looks on the wire.

mod answer;
mod encode;
mod endpoint;
mod operation;

pub use answer::{Answer, DecodeError};
pub use encode::{EncodeError, Encoder};
pub use endpoint::{Endpoint, EndpointError};
pub use operation::{ByName, Configured, Detailed, Operation, OperationMeta, Plain, Reply};
