//! Where secrets are read from: token endpoints, files, PEM. None of it is ever repeated.

use std::future::ready;
use std::path::PathBuf;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tower::{Layer, ServiceExt};
use twilio_proxy::call::{BoxError, Effect, Fault, FaultKind, Origin};
use twilio_proxy::middleware::auth::oauth::{Client, ClientCredentials};
use twilio_proxy::middleware::auth::signing::SigningKey;
use twilio_proxy::middleware::auth::{AuthLayer, Credentials, FileCredentials};

/// Status, `Retry-After`, and the answer of a token endpoint.
pub(super) fn token_answer(data: &[u8]) {
    let Some(([status, wait], body)) = super::lines::<2>(data) else { return };
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else { return };
    let Ok(wait) = HeaderValue::from_str(wait) else { return };
    let answer = Bytes::copy_from_slice(body);
    let endpoint = tower::service_fn(move |_: Request<Full<Bytes>>| {
        let mut answer = Response::new(Full::new(answer.clone()));
        *answer.status_mut() = status;
        answer.headers_mut().insert(header::RETRY_AFTER, wait.clone());
        ready(Ok::<_, BoxError>(answer))
    });
    let client = Client::new("https://id.example/token", "our-id", "hush");
    let provider = ClientCredentials::new(client, endpoint).unwrap();
    let origin = Origin::of(&"https://api.example".parse().unwrap()).unwrap();
    let api = |request: Request<Full<Bytes>>| {
        let header = request.headers()[header::AUTHORIZATION].clone();
        ready(Ok::<_, Fault>(Response::new(header)))
    };
    let stack = AuthLayer::from_provider(provider, [origin]).layer(tower::service_fn(api));
    let request = Request::get("https://api.example/").body(Full::default()).unwrap();
    let token = serde_json::from_slice::<Value>(body).ok();
    let token = token.as_ref().and_then(|answer| answer.get("access_token")?.as_str());
    match super::in_paused_time(stack.oneshot(request)) {
        Ok(answer) => {
            let header = answer.into_body();
            assert!(status.is_success() && header.is_sensitive());
            let sent = header.to_str().unwrap().strip_prefix("Bearer ").unwrap();
            // What is none of its own may be broken in an answer, and then only our type reads it.
            assert!(token.is_none_or(|token| token == sent));
            let token = sent.trim_end_matches('=');
            let fits = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
            assert!(!token.is_empty() && token.chars().all(fits));
        }
        Err(fault) => {
            assert_eq!(fault.effect(), Effect::None);
            assert!(matches!(fault.kind(), FaultKind::Config | FaultKind::Credentials));
            let shown = format!("{fault} {fault:?}");
            assert!(!shown.contains("hush"));
            // Words of the standard are said, and no word that could be a secret.
            let is_secret = |token: &&str| {
                // A number alone may be how long to wait.
                let is_number = token.trim_end_matches('s').bytes().all(|b| b.is_ascii_digit());
                super::is_foreign(token, 8) && token.contains(is_digit) && !is_number
            };
            assert!(token.filter(is_secret).is_none_or(|token| !shown.contains(token)), "{shown}");
        }
    }
}

fn is_digit(letter: char) -> bool {
    letter.is_ascii_digit()
}

/// A file of one process's, for what can only be read from one.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("twilio-proxy-fuzz-{}", std::process::id()))
});

/// A file with credentials, and the same as variables.
pub(super) fn credentials_file(data: &[u8]) {
    std::fs::write(&*FILE, data).unwrap();
    let from_file = FileCredentials::open(&*FILE);
    let _ = std::fs::remove_file(&*FILE);
    let said = match &from_file {
        Ok(file) => format!("{file:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    let Ok(text) = std::str::from_utf8(data) else { return assert!(from_file.is_err()) };
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let pairs: Vec<_> = text.lines().filter_map(|line| line.trim().split_once('=')).collect();
    for (name, value) in &pairs {
        let is_secret = name.ends_with("TOKEN") || name.ends_with("SECRET");
        let elsewhere = FILE.display().to_string();
        let unlike = super::is_foreign(value, 12) && value.contains(is_digit);
        let is_secret = is_secret && unlike && !elsewhere.contains(*value);
        assert!(!is_secret || !said.contains(*value));
    }
    let variables = Credentials::from_lookup(|name| {
        let mut found = pairs.iter().filter(|(of, _)| *of == name);
        found.next().map(|(_, value)| *value)
    });
    match (variables, from_file) {
        (Ok(credentials), _) => {
            let header = credentials.authorization().unwrap();
            let basic = header.header().to_str().unwrap().strip_prefix("Basic ").unwrap();
            let basic = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
            let (user, secret) = basic.split_once(':').unwrap();
            assert!(matches!(&user[..2], "AC" | "SK") && !secret.is_empty());
            assert!(!secret.contains(char::is_whitespace));
            // Shown as it would be with any other secret.
            let other = Credentials::from_lookup(|name| {
                let is_secret = name.ends_with("TOKEN") || name.ends_with("SECRET");
                let mut found = pairs.iter().filter(|(of, _)| *of == name);
                let value = found.next().map(|(_, value)| *value).filter(|value| !value.is_empty());
                value.map(|value| if is_secret { "another" } else { value })
            });
            assert_eq!(format!("{credentials:?}"), format!("{:?}", other.unwrap()));
        }
        (Err(error), _) => assert!(error.variable().starts_with("TWILIO_")),
    }
}

/// Stands in an input for a key that is one, in base64: none sits in the repository.
const HERE: &str = "@KEY@";

static KEY: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    STANDARD.encode(der.as_ref())
});

/// A text in which there may be a key to sign with.
pub(super) fn signing_key(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let pem = text.replace(HERE, &KEY);
    let read = SigningKey::from_pem(
        pem.as_str(),
        "CR0123456789abcdef0123456789abcdef".parse().unwrap(),
        "SK0123456789abcdef0123456789abcdef".parse().unwrap(),
        "AC00000000000000000000000000000000".parse().unwrap(),
    );
    let shown = match read {
        Ok(key) => {
            assert!(pem.contains("PRIVATE KEY-----") && !pem.contains("ENCRYPTED"));
            assert!(key.public_key_der().len() > 256);
            format!("{key:?}")
        }
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!shown.contains(&KEY[64..96]));
}
