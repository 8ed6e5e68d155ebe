//! How bytes move: a pool of connections under the stack, and the truth about what left.
//!
//! [`ProxyTransport`] is a `tower::Service` over hyper and rustls. It is the only room that names
//! hyper, so that the pool below can be exchanged without a change above; any other service from
//! `http::Request<Full<Bytes>>` to a response can take its place in a stack.
//!
//! ```text
//!  request ──▶ gate ──▶ pool ──▶ connection ──▶ socket
//!              │ https, │ one kept │ HTTP/1.1 or
//!              │ or     │ or a new │ HTTP/2 by ALPN
//!              │ loopback          │
//!              │        └─▶ connect timeout ( TLS ( CONNECT proxy ( TCP ( name look-up ))))
//!              ▼
//!         Fault: Config     Fault: Connect        Fault: Unprocessed or Interrupted
//!         └───────────── never sent ─────────────────────────┘         └ unknown
//! ```
//!
//! # What left
//!
//! Whether a failed create may be tried again hangs on one question: may the server have seen it?
//! The transport answers twice.
//!
//! *In its errors.* Each [`Fault`](crate::call::Fault) is of a kind that says so; what counts as
//! proof is listed at [`classify_error`], which the gateway also asks about the errors of other
//! transports. Where there is no proof the effect is unknown.
//!
//! *In the call's facts*, for the layers that give up before there is an error. The transport marks
//! an attempt as reached when it is called, as sent from the moment that a connection takes it, and
//! as harmless when it ends in a 4xx answer or an error that proves it so. Because the mark is set
//! inside the poll in which the pool hands the request over, a deadline may drop the future at any
//! time and read the truth. A request without [facts](crate::call::CallFacts) is sent all the same.
//!
//! # What is repeated here
//!
//! One thing only: a request that was given to a kept connection which closed before the first byte
//! was written goes out on another. hyper hands such a request back whole, so nothing can be done
//! twice. Anything later is for the retry layer to decide, which knows the operation.
//!
//! # The pool
//!
//! Made for one origin or a few. The connection that came to rest last is taken first, so that what a
//! quiet hour doesn't need grows old and is closed; a call that finds none waits in a fair queue
//! for one that is given back or newly made, whichever is first. There may be a
//! [cap](Builder::max_connections) and a [greatest age](Builder::max_age); connections can be
//! [opened ahead](ProxyTransport::warm_up), [counted](ProxyTransport::pool_stats) and
//! [drained](ProxyTransport::drain). [`LegacyTransport`] is the same over hyper-util's pool.
//!
//! # Secrets
//!
//! No fault, `Debug` output or header to the API repeats the password of a CONNECT proxy. URIs are not
//! repeated in faults either.

mod body;
mod builder;
mod connect;
mod fault;
mod io;
mod legacy;
mod pool;
mod resolve;
mod service;
mod tcp;
mod tls;
mod tunnel;

pub use body::{BodyError, ResponseBody};
pub use builder::Builder;
pub use connect::Connect;
pub use fault::classify_error;
pub use legacy::{LegacyFuture, LegacyTransport};
pub use pool::{PoolStats, ResponseFuture};
pub use resolve::HostName;
pub use service::ProxyTransport;
pub use tcp::{DefaultConnector, Socket};
