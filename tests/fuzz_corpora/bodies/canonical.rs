//! Signed requests: what is signed is what the rule says, and one for all spellings of a request.

use std::future::{Ready, ready};
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use twilio_proxy::call::{BoxError, Origin};
use twilio_proxy::middleware::auth::signing::{SigningKey, SigningLayer};

const API_KEY: &str = "SK0123456789abcdef0123456789abcdef";
/// Of the API key and the secret `hush`.
static BASIC: LazyLock<String> =
    LazyLock::new(|| format!("Basic {}", STANDARD.encode(format!("{API_KEY}:hush"))));

/// Made anew for each run: no private key sits in the repository.
static LAYER: LazyLock<SigningLayer> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    let key = SigningKey::from_pem(
        pem,
        "CR0123456789abcdef0123456789abcdef".parse().unwrap(),
        API_KEY.parse().unwrap(),
        "AC00000000000000000000000000000000".parse().unwrap(),
    );
    let origin = Origin::of(&"https://api.twilio.com".parse().unwrap()).unwrap();
    let layer = SigningLayer::new(key.unwrap(), [origin]).in_place(true);
    SIGNED.iter().fold(layer, |layer, name| layer.sign_header(HeaderName::from_static(name)))
});

/// Headers that are signed besides. One name begins with the other: their lines sort in another order.
const SIGNED: [&str; 3] = ["x-fuzz", "x-fuzz-more", "content-type"];

/// What is asked for.
#[derive(Clone)]
struct Asked {
    method: Method,
    path: String,
    query: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

/// Method, path and query, two headers, and the body.
pub(super) fn canonical(data: &[u8]) {
    let Some(([method, path, one, two], body)) = super::lines::<4>(data) else { return };
    let Ok(method) = method.parse::<Method>() else { return };
    let Ok(uri) = format!("https://api.twilio.com{path}").parse::<http::Uri>() else { return };
    if !path.starts_with('/') || uri.host() != Some("api.twilio.com") {
        return;
    }
    let mut headers = Vec::new();
    for line in [one, two].into_iter().filter(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_once(':') else { return };
        let Ok(name) = name.parse::<HeaderName>() else { return };
        let Ok(value) = HeaderValue::from_str(value) else { return };
        if name != header::AUTHORIZATION {
            headers.push((name, value));
        }
    }
    let asked = Asked {
        method,
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        headers,
        body: Bytes::copy_from_slice(body),
    };
    if asked.headers.iter().filter(|(name, _)| *name == header::HOST).count() > 1 {
        return;
    }
    let Some(signed) = hash(&asked) else {
        // Whatever stands before the API may send it on to there.
        let host = asked.headers.iter().find(|(name, _)| *name == header::HOST).unwrap();
        let host = host.1.to_str().unwrap_or_default().to_ascii_lowercase();
        return assert!(!matches!(host.as_str(), "api.twilio.com" | "api.twilio.com:443"));
    };
    assert_eq!(signed, expected(&asked));
    // Another spelling of the same request: which of them, the input says by its length.
    let mut other = asked.clone();
    match data.len() % 4 {
        0 => other.headers.reverse(),
        1 => {
            other.query = other.query.map(|query| {
                let mut pairs: Vec<_> = query.split('&').collect();
                pairs.reverse();
                format!("&{}&", pairs.join("&&"))
            });
        }
        2 => other.path = path_of(&other.path),
        // Every byte as an escape, where there is none yet.
        _ if !other.path.contains('%') => {
            other.path = other.path.bytes().fold(String::new(), |path, byte| match byte {
                b'/' => path + "/",
                byte => format!("{path}%{byte:02x}"),
            });
        }
        _ => return,
    }
    assert_eq!(hash(&other).as_ref(), Some(&signed), "{:?}", other.path);
}

/// The hash in the token that the layer adds; `None` where it refuses to.
fn hash(asked: &Asked) -> Option<Value> {
    let query = asked.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
    let mut request = Request::builder()
        .method(asked.method.clone())
        .uri(format!("https://api.twilio.com{}{query}", asked.path))
        .header(header::AUTHORIZATION, BASIC.as_str())
        .body(Full::new(asked.body.clone()))
        .unwrap();
    for (name, value) in &asked.headers {
        request.headers_mut().append(name, value.clone());
    }
    let inner = |request: Request<Full<Bytes>>| -> Ready<Result<_, BoxError>> {
        ready(Ok(Response::new(request.headers()["twilio-client-validation"].clone())))
    };
    let answer = LAYER.layer(tower::service_fn(inner)).oneshot(request);
    let token = answer.now_or_never().expect("in place").ok()?.into_body();
    assert!(token.is_sensitive());
    let claims = token.to_str().unwrap().split('.').nth(1).unwrap();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    Some(serde_json::json!([claims["hrh"], claims["rqh"]]))
}

/// The rule, once more: <https://www.twilio.com/docs/iam/pkcv/quickstart>.
fn expected(asked: &Asked) -> Value {
    let collapse = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split([' ', '\t', '\n', '\r', '\u{c}'])
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let mut lines = Vec::new();
    let host = asked.headers.iter().find(|(name, _)| *name == header::HOST);
    let host =
        host.map_or_else(|| "api.twilio.com".into(), |(_, value)| collapse(value.as_bytes()));
    let host = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(&host);
    lines.push(("host", host.to_owned()));
    lines.push(("authorization", BASIC.clone()));
    for name in SIGNED {
        let values = asked.headers.iter().filter(|(of, _)| *of == name);
        let mut values: Vec<_> = values.map(|(_, value)| collapse(value.as_bytes())).collect();
        values.sort();
        if !values.is_empty() {
            lines.push((name, values.join(",")));
        }
    }
    let mut names: Vec<_> = lines.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let names = names.join(";");
    let mut lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    lines.sort_by(|one, other| one.trim_end_matches('\n').cmp(other.trim_end_matches('\n')));
    let mut query: Vec<_> = asked.query.as_deref().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    let query = query.into_iter().filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        format!("{}={}", strict(name, true), strict(value, true))
    });
    let query = query.collect::<Vec<_>>().join("&");
    let body = if asked.body.is_empty() { String::new() } else { hex(&asked.body) };
    let path = path_of(&asked.path);
    let text = format!(
        "{}\n{path}\n{query}\n{}\n{names}\n{body}",
        asked.method.as_str().to_uppercase(),
        lines.concat()
    );
    serde_json::json!([names, hex(text.as_bytes())])
}

fn path_of(path: &str) -> String {
    let segments: Vec<_> = path.split('/').skip(1).map(|it| strict(it, false)).collect();
    let mut kept: Vec<&str> = Vec::new();
    for segment in &segments {
        match segment.as_str() {
            "." => {}
            ".." => _ = kept.pop(),
            other => kept.push(other),
        }
    }
    if matches!(segments.last().map(String::as_str), Some("." | "..")) {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

/// Bytes, each either itself or an escape.
fn strict(text: &str, plus_is_space: bool) -> String {
    let (bytes, mut at, mut strict) = (text.as_bytes(), 0, String::new());
    while at < bytes.len() {
        let escape =
            text.get(at + 1..at + 3).filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()));
        let byte = match (bytes[at], escape) {
            (b'%', Some(digits)) => {
                at += 2;
                u8::from_str_radix(digits, 16).unwrap()
            }
            (b'+', _) if plus_is_space => b' ',
            (byte, _) => byte,
        };
        at += 1;
        match byte {
            b'-' | b'.' | b'_' | b'~' => strict.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => strict.push(char::from(byte)),
            byte => strict.push_str(&format!("%{byte:02X}")),
        }
    }
    strict
}

fn hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
