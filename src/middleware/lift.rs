//! Foreign errors, made into ones that a [`Fault`] fits into.
//!
//! A layer of this crate raises faults in the error type of the service that it wraps, and looks
//! into that error for faults from below. A service from elsewhere has an error type of its own
//! which allows neither; hyper-util's bare client is the usual one. [`LiftLayer`] goes between: it
//! turns that error into a [`BoxError`], or into any type that it converts to, and touches
//! nothing else.
//!
//! # What a foreign error proves
//!
//! To the layers above it proves nothing: the request may have been sent, so a create that never
//! left is not tried again. Whoever knows the service below knows better, and
//! [`judged_by`](LiftLayer::judged_by) is where to say so: what it can judge becomes a
//! [`Fault`], with the foreign error as its source.
//!
//! ```text
//! Retry ── Collect ── Lift, judged by transport::classify_error ── hyper-util's Client
//!   └ a refused connection is `Connect`, effect none: tried again, whatever the call was
//! ```

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::call::{BoxError, Effect, Fault, FaultKind, Raise};

/// Puts a [`Lift`] over a service whose error is foreign.
///
/// ```
/// use tower::{Layer, Service, ServiceExt};
/// use twilio_proxy::call::BoxError;
/// use twilio_proxy::middleware::lift::LiftLayer;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let foreign = tower::service_fn(|()| async { Err::<(), _>(std::io::Error::other("no route")) });
/// let mut lifted = LiftLayer::new().layer(foreign);
///
/// let error: BoxError = lifted.ready().await.unwrap().call(()).await.unwrap_err();
/// assert!(error.downcast_ref::<std::io::Error>().is_some());
/// # }
/// ```
///
/// # Errors
///
/// Those of the service inside, as they are or converted; with a [judge](Self::judged_by) also
/// faults of the kinds that it names.
///
/// # Layer order
///
/// Directly above the foreign service, below every layer that asks for
/// [`Raise`]. A service whose error is a [`BoxError`] already needs no lift;
/// one does no harm there, for the box is passed on and not boxed again.
///
/// # Cancellation
///
/// Dropping the response future drops the inner one; there is nothing else in it.
pub struct LiftLayer<E = BoxError> {
    judge: Option<Judge<E>>,
}

/// What a foreign error proves.
type Verdict = fn(&(dyn Error + 'static)) -> Option<(FaultKind, Effect)>;

/// A verdict, and what applies it: the second is made where the bounds on `E` are known, so that a
/// lift without a judge need not ask for them.
struct Judge<E> {
    verdict: Verdict,
    apply: fn(Verdict, E) -> E,
}

impl LiftLayer {
    /// Lifts errors into a [`BoxError`].
    #[must_use]
    pub fn new() -> Self {
        Self::into_error()
    }
}

impl<E> LiftLayer<E> {
    /// Lifts errors into an error type of your own: `LiftLayer::<MyError>::into_error()`.
    #[must_use]
    pub fn into_error() -> Self {
        Self { judge: None }
    }

    /// Turns errors that have no [`Fault`] in them into one, where `verdict` knows what they prove:
    /// its kind, and what may have come of the request. The error becomes the fault's source. Of
    /// what `verdict` doesn't know (`None`) nothing is said, and it passes as it is.
    ///
    /// For hyper-util's client there is
    /// [`transport::classify_error`](crate::transport::classify_error).
    ///
    /// ```
    /// use std::io;
    /// use tower::{Layer, ServiceExt};
    /// use twilio_proxy::call::{Effect, Fault, FaultKind};
    /// use twilio_proxy::middleware::lift::LiftLayer;
    /// use twilio_proxy::transport::classify_error;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let foreign = tower::service_fn(|()| async {
    ///     Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionRefused))
    /// });
    /// let lifted = LiftLayer::new().judged_by(classify_error).layer(foreign);
    ///
    /// let error = lifted.oneshot(()).await.unwrap_err();
    /// let fault = Fault::find(&*error).unwrap();
    /// assert_eq!((fault.kind(), fault.effect()), (FaultKind::Connect, Effect::None));
    /// # }
    /// ```
    #[must_use]
    pub fn judged_by(
        mut self,
        verdict: fn(&(dyn Error + 'static)) -> Option<(FaultKind, Effect)>,
    ) -> Self
    where
        E: Raise + Into<BoxError>,
    {
        self.judge = Some(Judge { verdict, apply });
        self
    }
}

fn apply<E: Raise + Into<BoxError>>(verdict: Verdict, error: E) -> E {
    let known = match Fault::find(error.as_ref()) {
        Some(_) => None,
        None => verdict(error.as_ref()),
    };
    let Some((kind, effect)) = known else { return error };
    let detail = match kind {
        FaultKind::Connect => "no connection could be made",
        FaultKind::Unprocessed => "the server did not take the request",
        FaultKind::Interrupted => "the connection broke while the request was under way",
        _ => "the service below failed",
    };
    Fault::new(kind, detail).with_effect(effect).with_source(error).into()
}

impl<S, E> Layer<S> for LiftLayer<E> {
    type Service = Lift<S, E>;

    fn layer(&self, inner: S) -> Lift<S, E> {
        Lift { inner, judge: self.judge }
    }
}

/// Turns the errors of the service inside into `E`. Made by [`LiftLayer`].
pub struct Lift<S, E = BoxError> {
    inner: S,
    judge: Option<Judge<E>>,
}

impl<S, E, Request> Service<Request> for Lift<S, E>
where
    S: Service<Request>,
    S::Error: Into<E>,
{
    type Response = S::Response;
    type Error = E;
    type Future = ResponseFuture<S::Future, E>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        self.inner.poll_ready(cx).map_err(|error| lift(self.judge, error))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ResponseFuture { future: self.inner.call(request), judge: self.judge }
    }
}

pin_project! {
    /// The response of a [`Lift`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, E = BoxError> {
        #[pin]
        future: F,
        judge: Option<Judge<E>>,
    }
}

fn lift<E>(judge: Option<Judge<E>>, error: impl Into<E>) -> E {
    match judge {
        Some(Judge { verdict, apply }) => apply(verdict, error.into()),
        None => error.into(),
    }
}

impl<F, T, Inner, E> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<T, Inner>>,
    Inner: Into<E>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        Poll::Ready(ready!(this.future.poll(cx)).map_err(|error| lift(*this.judge, error)))
    }
}

// By hand, for derives would ask of `E` what only `S` has to give.

impl<E> Clone for Judge<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Judge<E> {}

impl<E> Clone for LiftLayer<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for LiftLayer<E> {}

impl<E> Default for LiftLayer<E> {
    fn default() -> Self {
        Self::into_error()
    }
}

impl<E> fmt::Debug for LiftLayer<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiftLayer")
    }
}

impl<S: Clone, E> Clone for Lift<S, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), judge: self.judge }
    }
}

impl<S: fmt::Debug, E> fmt::Debug for Lift<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lift").field("inner", &self.inner).finish()
    }
}

impl<F: fmt::Debug, E> fmt::Debug for ResponseFuture<F, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("future", &self.future).finish()
    }
}

#[cfg(test)]
mod tests;
