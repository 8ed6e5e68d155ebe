use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY};
use secrecy::{ExposeSecret, SecretString};

use crate::call::Live;

/// An account's auth token, as the key that it signs callbacks with.
///
/// Only the key's state is kept, not the token, and that is wiped when it is dropped. Nothing
/// prints it.
///
/// Twilio signs with the **primary auth token** of the account: a secondary one that was not promoted
/// yet signs nothing. <https://www.twilio.com/docs/api/errors/57012>
#[derive(Clone)]
pub struct AuthToken {
    key: hmac::Key,
}

impl AuthToken {
    /// The key that this token makes.
    ///
    /// # Errors
    ///
    /// The token is empty. That is a setting somebody forgot, and anybody can sign with it.
    pub fn new(token: impl Into<SecretString>) -> Result<Self, EmptyToken> {
        let token = token.into();
        let token = token.expose_secret();
        if token.trim().is_empty() {
            return Err(EmptyToken);
        }
        // SHA-1 is broken for collisions, and not in an HMAC; and it is what Twilio sends.
        Ok(Self { key: hmac::Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes()) })
    }

    pub(super) fn key(&self) -> &hmac::Key {
        &self.key
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthToken(..)")
    }
}

/// Why a text can't be a token: there is nothing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmptyToken;

impl fmt::Display for EmptyToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the auth token is empty, and anybody could sign with that")
    }
}

impl std::error::Error for EmptyToken {}

/// The tokens that a callback may be signed with, and any of them will do.
///
/// One, but while a token is being rotated: put the new one in beside the old one *before* Twilio
/// signs with it, and take the old one out when no callback has come with it for a while
/// ([`Verified::token`](super::Verified::token) says which one it was).
///
/// ```
/// use twilio_proxy::call::Live;
/// use twilio_proxy::webhook::{AuthToken, Tokens};
///
/// let tokens = Live::new(Tokens::from(AuthToken::new("today's")?));
/// // The layer has a clone of the handle; the promotion needs no other server.
/// tokens.set(Tokens::from_iter([AuthToken::new("tomorrow's")?, AuthToken::new("today's")?]));
/// # Ok::<(), twilio_proxy::webhook::EmptyToken>(())
/// ```
///
/// With no token at all, no callback is genuine.
#[derive(Clone, Default)]
pub struct Tokens(Box<[AuthToken]>);

impl Tokens {
    pub(super) fn iter(&self) -> impl Iterator<Item = &AuthToken> {
        self.0.iter()
    }
}

impl From<AuthToken> for Tokens {
    fn from(token: AuthToken) -> Self {
        Self([token].into())
    }
}

impl FromIterator<AuthToken> for Tokens {
    fn from_iter<I: IntoIterator<Item = AuthToken>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl From<AuthToken> for Live<Tokens> {
    fn from(token: AuthToken) -> Self {
        Self::new(token.into())
    }
}

/// How many there are.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}
