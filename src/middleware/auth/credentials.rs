use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::call::{AccountSid, ApiKeySid, Authorization};

const SCHEME: &str = "Basic ";

/// What a caller proves its identity with. No secret in it is ever printed.
///
/// ```
/// use twilio_proxy::call::AccountSid;
/// use twilio_proxy::middleware::auth::Credentials;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = AccountSid::new("AC00000000000000000000000000000000")?;
/// let credentials = Credentials::auth_token(account, "foobar");
///
/// let header = credentials.authorization().unwrap();
/// assert_eq!(
///     header.header(),
///     "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDpmb29iYXI=",
/// );
/// assert!(!format!("{credentials:?}").contains("foobar"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Credentials {
    kind: Kind,
}

#[derive(Clone, Default)]
enum Kind {
    #[default]
    None,
    AuthToken {
        account: AccountSid,
        token: SecretString,
    },
    ApiKey {
        key: ApiKeySid,
        secret: SecretString,
        account: Option<AccountSid>,
    },
}

impl Credentials {
    /// No credentials: for a trusted sidecar that adds its own.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// An account and its auth token.
    #[must_use]
    pub fn auth_token(account: AccountSid, token: impl Into<SecretString>) -> Self {
        Self { kind: Kind::AuthToken { account, token: token.into() } }
    }

    /// An API key and its secret.
    ///
    /// The key alone is proof enough for Proxy. Its account is needed where quotas are counted by
    /// account, or where requests are signed.
    #[must_use]
    pub fn api_key(
        key: ApiKeySid,
        secret: impl Into<SecretString>,
        account: impl Into<Option<AccountSid>>,
    ) -> Self {
        Self { kind: Kind::ApiKey { key, secret: secret.into(), account: account.into() } }
    }

    /// Whether these are [`Credentials::none`].
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self.kind, Kind::None)
    }

    /// The account that these speak for, where known.
    #[must_use]
    pub fn account(&self) -> Option<AccountSid> {
        match self.kind {
            Kind::None => None,
            Kind::AuthToken { account, .. } => Some(account),
            Kind::ApiKey { account, .. } => account,
        }
    }

    /// The `Authorization` header, ready made, or `None` where there are no credentials.
    ///
    /// Each call computes it anew: keep it, as [`AuthLayer`](super::AuthLayer) does.
    #[must_use]
    pub fn authorization(&self) -> Option<Authorization> {
        let header = match &self.kind {
            Kind::None => return None,
            Kind::AuthToken { account, token } => basic(account.as_str(), token),
            Kind::ApiKey { key, secret, .. } => basic(key.as_str(), secret),
        };
        Some(Authorization::new(header, self.account().map(Into::into)))
    }
}

/// `Basic base64(user:password)`. <https://www.rfc-editor.org/rfc/rfc7617#section-2>
fn basic(user: &str, password: &SecretString) -> HeaderValue {
    let password = password.expose_secret();
    // Both buffers have their final size from the start. One that grew would leave a copy behind
    // that nobody wipes.
    let length = user.len() + 1 + password.len();
    let mut plain = Zeroizing::new(String::with_capacity(length));
    plain.push_str(user);
    plain.push(':');
    plain.push_str(password);
    let mut value = String::with_capacity(SCHEME.len() + length.div_ceil(3) * 4);
    value.push_str(SCHEME);
    STANDARD.encode_string(plain.as_bytes(), &mut value);
    // Never the default, for base64 is printable; and that would fail at the server, not leak.
    HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap_or(HeaderValue::from_static("Basic"))
}

/// The account that an `Authorization` header names: the user of the Basic scheme, if that is one. An
/// API key, or a token, doesn't say whose it is.
pub(crate) fn account_of(header: &HeaderValue) -> Option<AccountSid> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    let encoded = scheme.eq_ignore_ascii_case("basic").then(|| encoded.trim())?;
    // It has the password in it.
    let plain = Zeroizing::new(STANDARD.decode(encoded).ok()?);
    let user = plain.split(|byte| *byte == b':').next()?;
    AccountSid::new(std::str::from_utf8(user).ok()?).ok()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::None => f.write_str("Credentials::None"),
            Kind::AuthToken { account, .. } => f
                .debug_struct("Credentials::AuthToken")
                .field("account", account)
                .finish_non_exhaustive(),
            Kind::ApiKey { key, account, .. } => f
                .debug_struct("Credentials::ApiKey")
                .field("key", key)
                .field("account", account)
                .finish_non_exhaustive(),
        }
    }
}
