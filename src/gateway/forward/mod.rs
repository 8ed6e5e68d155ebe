//! Requests of other programs, sent through the gateway: what a sidecar is made of.
//!
//! [`Forward`] is a `tower::Service` of HTTP requests as Twilio's API takes them, from any client in
//! any language, and answers them as the API does. In between it is all of the gateway: deadline,
//! retry, limits, circuits, and lost creates found again. It never fails and is always ready, so it
//! goes into hyper or axum as it is; the `sidecar` example is a whole server around it.
//!
//! # What is recognised
//!
//! | request | goes as | after an attempt of unknown effect |
//! |---|---|---|
//! | `POST …/Sessions` with a UniqueName | [`CreateSession`] | is tried again, and found again |
//! | `POST …/Sessions` without | [`CreateSession`] | is never tried again: 502 |
//! | `POST …/Sessions/{Sid}` | [`UpdateSession`] | is tried again, and looked at again |
//! | `DELETE …/Sessions/{Sid}` | [`DeleteSession`] | is tried again; a 404 then is success |
//! | `GET …/Sessions`, `GET …/Sessions/{Sid}` | as it came | is tried again |
//! | any other path, any other method | as it came | as HTTP promises of the method |
//!
//! A form is read back into the operation as far as it can be said in these types without loss.
//! Every other parameter is passed on beside it: one that has no name here, a value that this crate
//! would refuse, one that is there twice. What the API says of those is the answer. An UniqueName
//! that is there twice, or empty, makes no create safe to repeat.
//!
//! A create, update or delete goes *as it came*, and a create so is never repeated, where it can't
//! be read at all: its body is no form, the path has a query, or what is updated is no SID.
//!
//! # What comes back
//!
//! The API's answer, status, end-to-end headers and body byte for byte, refusals and server errors
//! included. Where there is none, or where it would mislead, the answer is one of the gateway's own,
//! in the shape of Twilio's errors (`code`, `message`, `more_info`, `status`), and says what may have
//! come of the call: `effect`, `attempts` and `kind`, and the header `x-gateway-effect`. The
//! [guide](crate::guide::sidecar) has the table.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use http_body_util::Full;
//! use tower::{Layer, ServiceExt};
//! use twilio_proxy::call::BoxError;
//! use twilio_proxy::gateway::{ForwardLayer, Gateway, ReconcileLayer};
//! use twilio_proxy::wire::Endpoint;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = tower::service_fn(|request: Request<Full<Bytes>>| async move {
//!     assert_eq!(request.uri(), "https://proxy.twilio.com/v1/Services");
//!     Ok::<_, BoxError>(http::Response::new(Full::new(Bytes::from("{}"))))
//! });
//! let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO)?);
//! let forward = ForwardLayer::new().layer(ReconcileLayer::new().layer(gateway));
//!
//! let request = Request::get("http://127.0.0.1:4080/v1/Services").body(Full::default())?;
//! let answer = forward.oneshot(request).await?;
//! assert_eq!(answer.status(), StatusCode::OK);
//! assert_eq!(answer.headers()["x-gateway-attempts"], "1");
//! # Ok(())
//! # }
//! ```

mod answer;
mod future;
mod headers;
mod layer;
mod plan;
mod relay;
mod service;
mod wishes;

use tower::Service;

use super::Error;
use crate::sessions::{CreateSession, DeleteSession, Session, UpdateSession};
use crate::wire::{Answer, Configured, Detailed, Reply};

pub use answer::refusal;
pub use future::ResponseFuture;
pub use layer::ForwardLayer;
pub use relay::Relay;
pub use service::Forward;

/// What a forwarded operation is: its wishes are in the request's headers, its metadata goes back.
pub type Forwarded<O> = Configured<Detailed<O>>;

/// The operations that a [`Forward`] needs of what it stands on, in one word. A
/// [`Reconcile`](super::Reconcile) over a gateway has them all, boxed or not; so has a gateway alone,
/// which finds no lost creates.
pub trait Forwards:
    Service<Forwarded<CreateSession>, Response = Reply<Session>, Error = Error>
    + Service<Forwarded<UpdateSession>, Response = Reply<Session>, Error = Error>
    + Service<Forwarded<DeleteSession>, Response = Reply<()>, Error = Error>
    + Service<Configured<Relay>, Response = Answer, Error = Error>
    + Clone
{
}

impl<G> Forwards for G where
    G: Service<Forwarded<CreateSession>, Response = Reply<Session>, Error = Error>
        + Service<Forwarded<UpdateSession>, Response = Reply<Session>, Error = Error>
        + Service<Forwarded<DeleteSession>, Response = Reply<()>, Error = Error>
        + Service<Configured<Relay>, Response = Answer, Error = Error>
        + Clone
{
}
