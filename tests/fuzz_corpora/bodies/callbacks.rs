//! Callbacks: whether they are genuine, and what they say.

use std::collections::BTreeSet;
use std::future::{Ready, ready};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Full;
use serde_json::{Map, Value};
use tower::{Layer, ServiceExt};
use twilio_proxy::webhook::{
    AuthToken, Callback, InterceptCallback, OutOfSessionCallback, PublicUrl, Refusal, Signature,
    StatusCallback, Tokens, ValidateSignatureLayer, Verified, signed_form, verify,
};

const TOKEN: &str = "12345";
const FORM: &str = "application/x-www-form-urlencoded";

/// URL, content type, signature, and the body. Where the signature is `@`, it is the one that belongs there.
pub(super) fn signature(data: &[u8]) {
    let Some(([url, content_type, given], body)) = super::lines::<3>(data) else { return };
    let pairs: BTreeSet<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let is_form = content_type.split(';').next().unwrap().trim().eq_ignore_ascii_case(FORM);
    let hash = url.split_once('?').map(|(_, query)| hashes(query)).unwrap_or_default();
    let covered = is_form && hash.is_empty();
    let genuine = naive(url, covered.then_some(&pairs));
    let signature = if given == "@" { genuine.as_str() } else { given };
    let judged = judge(url, content_type, body, signature);
    let whole = is_whole(url);
    match judged {
        Ok(verified) => {
            assert_eq!(verified.token(), 0);
            assert!(
                whole
                    && spellings(url)
                        .iter()
                        .any(|url| { naive(url, covered.then_some(&pairs)) == signature })
            );
            assert!(covered || body.is_empty() || hash == [hex(body)]);
        }
        Err(refusal) => {
            let odd = matches!(refusal, Refusal::Malformed(_));
            // What belongs there is refused only where the callback can't be one.
            let may_be =
                odd || (!covered && matches!(refusal, Refusal::Unsigned | Refusal::Altered));
            assert!(signature != genuine || may_be, "{refusal:?}");
            assert!(matches!(refusal.status().as_u16(), 400 | 403));
        }
    }
    // A signature is one spelling of its bytes.
    if let Ok(read) = signature.parse::<Signature>() {
        assert_eq!(read.to_string(), signature);
        assert!(!format!("{read:?}").contains(signature));
    }
    if covered && judged.is_ok() {
        // Another parameter, another signature; the same ones in another order, the same.
        let more = [body, b"&fuzz=1"].concat();
        let same = pairs.contains(&("fuzz".into(), "1".into()));
        assert_eq!(judge(url, content_type, &more, signature).is_ok(), same);
        let text = std::str::from_utf8(body).unwrap();
        let reversed: Vec<_> = text.rsplit('&').collect();
        assert_eq!(judge(url, content_type, reversed.join("&").as_bytes(), signature), judged);
        let other = Tokens::from(AuthToken::new("54321").unwrap());
        let callback = Callback { url, content_type: Some(content_type), body, signature };
        assert_eq!(verify(&other, &callback), Err(Refusal::Forged));
    }
    through_the_layer(url, content_type, body, signature, judged);
    if let Ok(request) = signed_form(&AuthToken::new(TOKEN).unwrap(), url, pairs.clone()) {
        let header = request.headers()["x-twilio-signature"].to_str().unwrap().to_owned();
        let body = request.into_body().collect_now();
        assert!(!whole || !hash.is_empty() || judge(url, FORM, &body, &header).is_ok());
    }
}

fn judge(url: &str, kind: &str, body: &[u8], signature: &str) -> Result<Verified, Refusal> {
    let tokens = Tokens::from(AuthToken::new(TOKEN).unwrap());
    verify(&tokens, &Callback { url, content_type: Some(kind), body, signature })
}

