//! An error of somebody else's, that several callers get.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::call::{Fault, FaultKind, Raise};

/// Makes one error into two that lead to it: one for the caller that has it, and a fault for the
/// others.
///
/// An error without a fault can be neither cloned nor made anew: all a layer may make is a fault. It
/// is of kind `Interrupted`, which is what retry takes a foreign error for, and has the error
/// among its sources, for those who know its type.
pub(super) fn split<E: Raise + Send + Sync + 'static>(error: E) -> (E, Fault) {
    let fault = Fault::new(FaultKind::Interrupted, "a read failed that several calls share")
        .with_source(SharedError(Arc::new(error)));
    (fault.clone().into(), fault)
}

/// A step on the way to the error: its own text says nothing of it, since that follows as the source.
struct SharedError<E>(Arc<E>);

impl<E> fmt::Display for SharedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("their common error")
    }
}

impl<E: Raise> fmt::Debug for SharedError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedError").field(&(*self.0).as_ref()).finish()
    }
}

impl<E: Raise> Error for SharedError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some((*self.0).as_ref())
    }
}
