//! A key to sign requests with, made anew for each run: no private key sits in the repository.

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use twilio_proxy::middleware::auth::Credentials;
use twilio_proxy::middleware::auth::signing::SigningKey;

const ACCOUNT: &str = "AC00000000000000000000000000000000";
const API_KEY: &str = "SK0123456789abcdef0123456789abcdef";
const KEY: &str = "CR0123456789abcdef0123456789abcdef";

static PEM: LazyLock<String> = LazyLock::new(|| {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
});

/// The key, and its text.
pub(crate) fn key() -> (SigningKey, &'static str) {
    let sids = (KEY.parse().unwrap(), API_KEY.parse().unwrap(), ACCOUNT.parse().unwrap());
    (SigningKey::from_pem(PEM.as_str(), sids.0, sids.1, sids.2).unwrap(), &PEM)
}

/// The API key that it belongs to.
pub(crate) fn credentials(secret: &str) -> Credentials {
    Credentials::api_key(API_KEY.parse().unwrap(), secret, ACCOUNT.parse().ok())
}
