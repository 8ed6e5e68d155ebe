//! What an error of hyper, its pool or the socket proves about the request.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use hyper_util::client::legacy;

use crate::call::{BoxError, Effect, Fault, FaultKind};

/// Judges an error that a transport raised, of this crate or a bare hyper-util client: what kind of
/// fault it is and what may have come of the request. `None` for an error of no kind known here.
///
/// Looks along [`source()`](Error::source) and takes the first error that says something.
///
/// What counts as proof that the server did not act:
///
/// - there was no connection: `Connect`. The pool's errors name the connection that they happened
///   on; one that names none was raised before there was one.
/// - hyper "canceled" the request: `Unprocessed`. It says so only of requests that it never began to
///   write.
/// - the server refused the HTTP/2 stream, or went away and named an earlier stream as its last:
///   `Unprocessed`. <https://www.rfc-editor.org/rfc/rfc9113#section-8.7>
///
/// All else that happens to a connection in use is `Interrupted`, of unknown effect; above all
/// hyper's "connection closed before message completed", where the request may be complete and only
/// its answer lost.
///
/// A bare client needs it below the layers of this crate, or a create that never left is taken for
/// one that may have: [`LiftLayer::judged_by`](crate::middleware::lift::LiftLayer::judged_by).
///
/// ```
/// use std::io;
/// use twilio_proxy::call::{Effect, FaultKind};
/// use twilio_proxy::transport::classify_error;
///
/// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
/// assert_eq!(classify_error(&refused), Some((FaultKind::Connect, Effect::None)));
/// let reset = io::Error::from(io::ErrorKind::ConnectionReset);
/// assert_eq!(classify_error(&reset), Some((FaultKind::Interrupted, Effect::Unknown)));
/// assert_eq!(classify_error(&std::fmt::Error), None);
/// ```
#[must_use]
pub fn classify_error(error: &(dyn Error + 'static)) -> Option<(FaultKind, Effect)> {
    let mut next = Some(error);
    while let Some(error) = next {
        let kind = if let Some(fault) = error.downcast_ref::<Fault>() {
            return Some((fault.kind(), fault.effect()));
        } else if let Some(error) = error.downcast_ref() {
            Some(of_pool(error))
        } else if let Some(error) = error.downcast_ref() {
            Some(of_hyper(error))
        } else if let Some(error) = error.downcast_ref::<io::Error>() {
            Some(of_io(error))
        } else if error.is::<ConnectTimeout>() {
            Some(FaultKind::Connect)
        } else {
            None
        };
        if let Some(kind) = kind {
            return Some((kind, Fault::new(kind, "").effect()));
        }
        next = error.source();
    }
    None
}

/// The fault that the transport raises for an error of the pool.
pub(super) fn raise(error: legacy::Error) -> Fault {
    let kind = of_pool(&error);
    let detail = match kind {
        FaultKind::Config => "the transport is not set up for this call",
        FaultKind::Connect if is_timeout(&error) => "no connection could be made in time",
        FaultKind::Connect => "no connection could be made",
        FaultKind::Unprocessed => UNPROCESSED,
        _ => INTERRUPTED,
    };
    Fault::new(kind, detail).with_source(error)
}

/// The fault for an error of the connector.
pub(super) fn raise_connect(error: BoxError) -> Fault {
    let config = Fault::find(&*error).is_some_and(|fault| fault.kind() == FaultKind::Config);
    let (kind, detail) = if config {
        (FaultKind::Config, "the transport is not set up for this call")
    } else if error.is::<ConnectTimeout>() {
        (FaultKind::Connect, "no connection could be made in time")
    } else {
        (FaultKind::Connect, "no connection could be made")
    };
    Fault::new(kind, detail).with_source(error)
}

/// The fault for a connection that was opened and came to nothing before its first request.
pub(super) fn raise_broken_start(error: hyper::Error) -> Fault {
    Fault::new(FaultKind::Connect, "no connection could be made").with_source(error)
}

/// The fault for a request that hyper hands back, because it never began to write it.
pub(super) fn raise_unwritten(error: hyper::Error) -> Fault {
    Fault::new(FaultKind::Unprocessed, UNPROCESSED).with_source(error)
}

/// The fault for a request that hyper does not hand back.
pub(super) fn raise_broken(error: hyper::Error) -> Fault {
    let kind = of_hyper(&error);
    let detail = if kind == FaultKind::Unprocessed { UNPROCESSED } else { INTERRUPTED };
    Fault::new(kind, detail).with_source(error)
}

const UNPROCESSED: &str = "the connection closed before the server took the request";
const INTERRUPTED: &str = "the connection broke while the request was under way";

fn of_pool(error: &legacy::Error) -> FaultKind {
    if error.is_connect() {
        // A connector of ours may find that it lacks a setting: no later attempt will do better.
        let config = Fault::find(error).is_some_and(|fault| fault.kind() == FaultKind::Config);
        return if config { FaultKind::Config } else { FaultKind::Connect };
    }
    // The three kinds for requests that no connection will ever take have no accessor: their names
    // begin with "User". Either way such an error is raised before anything is sent.
    if error.source().is_none() && error.to_string().contains("(User") {
        return FaultKind::Config;
    }
    if error.connect_info().is_none() {
        // Raised while the connection was made: the HTTP/2 preface, a server that hangs up at once.
        return FaultKind::Connect;
    }
    match error.source().and_then(<dyn Error>::downcast_ref) {
        Some(error) => of_hyper(error),
        None => FaultKind::Interrupted,
    }
}

fn of_hyper(error: &hyper::Error) -> FaultKind {
    // "Closed" is what a sender says that was asked whether it is ready: before any request.
    if error.is_canceled() || error.is_closed() || is_refusal(error) {
        FaultKind::Unprocessed
    } else {
        FaultKind::Interrupted
    }
}

#[cfg(feature = "http2")]
fn is_refusal(error: &hyper::Error) -> bool {
    let Some(error) = error.source().and_then(<dyn Error>::downcast_ref::<h2::Error>) else {
        return false;
    };
    // h2 gives a server's GOAWAY as the reason to those streams alone that are beyond the last one
    // which the frame names, and those "were not or might not be processed" in no part; the test
    // `a_stream_that_goaway_covers_may_have_acted` holds it to that.
    error.is_remote()
        && (error.is_go_away()
            || error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM))
}

