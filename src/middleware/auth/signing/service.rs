use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Request, header};
use http_body::Body;
use http_body_util::Full;
use secrecy::zeroize::Zeroizing;
use tower::Service;

use super::canonical::hashed;
use super::future::{ResponseFuture, unsigned, with_token};
use super::work::Job;
use super::{SigningKey, SigningLayer};
use crate::call::{Fault, FaultKind, Raise};

/// Signs requests. Made by [`SigningLayer`].
#[derive(Clone, Debug)]
pub struct Signing<S> {
    inner: S,
    settings: Arc<SigningLayer>,
}

impl<S> Signing<S> {
    pub(super) fn new(inner: S, settings: &SigningLayer) -> Self {
        Self { inner, settings: Arc::new(settings.clone()) }
    }
}

impl<S> Service<Request<Full<Bytes>>> for Signing<S>
where
    S: Service<Request<Full<Bytes>>> + Clone,
    S::Error: Raise,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        match self.settings.live.read(Option::clone) {
            None => ResponseFuture::sent(self.inner.call(request)),
            Some(key) => self.with(key, request),
        }
    }
}

impl<S> Signing<S> {
    /// Apart, so that the way past it is short enough to be inlined: then nothing is moved for it.
    #[inline(never)]
    fn with(&mut self, key: SigningKey, request: Request<Full<Bytes>>) -> ResponseFuture<S>
    where
        S: Service<Request<Full<Bytes>>> + Clone,
    {
        let SigningLayer { live: _, allowed, names, clock, bench } = &*self.settings;
        let admitted = allowed
            .admit("signed requests", &request)
            .and_then(|()| authorized_by(&key, &request).map_err(str::to_owned));
        if let Err(reason) = admitted {
            return ResponseFuture::refused(Fault::new(FaultKind::Config, reason));
        }
        let hashed = hashed(&request, names, &bytes_of(request.body()));
        let job = Job { key, request: hashed, clock: *clock };
        // Without a runtime of tokio's there are no threads to compute on.
        let Some(bench) = bench.as_ref().filter(|_| tokio::runtime::Handle::try_current().is_ok())
        else {
            return match job.run() {
                Some(token) => ResponseFuture::sent(self.inner.call(with_token(request, token))),
                None => ResponseFuture::refused(unsigned()),
            };
        };
        // The readied instance goes along with the call; what stays is to be readied anew.
        let clone = self.inner.clone();
        let readied = mem::replace(&mut self.inner, clone);
        ResponseFuture::held(readied, request, bench.accept(job))
    }
}

/// Twilio takes a signature only from the very API key that the request is authorized by.
fn authorized_by(key: &SigningKey, request: &Request<Full<Bytes>>) -> Result<(), &'static str> {
    const OTHER: &str = "not sent: requests are signed for an API key, and these credentials are others: \
                         use Credentials::api_key with the key's SID";
    let value = request.headers().get(header::AUTHORIZATION).ok_or(OTHER)?;
    let basic = value.as_bytes().strip_prefix(b"Basic ").ok_or(OTHER)?;
    let plain = Zeroizing::new(BASE64_STANDARD.decode(basic).map_err(|_| OTHER)?);
    let rest = plain.strip_prefix(key.api_key.as_str().as_bytes()).ok_or(OTHER)?;
    if rest.starts_with(b":") { Ok(()) } else { Err(OTHER) }
}

/// All of a body that is one piece, and in memory.
fn bytes_of(body: &Full<Bytes>) -> Bytes {
    let mut body = body.clone();
    match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        _ => Bytes::new(),
    }
}
