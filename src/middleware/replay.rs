//! How a request is sent once more: by retry, by a hedge, to another endpoint.

use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Uri, Version};
use http_body_util::Full;

use crate::call::CallFacts;

/// A request as it came in, kept to be sent again.
///
/// Keeping it raises reference counts and copies nothing, as long as no layer above has put headers
/// or extensions of its own in. Those are cloned, since a replay without them would be another
/// request: about three allocations for headers, two and one each for extensions.
pub(super) struct Replay {
    method: Method,
    uri: Uri,
    version: Version,
    /// Only where there are any: a map takes a hundred bytes even while it is empty.
    headers: Option<Box<HeaderMap>>,
    /// Only where there is more in it than the facts.
    extensions: Option<Extensions>,
    body: Full<Bytes>,
}

impl Replay {
    /// Keeps a request that has facts.
    pub(super) fn of(request: &Request<Full<Bytes>>) -> Self {
        let (headers, extensions) = (request.headers(), request.extensions());
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            headers: (!headers.is_empty()).then(|| Box::new(headers.clone())),
            extensions: (extensions.len() > 1).then(|| extensions.clone()),
            body: request.body().clone(),
        }
    }

    /// The request once more.
    pub(super) fn request(&self, facts: &Arc<CallFacts>) -> Request<Full<Bytes>> {
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = self.version;
        if let Some(headers) = &self.headers {
            request.headers_mut().clone_from(headers);
        }
        match &self.extensions {
            Some(extensions) => *request.extensions_mut() = extensions.clone(),
            None => {
                request.extensions_mut().insert(Arc::clone(facts));
            }
        }
        request
    }
}
