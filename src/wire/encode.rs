use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use http_body_util::Full;

use super::{Endpoint, EndpointError, OperationMeta};
use crate::call::{CallFacts, CallId, CallOptions, Idempotency, Sid, percent};

/// Room for the longest usual path, and some to spare: `Bytes` made from a buffer with spare room is
/// shared from the start, so that retry's copy of the URI allocates nothing.
const PATH_CAPACITY: usize = 160;

/// Where an operation says itself: path, query and form go in, a request comes out.
///
/// Everything is escaped here and nowhere else, one segment, one key or one value at a time, so
/// no input can reach another path or smuggle a parameter in.
pub struct Encoder<'a> {
    endpoint: &'a Endpoint,
    meta: OperationMeta,
    path: String,
    has_query: bool,
    form: String,
    body: Option<Bytes>,
    absolute: Option<Uri>,
    scope: Option<Sid>,
    account: Option<Sid>,
    options: Option<Box<CallOptions>>,
}

impl<'a> Encoder<'a> {
    /// An encoder for one call of an operation at an endpoint.
    #[must_use]
    pub fn new(endpoint: &'a Endpoint, meta: OperationMeta) -> Self {
        let mut path = String::with_capacity(PATH_CAPACITY);
        path.push_str(endpoint.prefix());
        Self {
            endpoint,
            meta,
            path,
            has_query: false,
            form: String::new(),
            body: None,
            absolute: None,
            scope: None,
            account: None,
            options: None,
        }
    }

    /// Appends one path segment, escaped.
    ///
    /// # Errors
    ///
    /// Empty, `.` and `..` are refused: no escape keeps a server or something on the way from
    /// reading them as another path. `name` is what the message calls it.
    pub fn segment(&mut self, name: &'static str, value: &str) -> Result<&mut Self, EncodeError> {
        if matches!(value, "" | "." | "..") {
            return Err(EncodeError::new(
                name,
                "must not be empty, \".\" or \"..\": in a path these lead elsewhere",
            ));
        }
        self.path.push('/');
        percent::push(&mut self.path, value);
        Ok(self)
    }

    /// Appends literal text of the template, such as `/v1/Services`. Not escaped.
    pub fn literal(&mut self, text: &'static str) -> &mut Self {
        self.path.push_str(text);
        self
    }

    /// Appends a query parameter.
    pub fn query(&mut self, key: &str, value: impl fmt::Display) -> &mut Self {
        self.path.push(if self.has_query { '&' } else { '?' });
        self.has_query = true;
        pair(&mut self.path, key, value);
        self
    }

    /// Appends a form parameter; the same key may come again.
    pub fn field(&mut self, key: &str, value: impl fmt::Display) -> &mut Self {
        if self.form.is_empty() {
            self.form.reserve(PATH_CAPACITY);
        } else {
            self.form.push('&');
        }
        pair(&mut self.form, key, value);
        self
    }

    /// Goes to a URL that the server named instead of a path, such as the next page's.
    ///
    /// # Errors
    ///
    /// It is none, or leads to another origin.
    pub fn absolute(&mut self, name: &'static str, url: &str) -> Result<&mut Self, EncodeError> {
        let uri = self.endpoint.admit(url).map_err(|error| EncodeError::elsewhere(name, error))?;
        self.absolute = Some(uri);
        Ok(self)
    }

    /// Takes a request as somebody else has said it: path, query and body byte for byte, and what is
    /// known of it in place of the operation's own. Its media type is a header like any other.
    ///
    /// # Errors
    ///
    /// The path does not begin with a slash, or has a segment that leads elsewhere, however it is
    /// escaped; see [`Encoder::segment`].
    pub(crate) fn as_said(
        &mut self,
        meta: OperationMeta,
        path_and_query: &str,
        body: Bytes,
    ) -> Result<&mut Self, EncodeError> {
        let path = path_and_query.split_once('?').map_or(path_and_query, |(path, _)| path);
        // An escaped slash is one to some servers, and so is a backslash.
        let leads_elsewhere = |segment: &str| {
            let segment = percent::decode(segment);
            segment
                .is_some_and(|text| text.split(['/', '\\']).any(|part| matches!(part, "." | "..")))
        };
        if !path.starts_with('/') || path.split('/').any(leads_elsewhere) {
            return Err(EncodeError::new("path", "must be absolute, without \".\" and \"..\""));
        }
        self.meta = meta;
        self.path.truncate(self.endpoint.prefix().len());
        self.path.push_str(path_and_query);
        self.body = Some(body);
        Ok(self)
    }

