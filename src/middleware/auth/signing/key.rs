use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::call::{AccountSid, ApiKeySid, Live, PublicKeySid};

/// 2048 bits, in bytes: the one size that Twilio takes.
const MODULUS: usize = 256;

/// How the exponent 65537 ends a public key in DER.
const EXPONENT: [u8; 5] = [2, 3, 1, 0, 1];

/// A private key that requests are signed with, and whose it is. Clones share it; nothing prints it.
///
/// Twilio checks with the public half, which it got from you under the name `CR…`, and takes the
/// signature only together with the API key that it was told of.
/// <https://www.twilio.com/docs/iam/pkcv/quickstart>
///
/// ```no_run
/// use twilio_proxy::middleware::auth::signing::{SigningAlgorithm, SigningKey};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pem = std::fs::read_to_string("signing-key.pem")?;
/// let key = SigningKey::from_pem(
///     pem,
///     "CR00000000000000000000000000000000".parse()?,
///     "SK00000000000000000000000000000000".parse()?,
///     "AC00000000000000000000000000000000".parse()?,
/// )?
/// .algorithm(SigningAlgorithm::Ps256);
/// # drop(key);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKey {
    pair: Arc<KeyPair>,
    pub(super) id: PublicKeySid,
    pub(super) api_key: ApiKeySid,
    pub(super) account: AccountSid,
    pub(super) algorithm: SigningAlgorithm,
    /// The first part of every token, ready made.
    pub(super) header: Arc<str>,
}

/// How the signature is made of the hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[default]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    Ps256,
}

impl SigningAlgorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

impl SigningKey {
    /// Reads an RSA key of 2048 bits from PEM, PKCS#8 (`BEGIN PRIVATE KEY`) or PKCS#1
    /// (`BEGIN RSA PRIVATE KEY`), and notes whose it is: the public half's SID at Twilio, the API key that
    /// the requests are authorized by, and the account. The text is wiped once it is read.
    ///
    /// # Errors
    ///
    /// Says what the text holds instead: nothing, several keys, an encrypted one, another kind or size.
    /// No error repeats any of it.
    pub fn from_pem(
        pem: impl Into<SecretString>,
        id: PublicKeySid,
        api_key: ApiKeySid,
        account: AccountSid,
    ) -> Result<Self, SigningKeyError> {
        let pem = pem.into();
        let pair = Arc::new(pair(pem.expose_secret())?);
        let algorithm = SigningAlgorithm::default();
        Ok(Self { pair, id, api_key, account, algorithm, header: header(algorithm, id) })
    }

    /// How to sign: [`SigningAlgorithm::Rs256`] by default.
    #[must_use]
    pub fn algorithm(self, algorithm: SigningAlgorithm) -> Self {
        let header = header(algorithm, self.id);
        Self { algorithm, header, ..self }
    }

    /// The public half, in DER (PKCS#1): to compare with what Twilio has under the key's SID.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The signature of these bytes; `None` where the system has no randomness to give.
    pub(super) fn sign(&self, message: &[u8]) -> Option<[u8; MODULUS]> {
        let mut signature = [0; MODULUS];
        let encoding = self.algorithm.encoding();
        self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

impl From<SigningKey> for Live<Option<SigningKey>> {
    fn from(key: SigningKey) -> Self {
        Self::new(Some(key))
    }
}

fn header(algorithm: SigningAlgorithm, id: PublicKeySid) -> Arc<str> {
    let algorithm = algorithm.name();
    let json =
        format!(r#"{{"cty":"twilio-pkrv;v=1","typ":"JWT","alg":"{algorithm}","kid":"{id}"}}"#);
    BASE64_URL_SAFE_NO_PAD.encode(json).into()
}

fn pair(pem: &str) -> Result<KeyPair, SigningKeyError> {
    // In the label of PKCS#8, in a header of PKCS#1.
    if pem.contains("ENCRYPTED") {
        return Err(SigningKeyError::Encrypted);
    }
    let mut keys = Vec::new();
    let mut other = None;
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem.as_bytes()) {
        let (kind, der) = section.map_err(|_| SigningKeyError::NotPem)?;
        let der = Zeroizing::new(der);
        match kind {
            SectionKind::RsaPrivateKey | SectionKind::PrivateKey => keys.push((kind, der)),
            SectionKind::EcPrivateKey => return Err(SigningKeyError::NotRsa),
            SectionKind::PublicKey => other = Some(SigningKeyError::PublicKey),
            SectionKind::Certificate => other = Some(SigningKeyError::Certificate),
            _ => {}
        }
    }
    let [(kind, der)] = keys.as_slice() else {
        return Err(match keys.len() {
            0 => other.unwrap_or(SigningKeyError::NotPem),
            _ => SigningKeyError::Several,
        });
    };
    let pair = match kind {
        SectionKind::RsaPrivateKey => KeyPair::from_der(der),
        _ => KeyPair::from_pkcs8(der),
    };
    let pair = pair.map_err(|_| SigningKeyError::NotRsa)?;
    if pair.public_modulus_len() != MODULUS {
        return Err(SigningKeyError::Size { bits: pair.public_modulus_len() * 8 });
    }
    if !pair.public_key().as_ref().ends_with(&EXPONENT) {
        return Err(SigningKeyError::Exponent);
    }
    Ok(pair)
}

/// Prints whose key it is, and nothing of the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("api_key", &self.api_key)
            .field("account", &self.account)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Why a text is no key to sign with. It repeats nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// No private key in it, or none that is whole.
    NotPem,
    /// The key is encrypted under a passphrase.
    Encrypted,
    /// A public key, and no private one.
    PublicKey,
    /// A certificate, and no private key.
    Certificate,
    /// More than one private key.
    Several,
    /// A key for something other than RSA, or one that is damaged.
    NotRsa,
    /// An RSA key of another size.
    Size {
        /// Its size, in bits.
        bits: usize,
    },
    /// An RSA key with another exponent than 65537.
    Exponent,
}

impl fmt::Display for SigningKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPem => "there is no private key in PEM in it: it begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----",
            Self::Encrypted => "the private key is encrypted: take its passphrase off, and protect the file instead",
            Self::PublicKey => "it is a public key: the private one is needed",
            Self::Certificate => "it is a certificate: the private key is needed",
            Self::Several => "there are several private keys in it: which one is meant?",
            Self::NotRsa => "the private key is no RSA key, or it is damaged",
            Self::Size { bits } => {
                return write!(f, "the RSA key has {bits} bits: Twilio takes keys of 2048 bits");
            }
            Self::Exponent => "the RSA key's public exponent is not 65537, the one that Twilio takes",
        })
    }
}

impl std::error::Error for SigningKeyError {}
