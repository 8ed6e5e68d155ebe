//! Whole callbacks, signed as Twilio would: to test one's own endpoint with.

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::Full;

use super::cover::{FORM, HASH, hex_of};
use super::service::HEADER;
use super::{AuthToken, sign};

/// A POST of a form to this URL, with its signature.
///
/// The URL of the request is the one that is signed. Where the server is reached by another one,
/// put that into the request, and leave the signature.
///
/// ```
/// use twilio_proxy::webhook::{AuthToken, signed_form};
///
/// let token = AuthToken::new("12345")?;
/// let callback = signed_form(&token, "https://example.com/status", [("interactionSid", "KI1")])?;
/// assert_eq!(callback.headers()["x-twilio-signature"].len(), 28);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// The URL is none.
pub fn signed_form<K: AsRef<str>, V: AsRef<str>>(
    token: &AuthToken,
    url: &str,
    parameters: impl IntoIterator<Item = (K, V)>,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let parameters: Vec<_> = parameters.into_iter().collect();
    let pairs = || parameters.iter().map(|(key, value)| (key.as_ref(), value.as_ref()));
    let signature = sign(token, url, pairs());
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs()).finish();
    request(url, FORM, &signature.to_string(), body.into())
}

/// A POST of JSON, or of any other body, to this URL, with `bodySHA256` in its query and its
/// signature.
///
/// # Errors
///
/// The URL is none.
pub fn signed_json(
    token: &AuthToken,
    url: &str,
    body: impl Into<Bytes>,
) -> Result<Request<Full<Bytes>>, http::Error> {
    let body = body.into();
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}{HASH}={}", hex_of(&body));
    let signature = sign::<&str, &str>(token, &url, []);
    request(&url, "application/json", &signature.to_string(), body)
}

fn request(
    url: &str,
    content_type: &'static str,
    signature: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, http::Error> {
    Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(header::CONTENT_TYPE, content_type)
        .header(HEADER, signature)
        .body(Full::new(body))
}
