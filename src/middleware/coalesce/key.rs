//! What makes two reads one: what is asked, by whom, and on what terms.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Uri, Version};
use http_body::Body as _;
use http_body_util::Full;
use tokio::time::Instant;

use crate::call::{CallFacts, CallOptions, Idempotency, TraceContext};

/// A read, compared by value. The hash only finds the place to look in.
#[derive(Clone)]
pub(super) struct Key {
    hash: u64,
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    facts: Option<Arc<CallFacts>>,
}

/// A read that a caller asks for.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) key: Key,
    /// How much time it should have, if it is not under way: the caller's, or that of a read which
    /// ended without an answer for him. So of all who begin anew, the first asks for as much
    /// time as any of them has.
    pub(super) until: Option<Instant>,
}

impl Ask {
    /// Asked for the first time.
    pub(super) fn first(key: Key) -> Self {
        Self { until: key.facts().and_then(|facts| facts.deadline()), key }
    }
}

impl Key {
    /// The key of a request that others may share; `None` of one that goes by itself.
    ///
    /// A body may be anything. So may an extension, the name of a tenant for instance, and it can't be
    /// compared: only the facts are known.
    pub(super) fn of(request: &Request<Full<Bytes>>, hasher: &impl BuildHasher) -> Option<Self> {
        let facts = CallFacts::of(request.extensions());
        let shareable = request.method() == Method::GET
            && request.body().is_end_stream()
            && request.extensions().len() == usize::from(facts.is_some())
            && facts.is_none_or(|facts| facts.idempotency() == Idempotency::Safe);
        shareable.then(|| Self {
            hash: hash(request.uri(), facts, hasher),
            uri: request.uri().clone(),
            version: request.version(),
            headers: request.headers().clone(),
            facts: facts.cloned(),
        })
    }

    /// The facts of the caller whose key it is.
    pub(super) fn facts(&self) -> Option<&Arc<CallFacts>> {
        self.facts.as_ref()
    }

    /// The same read, asked by another caller.
    pub(super) fn asked_by(&self, facts: Option<Arc<CallFacts>>) -> Self {
        Self { facts, ..self.clone() }
    }

    /// The request once more, without facts.
    pub(super) fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// Hashed before any lock is taken, and not again. The scheme and the host are left out: a stack
/// mostly talks to one.
fn hash(uri: &Uri, facts: Option<&Arc<CallFacts>>, hasher: &impl BuildHasher) -> u64 {
    let mut hasher = hasher.build_hasher();
    uri.path().hash(&mut hasher);
    uri.query().hash(&mut hasher);
    if let Some(facts) = facts {
        facts.key().hash(&mut hasher);
        let authorization = facts.options().and_then(CallOptions::wanted_authorization);
        // Or a server with many tenants would look through them all, one by one, under the lock.
        authorization.map(|authorization| authorization.header().as_bytes()).hash(&mut hasher);
    }
    hasher.finish()
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let same_facts = || match (&self.facts, &other.facts) {
            (None, None) => true,
            (Some(own), Some(others)) => own.goes_as(others),
            _ => false,
        };
        self.hash == other.hash
            && self.uri == other.uri
            && self.version == other.version
            && TraceContext::same_without(&self.headers, &other.headers)
            && same_facts()
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Passes on the hash that a key brings with it.
#[derive(Default)]
pub(super) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never called: a key writes one number. A worse hash is still a hash.
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
