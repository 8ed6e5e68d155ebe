use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderValue, Request, Response, header};
use tower::Service;

use super::future::{Waiting, Watch};
use super::provider::{Answer, ProvideAuthorization, Provided};
use super::{AuthLayer, ResponseFuture};
use crate::call::{CallFacts, CallOptions, Fault, FaultKind, Raise};

/// Attaches credentials to requests. Made by [`AuthLayer`].
#[derive(Clone, Debug)]
pub struct Auth<S> {
    inner: S,
    /// Shared, for a clone of the stack is made for nearly every call.
    settings: Arc<AuthLayer>,
}

impl<S> Auth<S> {
    pub(super) fn new(inner: S, settings: AuthLayer) -> Self {
        Self { inner, settings: Arc::new(settings) }
    }
}

impl<S, B, R> Service<Request<B>> for Auth<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let options = CallFacts::of(request.extensions()).and_then(|facts| facts.options());
        let wanted = options.and_then(CallOptions::wanted_authorization);
        let value = self.settings.header(wanted);
        if value.is_none() && self.settings.provider().is_none() {
            return ResponseFuture::sent(self.inner.call(request), None);
        }
        if let Err(reason) = self.settings.admit(&request) {
            return ResponseFuture::refused(Fault::new(FaultKind::Config, reason));
        }
        match (value, self.settings.provider()) {
            (Some(value), _) => ResponseFuture::sent(self.inner.call(signed(request, value)), None),
            (None, Some(provider)) => {
                let provider = Arc::clone(provider);
                self.provided(request, provider)
            }
            (None, None) => ResponseFuture::sent(self.inner.call(request), None),
        }
    }
}

impl<S> Auth<S> {
    /// The same with what a provider has.
    fn provided<B>(
        &mut self,
        request: Request<B>,
        provider: Arc<dyn ProvideAuthorization>,
    ) -> ResponseFuture<S, B>
    where
        S: Service<Request<B>> + Clone,
    {
        let Provided { answer, meanwhile } = provider.provide();
        match answer {
            Answer::Now(Err(fault)) => ResponseFuture::refused(fault),
            Answer::Now(Ok(used)) => {
                let facts = CallFacts::of(request.extensions()).cloned();
                let request = match &used {
                    Some(used) => signed(request, used.header().clone()),
                    None => request,
                };
                let watch = Watch { provider, used, facts, meanwhile };
                ResponseFuture::sent(self.inner.call(request), Some(Box::new(watch)))
            }
            Answer::Later(supply) => {
                // The readied instance goes along with the call; what stays is to be readied anew.
                let clone = self.inner.clone();
                let service = mem::replace(&mut self.inner, clone);
                let watch = Watch {
                    provider,
                    used: None,
                    facts: CallFacts::of(request.extensions()).cloned(),
                    meanwhile,
                };
                ResponseFuture::waiting(Waiting { supply, service, request, watch })
            }
        }
    }
}

/// The request with its header, in place of any that was there.
pub(super) fn signed<B>(mut request: Request<B>, value: HeaderValue) -> Request<B> {
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}
