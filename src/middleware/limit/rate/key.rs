use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::uri::Authority;
use http::{Extensions, HeaderMap, Method, Request, Uri};

use crate::call::{CallFacts, CallKey};

/// What calls are counted by: those with the same key share one quota and one queue.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Key {
    /// Account, operation and the resource above it, as the call's facts say.
    Call(CallKey),
    /// Method and authority: for requests whose facts name no operation.
    Route(Method, Option<Authority>),
    /// Whatever a function of the caller's says.
    Named(Cow<'static, str>),
}

impl Key {
    /// The key of a request where no function says otherwise.
    fn of<B>(request: &Request<B>, facts: Option<&Arc<CallFacts>>) -> Self {
        match facts {
            // A layer above may have made facts for a foreign request: these name no operation,
            // and all such requests would share one quota.
            Some(facts) if !facts.operation().is_empty() => Self::Call(facts.key()),
            _ => Self::Route(request.method().clone(), request.uri().authority().cloned()),
        }
    }
}

/// What a key may be made of: a request without its body.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The URI.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The extensions, the call's facts among them.
    pub extensions: &'a Extensions,
}

impl<'a> RequestHead<'a> {
    fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }
}

type MakeKey = dyn Fn(RequestHead<'_>) -> Key + Send + Sync;

/// How keys are made: as [`Key::of`] does, or by a function of the caller's.
#[derive(Clone, Default)]
pub(super) struct KeyBy(Option<Arc<MakeKey>>);

impl KeyBy {
    pub(super) fn function(make: impl Fn(RequestHead<'_>) -> Key + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(make)))
    }

    pub(super) fn key<B>(&self, request: &Request<B>, facts: Option<&Arc<CallFacts>>) -> Key {
        match &self.0 {
            None => Key::of(request, facts),
            Some(make) => make(RequestHead::of(request)),
        }
    }
}

impl fmt::Debug for KeyBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "KeyBy(function)" } else { "KeyBy(facts)" })
    }
}