/// The layer lets through what the function does, where a request can say it at all.
fn through_the_layer(
    url: &str,
    kind: &str,
    body: &[u8],
    signature: &str,
    judged: Result<Verified, Refusal>,
) {
    let Some(rest) = url.strip_prefix("https://hooks.example") else { return };
    if !rest.starts_with('/') || rest.contains('#') {
        return;
    }
    let request = Request::post(rest)
        .header("x-twilio-signature", signature)
        .header("content-type", kind)
        .body(Full::new(Bytes::copy_from_slice(body)));
    let Ok(request) = request else { return };
    let public = PublicUrl::new("https://hooks.example").unwrap();
    let layer = ValidateSignatureLayer::new(AuthToken::new(TOKEN).unwrap(), public);
    let handler = |request: Request<Full<Bytes>>| -> Ready<Result<_, std::convert::Infallible>> {
        assert!(request.extensions().get::<Verified>().is_some());
        ready(Ok(Response::new(String::new())))
    };
    let answer = layer.layer(tower::service_fn(handler)).oneshot(request);
    let status = answer.now_or_never().expect("the body is here").unwrap().status();
    assert_eq!(status, judged.map_or_else(|refusal| refusal.status(), |_| StatusCode::OK));
}

/// The rule, written down as simply as can be.
fn naive(url: &str, pairs: Option<&BTreeSet<(String, String)>>) -> String {
    let mut text = url.to_owned();
    for (key, value) in pairs.into_iter().flatten() {
        text.push_str(key);
        text.push_str(value);
    }
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
    STANDARD.encode(sign(&key, text.as_bytes()))
}

/// The URL without its port, and with the one that it has or its scheme's.
fn spellings(url: &str) -> [String; 2] {
    let (scheme, rest) = url.split_once("://").unwrap();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let own = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let digits = |port: &str| !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if digits(port) => (host, port),
        _ => (authority, own),
    };
    [format!("{scheme}://{host}{rest}"), format!("{scheme}://{host}:{port}{rest}")]
}

fn is_whole(url: &str) -> bool {
    let Some((scheme, _)) = url.split_once("://") else { return false };
    let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let bare = &spellings(url)[0][scheme.len() + "://".len()..];
    known && !bare.is_empty() && !bare.starts_with(['/', '?', '#'])
}

fn hashes(query: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let hashes = pairs.filter(|(name, _)| name == "bodySHA256");
    hashes.map(|(_, hash)| hash.to_ascii_lowercase()).collect()
}

fn hex(body: &[u8]) -> String {
    digest(&SHA256, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

trait CollectNow {
    fn collect_now(self) -> Bytes;
}

impl CollectNow for Full<Bytes> {
    fn collect_now(self) -> Bytes {
        use http_body_util::BodyExt as _;
        self.collect().now_or_never().expect("it is here").unwrap().to_bytes()
    }
}

/// The three callbacks, as forms and as JSON.
pub(super) fn parameters(data: &[u8]) {
    let json = HeaderMap::from_iter([(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    )]);
    macro_rules! each {
        ($($kind:ident)*) => {$({
            let _ = $kind::from_json(data);
            assert_eq!($kind::decode(&json, data), $kind::from_json(data));
            let read = $kind::from_form(data);
            assert_eq!($kind::decode(&HeaderMap::new(), data), read);
            if let Ok(read) = read {
                let pairs: Vec<_> = form_urlencoded::parse(data).into_owned().collect();
                let given: Vec<_> = pairs.iter().filter(|(_, value)| !value.is_empty()).collect();
                let names: BTreeSet<_> = given.iter().map(|(name, _)| name).collect();
                // Nothing that is there once is lost, however it is written.
                if names.len() == given.len() {
                    let map: Map<String, Value> =
                        given.into_iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
                    let body = Value::Object(map).to_string();
                    assert_eq!($kind::from_json(body.as_bytes()), Ok(read.clone()));
                }
                // What has no place is not shown, unless it stands somewhere else as well.
                let shown = format!("{read:?}");
                for value in read.extra.values().filter_map(Value::as_str) {
                    let places = pairs.iter().flat_map(|(name, value)| [name, value]);
                    let once = places.filter(|text| text.contains(value)).count() == 1;
                    assert!(!once || !super::is_foreign(value, 24) || !shown.contains(value), "{shown}");
                }
            }
        })*};
    }
    each!(StatusCallback InterceptCallback OutOfSessionCallback);
    if let Ok(callback) = StatusCallback::from_form(data) {
        let _ = (callback.interaction.body(), callback.interaction.duration());
    }
}
