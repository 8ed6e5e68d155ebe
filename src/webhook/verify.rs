use super::cover::{Cover, parameters};
use super::place::Place;
use super::signature::{check, joined};
use super::{Refusal, Signature, Tokens};

/// A callback as it came, to be [verified](verify).
#[derive(Clone, Copy)]
pub struct Callback<'a> {
    /// The whole URL that Twilio called, as the text that it was: not parsed and written anew. It
    /// may have its port or not.
    pub url: &'a str,
    /// The header `Content-Type`, or `None` where there is none.
    pub content_type: Option<&'a str>,
    /// The body, or nothing where there is none, as with a GET.
    pub body: &'a [u8],
    /// The header `X-Twilio-Signature`.
    pub signature: &'a str,
}

/// The mark of a callback whose signature was checked.
///
/// Nobody but [`verify`] makes one, and [`ValidateSignature`](super::ValidateSignature), which puts
/// it into the request's extensions: a handler that asks for it can't be reached without the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub(super) token: usize,
}

impl Verified {
    /// Which of the [`Tokens`] it was signed with, counted from 0.
    #[must_use]
    pub fn token(&self) -> usize {
        self.token
    }
}

/// Checks the signature of a callback, with no service and no runtime.
///
/// ```
/// use twilio_proxy::webhook::{AuthToken, Callback, Refusal, verify};
///
/// let tokens = AuthToken::new("12345")?.into();
/// let callback = Callback {
///     url: "https://mycompany.com/myapp.php?foo=1&bar=2",
///     content_type: Some("application/x-www-form-urlencoded"),
///     body: b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
///     signature: "IK+Dwps556ElfBT0I3Rgjkr1wJU=",
/// };
/// assert!(verify(&tokens, &callback).is_ok());
///
/// let altered = Callback { body: b"Sid=CA124", ..callback };
/// assert_eq!(verify(&tokens, &altered), Err(Refusal::Forged));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The [`Refusal`] says why it is not genuine. See the [module](super) for what a signature covers.
pub fn verify(tokens: &Tokens, callback: &Callback<'_>) -> Result<Verified, Refusal> {
    let signature: Signature = callback.signature.parse()?;
    let place =
        Place::read(callback.url).ok_or(Refusal::Malformed("the URL is not a whole one"))?;
    let cover = Cover::of(place.prefix(), callback.content_type.map(str::as_bytes))?;
    if cover.needs_no_body() {
        let verified = check(tokens, &place, "", &signature)?;
        cover.holds(callback.body)?;
        return Ok(verified);
    }
    verify_form(tokens, &place, callback.body, &signature)
}

/// Checks the signature of a form.
pub(super) fn verify_form(
    tokens: &Tokens,
    place: &Place<'_>,
    body: &[u8],
    signature: &Signature,
) -> Result<Verified, Refusal> {
    let parameters = parameters(body)?;
    let pairs = parameters.iter().map(|(key, value)| (&**key, &**value));
    check(tokens, place, &joined(pairs), signature)
}

impl std::fmt::Debug for Callback<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callback").field("body", &self.body.len()).finish_non_exhaustive()
    }
}
