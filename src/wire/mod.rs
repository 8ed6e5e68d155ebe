//! How Twilio says it: paths, forms, JSON, errors and pages, for any resource of the API.
//!
//! A resource is an [`Operation`]: what to send, and what comes back. The rooms above know which
//! operations there are; this one knows how any of them looks on the wire. On the way out an
//! [`Encoder`] makes the request for an [`Endpoint`]; on the way back an [`Answer`] is read as a
//! record, as a [`Page`] of records or as an [`ApiError`]. [`Route`] goes from a request back to
//! the operation.

mod answer;
mod api_error;
pub mod codes;
mod encode;
mod endpoint;
mod extra;
mod operation;
mod page;
pub(crate) mod record;
mod route;
mod tokens;

pub use answer::{Answer, DecodeError};
pub(crate) use answer::{CONCURRENT_REQUESTS, REQUEST_ID};
pub use api_error::ApiError;
pub use encode::{EncodeError, Encoder};
pub use endpoint::{Endpoint, EndpointError};
pub use extra::Extra;
pub use operation::{ByName, BySid, Configured, Detailed, Operation, OperationMeta, Plain, Reply};
pub use page::{Listing, Page, PageMeta};
pub use route::Route;
pub use tokens::TOKEN_URL;
