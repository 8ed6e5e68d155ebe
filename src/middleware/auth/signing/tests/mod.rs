//! Signing: the vectors, the keys, the tokens as another implementation reads them, and the layer.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{SigningKey, SigningKeyError};

mod canonical;
mod keys;
mod layer;
mod tokens;
mod work;

pub(super) const ACCOUNT: &str = "AC00000000000000000000000000000000";
pub(super) const API_KEY: &str = "SK0123456789abcdef0123456789abcdef";
pub(super) const KEY: &str = "CR0123456789abcdef0123456789abcdef";

/// A key in PKCS#8, made once: it takes a while.
fn pkcs8() -> &'static [u8] {
    static DER: OnceLock<Vec<u8>> = OnceLock::new();
    DER.get_or_init(|| der_of(KeySize::Rsa2048))
}

fn der_of(size: KeySize) -> Vec<u8> {
    let pair = KeyPair::generate(size).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    der.as_ref().to_vec()
}

/// The same key in PKCS#1: what PKCS#8 wraps, behind 26 bytes that say that it is RSA.
fn pkcs1() -> &'static [u8] {
    &pkcs8()[26..]
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn read(pem: &str) -> Result<SigningKey, SigningKeyError> {
    let sids = (KEY.parse().unwrap(), API_KEY.parse().unwrap(), ACCOUNT.parse().unwrap());
    SigningKey::from_pem(pem, sids.0, sids.1, sids.2)
}

pub(super) fn key() -> SigningKey {
    read(&pem("PRIVATE KEY", pkcs8())).unwrap()
}
