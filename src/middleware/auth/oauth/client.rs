use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::call::{CallFacts, Fault, FaultKind, Idempotency, Origin, Sid, percent};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a token is asked for with. No secret in it is ever printed.
///
/// ```
/// use twilio_proxy::middleware::auth::oauth::Client;
///
/// let client = Client::new("https://id.example/token", "our-id", "hush").scope("sessions");
/// assert!(!format!("{client:?}").contains("hush"));
/// ```
#[derive(Clone)]
pub struct Client {
    token_url: String,
    id: String,
    secret: SecretString,
    scope: Option<String>,
    audience: Option<String>,
    account: Option<Sid>,
    allow_insecure: bool,
}

impl Client {
    /// A client that is known at this token endpoint.
    #[must_use]
    pub fn new(
        token_url: impl Into<String>,
        id: impl Into<String>,
        secret: impl Into<SecretString>,
    ) -> Self {
        Self {
            token_url: token_url.into(),
            id: id.into(),
            secret: secret.into(),
            scope: None,
            audience: None,
            account: None,
            allow_insecure: false,
        }
    }

    /// What the token shall be good for, in the endpoint's words.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Whom the token shall be good for.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// The account that the client acts for, which quotas are counted under: a token doesn't say.
    #[must_use]
    pub fn account(mut self, account: impl Into<Sid>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Lets the secret go over plain `http` to other machines, readable for all on the way. Off by
    /// default; this machine is always allowed.
    #[must_use]
    pub fn allow_insecure(mut self, allow: bool) -> Self {
        self.allow_insecure = allow;
        self
    }

    /// Whether tokens are asked for without TLS.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let origin = self.checked().ok().and_then(|uri| Origin::of(&uri).ok());
        origin.is_some_and(|origin| !origin.is_secure())
    }

    pub(super) fn stated_account(&self) -> Option<Sid> {
        self.account
    }

    /// Where the secret may go.
    pub(super) fn checked(&self) -> Result<Uri, Fault> {
        let config = |detail: String| Fault::new(FaultKind::Config, detail);
        // The URL may hold a password, so it is not said.
        let uri: Uri = self
            .token_url
            .parse()
            .map_err(|_| config("the URL of the token endpoint is none".to_owned()))?;
        let origin = Origin::of(&uri)
            .map_err(|error| config(format!("the token endpoint can't be asked: {error}")))?;
        if !(origin.is_secure() || origin.is_loopback() || self.allow_insecure) {
            let plain = format!("the client's secret would go over plain http to {origin}");
            return Err(config(plain));
        }
        if self.id.is_empty() || self.secret.expose_secret().is_empty() {
            return Err(config("the client's id or secret is empty".to_owned()));
        }
        Ok(uri)
    }

    /// The question. It changes nothing, whatever its method: it may be asked again.
    pub(super) fn request(&self, uri: Uri) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.form()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::CONTENT_TYPE, FORM);
        request.headers_mut().insert(header::ACCEPT, JSON);
        let facts = CallFacts::new("oauth.token", Idempotency::Safe);
        request.extensions_mut().insert(std::sync::Arc::new(facts));
        request
    }

    /// The form, in memory that is wiped when nobody holds it any more.
    fn form(&self) -> Bytes {
        let fields = [
            ("grant_type", Some("client_credentials")),
            ("client_id", Some(self.id.as_str())),
            ("client_secret", Some(self.secret.expose_secret())),
            ("scope", self.scope.as_deref()),
            ("audience", self.audience.as_deref()),
        ];
        let given = || fields.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        // Its final size from the start, or larger: a buffer that grows leaves copies behind.
        let room = given().map(|(name, value)| name.len() + 2 + value.len() * 3).sum();
        let mut form = Zeroizing::new(String::with_capacity(room));
        for (name, value) in given() {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(name);
            form.push('=');
            percent::push(&mut form, value);
        }
        Bytes::from_owner(form)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The id is half of what proves who asks: no more than that there is one.
        f.debug_struct("Client")
            .field("origin", &self.checked().ok().and_then(|uri| Origin::of(&uri).ok()))
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}