#[cfg(not(feature = "http2"))]
fn is_refusal(_: &hyper::Error) -> bool {
    false
}

fn of_io(error: &io::Error) -> FaultKind {
    match error.kind() {
        // An unreachable host or network is not here: a connection in use may hear of it too.
        io::ErrorKind::ConnectionRefused | io::ErrorKind::AddrNotAvailable => FaultKind::Connect,
        _ => FaultKind::Interrupted,
    }
}

fn is_timeout(error: &legacy::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<ConnectTimeout>)
}

/// An error without the `io::Error`s that merely carry it: they answer `source()` for what they
/// carry, so that nobody who walks along would ever find, say, the `rustls::Error`.
pub(super) fn unwrap_io(mut error: BoxError) -> BoxError {
    loop {
        error = match error.downcast::<io::Error>() {
            Ok(carrier) if carrier.get_ref().is_some() => match carrier.into_inner() {
                Some(inner) => inner,
                // Never: it was just seen to carry one.
                None => return Box::new(io::Error::from(io::ErrorKind::Other)),
            },
            Ok(plain) => return plain,
            Err(other) => return other,
        };
    }
}

/// The connection was not there in time.
#[derive(Debug)]
pub(super) struct ConnectTimeout(pub(super) Duration);

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "name look-up, TCP, proxy and TLS took longer than {:?} together", self.0)
    }
}

impl Error for ConnectTimeout {}