    /// Says under which resource quotas count the call; Proxy counts by Service.
    pub fn scope(&mut self, sid: impl Into<Sid>) -> &mut Self {
        self.scope = Some(sid.into());
        self
    }

    /// Says of this one call whether it may be repeated, such as a create that has a name.
    pub fn idempotency(&mut self, idempotency: Idempotency) -> &mut Self {
        self.meta.idempotency = idempotency;
        self
    }

    /// Adds the call's own wishes; they go before any that were added already.
    pub fn options(&mut self, options: CallOptions) -> &mut Self {
        let options = match self.options.take() {
            Some(earlier) => options.or(*earlier),
            None => options,
        };
        self.options = Some(Box::new(options));
        self
    }

    /// Says which account quotas count the call under, unless it brings credentials of another.
    pub fn account(&mut self, account: Option<Sid>) -> &mut Self {
        self.account = account;
        self
    }

    /// The request: absolute URI, form and facts.
    ///
    /// # Errors
    ///
    /// Extra form parameters for an operation that has no form, or a path that is too long (64 KiB).
    pub fn finish(mut self, id: Option<CallId>) -> Result<Request<Full<Bytes>>, EncodeError> {
        if let Some(options) = self.options.take() {
            if !options.extra_form().is_empty() && self.meta.method != Method::POST {
                return Err(EncodeError::new("form", "this operation has no form to extend"));
            }
            for (key, value) in options.extra_form() {
                self.field(key, value);
            }
            self.options = Some(options);
        }
        let uri = match self.absolute {
            Some(uri) => uri,
            None => {
                let path = PathAndQuery::from_maybe_shared(Bytes::from(self.path))
                    .map_err(|_| EncodeError::new("path", "longer than a URL may be"))?;
                self.endpoint.uri(path)
            }
        };
        let mut facts = CallFacts::new(self.meta.name, self.meta.idempotency)
            .with_template(self.meta.template)
            .with_scope(self.scope)
            .with_account(self.account);
        if let Some(id) = id {
            facts = facts.with_id(id);
        }
        let mut headers = http::HeaderMap::new();
        if let Some(options) = self.options {
            headers = options.extra_headers().clone();
            facts = facts.with_options(Some(options));
        }
        if self.meta.method == Method::POST && self.body.is_none() {
            facts = facts.with_content_type("application/x-www-form-urlencoded");
        }
        let mut request =
            Request::new(Full::new(self.body.unwrap_or_else(|| Bytes::from(self.form))));
        *request.method_mut() = self.meta.method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(Arc::new(facts));
        Ok(request)
    }
}

/// Prints no path and no form: there are phone numbers in them.
impl fmt::Debug for Encoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// `key=value`, both escaped, without a buffer in between.
fn pair(to: &mut String, key: &str, value: impl fmt::Display) {
    struct Escaping<'a>(&'a mut String);
    impl fmt::Write for Escaping<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            percent::push(self.0, text);
            Ok(())
        }
    }
    percent::push(to, key);
    to.push('=');
    // Writing into a string can't fail; a `Display` that claims so has at least written what it could.
    let _ = write!(Escaping(to), "{value}");
}

/// Why a call was not sent: a parameter that the API would not take, or that must not leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    parameter: &'static str,
    problem: Cow<'static, str>,
}

impl EncodeError {
    /// A parameter, by its name in the API, and what is wrong with it.
    ///
    /// The problem must not repeat the value: it may be a phone number.
    #[must_use]
    pub fn new(parameter: &'static str, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { parameter, problem: problem.into() }
    }

    fn elsewhere(parameter: &'static str, error: EndpointError) -> Self {
        Self::new(parameter, error.to_string())
    }

    /// The parameter, by its name in the API.
    #[must_use]
    pub fn parameter(&self) -> &'static str {
        self.parameter
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.parameter, self.problem)
    }
}

impl std::error::Error for EncodeError {}
