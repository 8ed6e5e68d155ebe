//! Foreign errors, made into ones that a [`Fault`](crate::call::Fault) fits into.
//!
//! A layer of this crate raises faults in the error type of the service that it wraps, and looks
//! into that error for faults from below. A service from elsewhere has an error type of its own
//! which allows neither; hyper-util's bare client is the usual one. [`LiftLayer`] goes between: it
//! turns that error into a [`BoxError`], or into any type that it converts to, and touches
//! nothing else.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::call::BoxError;

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
/// # Layer order
///
/// Directly above the foreign service, below every layer that asks for
/// [`Raise`](crate::call::Raise). A service whose error is a [`BoxError`] already needs no lift;
/// one does no harm there, for the box is passed on and not boxed again.
///
/// # Cancellation
///
/// Dropping the response future drops the inner one; there is nothing else in it.
pub struct LiftLayer<E = BoxError> {
    error: PhantomData<fn() -> E>,
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
        Self { error: PhantomData }
    }
}

impl<S, E> Layer<S> for LiftLayer<E> {
    type Service = Lift<S, E>;

    fn layer(&self, inner: S) -> Lift<S, E> {
        Lift { inner, error: PhantomData }
    }
}

/// Turns the errors of the service inside into `E`. Made by [`LiftLayer`].
pub struct Lift<S, E = BoxError> {
    inner: S,
    error: PhantomData<fn() -> E>,
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
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        ResponseFuture { future: self.inner.call(request), error: PhantomData }
    }
}

pin_project! {
    /// The response of a [`Lift`].
    pub struct ResponseFuture<F, E = BoxError> {
        #[pin]
        future: F,
        error: PhantomData<fn() -> E>,
    }
}

impl<F, T, Inner, E> Future for ResponseFuture<F, E>
where
    F: Future<Output = Result<T, Inner>>,
    Inner: Into<E>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(self.project().future.poll(cx)).map_err(Into::into))
    }
}

// By hand, for derives would ask of `E` what only `S` has to give.

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
        Self { inner: self.inner.clone(), error: PhantomData }
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
mod tests {
    use tower::{ServiceBuilder, ServiceExt, service_fn};

    use super::*;
    use crate::call::{Fault, FaultKind};

    async fn outcome(error: impl Into<BoxError> + Send + 'static) -> BoxError {
        let mut error = Some(error.into());
        let foreign = service_fn(move |()| {
            let error = error.take().expect("one call");
            async { Err::<(), BoxError>(error) }
        });
        ServiceBuilder::new()
            .layer(LiftLayer::new())
            .service(foreign)
            .oneshot(())
            .await
            .expect_err("an error")
    }

    #[tokio::test]
    async fn a_foreign_error_and_a_fault_are_both_found_in_the_box() {
        let error = outcome(std::io::Error::other("no route")).await;
        assert!(error.downcast_ref::<std::io::Error>().is_some());
        // Not boxed twice: a second box would hide the fault from a plain downcast.
        let error = outcome(Fault::new(FaultKind::Connect, "refused")).await;
        assert!(error.downcast_ref::<Fault>().is_some());
    }

    #[tokio::test]
    async fn the_error_of_readiness_is_lifted_too_and_the_target_may_be_any_type() {
        #[derive(Debug, PartialEq)]
        struct Mine(&'static str);
        impl From<&'static str> for Mine {
            fn from(text: &'static str) -> Self {
                Self(text)
            }
        }
        #[derive(Clone, Debug)]
        struct NeverReady;
        impl Service<()> for NeverReady {
            type Response = ();
            type Error = &'static str;
            type Future = std::future::Ready<Result<(), &'static str>>;
            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
                Poll::Ready(Err("broken"))
            }
            fn call(&mut self, (): ()) -> Self::Future {
                std::future::ready(Ok(()))
            }
        }
        let mut lifted = LiftLayer::<Mine>::into_error().layer(NeverReady);
        assert_eq!(lifted.ready().await.map(|_| ()), Err(Mine("broken")));
        assert_eq!(format!("{lifted:?}"), "Lift { inner: NeverReady }");
    }
}
