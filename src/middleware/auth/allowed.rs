//! The origins that something may go to.

use std::sync::Arc;

use http::uri::Authority;
use http::{Request, Uri, header};

use crate::call::Origin;

/// A list of origins, and whether plain `http` to other machines is fine.
#[derive(Clone, Debug)]
pub(super) struct Allowed {
    origins: Arc<[Origin]>,
    insecure: bool,
}

impl Allowed {
    pub(super) fn new(origins: impl IntoIterator<Item = Origin>) -> Self {
        Self { origins: origins.into_iter().collect(), insecure: false }
    }

    pub(super) fn insecure(mut self, allow: bool) -> Self {
        self.insecure = allow;
        self
    }

    /// Whether these may go where the request goes, and to what it names as its `Host` where it does:
    /// whatever stands before the API may send requests on by it. Or why not.
    pub(super) fn admit<B>(&self, these: &str, request: &Request<B>) -> Result<(), String> {
        let uri = request.uri();
        let Some(origin) = self.origins.iter().find(|origin| origin.matches(uri)) else {
            let origin = Origin::of(uri).map(|origin| origin.to_string());
            let origin = origin.unwrap_or_else(|_| "a URL without a clear origin".to_owned());
            return Err(format!("not sent: {these} are not meant for {origin}"));
        };
        if !(origin.is_secure() || origin.is_loopback() || self.insecure) {
            return Err(format!("not sent: {these} would go over plain http to {origin}"));
        }
        let Some(host) = request.headers().get(header::HOST) else { return Ok(()) };
        let named = Authority::try_from(host.as_bytes()).ok().and_then(|authority| {
            let named = Uri::builder().scheme(uri.scheme_str()?).authority(authority);
            named.path_and_query("/").build().ok()
        });
        if named.is_some_and(|named| self.origins.iter().any(|origin| origin.matches(&named))) {
            return Ok(());
        }
        Err(format!("not sent: {these} are not meant for what the Host header names"))
    }
}
