//! The one place that knows errors of other crates.

use std::error::Error as StdError;

use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;

use super::{Error, ErrorKind};
use crate::call::{Effect, Fault};
use crate::transport;

/// Judges an error in which no layer of ours has put a fault.
///
/// `so_far` is what the facts say of the whole call: the best that is known where the error
/// itself proves nothing.
pub(super) fn judge(error: &(dyn StdError + 'static), so_far: Effect) -> Error {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<Elapsed>() {
            return Error::new(ErrorKind::Deadline, so_far, ErrorKind::Deadline.phrase());
        }
        if error.is::<Overloaded>() {
            return Error::new(ErrorKind::Rejected, Effect::None, ErrorKind::Rejected.phrase());
        }
        next = error.source();
    }
    match transport::classify_error(error) {
        Some((kind, effect)) => {
            let fault = Fault::new(kind, "the transport failed").with_effect(effect);
            Error::from_fault(&fault)
        }
        None => Error::new(ErrorKind::Other, so_far, ErrorKind::Other.phrase()),
    }
}
