mod forms;
mod golden;
mod model;
mod names;
mod participants;
mod refusals;

use std::sync::Arc;

use http::{Method, Request};
use http_body_util::{BodyExt, Full};

use crate::call::{CallFacts, ServiceSid, SessionSid};
use crate::wire::{EncodeError, Encoder, Endpoint, Operation};

pub(super) const SERVICE: &str = "KS0123456789abcdef0123456789ABCDEF";
pub(super) const SESSION: &str = "KC0123456789abcdef0123456789ABCDEF";

pub(super) fn service() -> ServiceSid {
    ServiceSid::new(SERVICE).expect("a Service SID")
}

pub(super) fn session() -> SessionSid {
    SessionSid::new(SESSION).expect("a session SID")
}

/// What an operation puts on the wire, and the facts that travel with it.
pub(super) struct Said {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) body: String,
    pub(super) facts: Arc<CallFacts>,
}

pub(super) fn try_say<O: Operation>(base: &str, operation: &O) -> Result<Said, EncodeError> {
    let endpoint = Endpoint::new(base).expect("a base URL");
    let mut encoder = Encoder::new(&endpoint, O::META);
    operation.encode(&mut encoder)?;
    let request: Request<Full<bytes::Bytes>> = encoder.finish(None)?;
    let (parts, body) = request.into_parts();
    let body = tokio_test::block_on(body.collect()).expect("a full body").to_bytes();
    Ok(Said {
        method: parts.method,
        uri: parts.uri.to_string(),
        body: String::from_utf8(body.to_vec()).expect("an ASCII body"),
        facts: Arc::clone(CallFacts::of(&parts.extensions).expect("facts")),
    })
}

pub(super) fn say<O: Operation>(operation: &O) -> Said {
    try_say(Endpoint::TWILIO, operation).expect("valid")
}
