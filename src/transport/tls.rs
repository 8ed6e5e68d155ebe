use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use crate::call::{BoxError, Fault, FaultKind};

/// Who is trusted to say who the server is.
#[derive(Clone, Debug, Default)]
pub(super) enum Trust {
    /// The platform's roots; where that feature is off, the bundled ones.
    #[default]
    Default,
    #[cfg(feature = "platform-roots")]
    Platform,
    #[cfg(feature = "bundled-roots")]
    Bundled,
    /// Only the certificates that were given.
    Given,
    /// A configuration made elsewhere.
    Custom(Arc<ClientConfig>),
    /// The connector's streams are secured already.
    ByConnector,
    /// No `https` at all.
    Off,
}

/// Which versions of HTTP are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Versions {
    #[cfg_attr(feature = "http2", allow(dead_code))]
    Http1,
    #[cfg(feature = "http2")]
    Both,
    #[cfg(feature = "http2")]
    Http2,
}

impl Versions {
    fn alpn(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http1 => vec![b"http/1.1".to_vec()],
            #[cfg(feature = "http2")]
            Self::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            #[cfg(feature = "http2")]
            Self::Http2 => vec![b"h2".to_vec()],
        }
    }
}

/// The settings as rustls wants them; `None` where this side does no TLS.
pub(super) fn client_config(
    trust: &Trust,
    given: &[Vec<u8>],
    versions: Versions,
) -> Result<Option<ClientConfig>, Fault> {
    let verified = match trust {
        Trust::Off | Trust::ByConnector => return Ok(None),
        Trust::Custom(config) => return custom(config, given, versions).map(Some),
        Trust::Default => default_roots(certificates(given)?)?,
        Trust::Given => with_store(RootCertStore::empty(), certificates(given)?)?,
        #[cfg(feature = "platform-roots")]
        Trust::Platform => platform(certificates(given)?)?,
        #[cfg(feature = "bundled-roots")]
        Trust::Bundled => bundled(certificates(given)?)?,
    };
    let mut config = verified;
    config.alpn_protocols = versions.alpn();
    Ok(Some(config))
}

fn custom(
    config: &Arc<ClientConfig>,
    given: &[Vec<u8>],
    versions: Versions,
) -> Result<ClientConfig, Fault> {
    if !given.is_empty() {
        return Err(config_fault(
            "tls_config says whom to trust: give it the roots, not the builder",
        ));
    }
    let mut config = ClientConfig::clone(config);
    if config.alpn_protocols.is_empty() {
        config.alpn_protocols = versions.alpn();
    }
    let offered = versions.alpn();
    // The pool speaks what the server chooses, so nothing may be offered that it was not built for.
    if config.alpn_protocols.iter().any(|protocol| !offered.contains(protocol)) {
        return Err(config_fault(
            "tls_config offers a protocol by ALPN that this transport is not set up to speak",
        ));
    }
    Ok(config)
}

fn default_roots(given: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Fault> {
    #[cfg(all(feature = "platform-roots", feature = "bundled-roots"))]
    // An image without a certificate store is what the bundled roots are for.
    return platform(given.clone()).or_else(|_| bundled(given));
    #[cfg(all(feature = "platform-roots", not(feature = "bundled-roots")))]
    return platform(given);
    #[cfg(all(not(feature = "platform-roots"), feature = "bundled-roots"))]
    return bundled(given);
    #[cfg(not(any(feature = "platform-roots", feature = "bundled-roots")))]
    {
        drop(given);
        Err(config_fault(
            "https needs certificates to trust: turn on the feature `platform-roots` or \
             `bundled-roots`, set roots_pem or tls_config, or say without_tls for plain http alone",
        ))
    }
}

#[cfg(feature = "platform-roots")]
fn platform(given: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Fault> {
    let failed = |error: rustls::Error| {
        config_fault("the platform's certificates can't be used").with_source(error)
    };
    let builder = builder()?;
    let provider = Arc::clone(builder.crypto_provider());
    #[cfg(not(target_os = "android"))]
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(given, provider);
    #[cfg(target_os = "android")]
    let verifier = if given.is_empty() {
        rustls_platform_verifier::Verifier::new(provider)
    } else {
        return Err(config_fault("Android's certificates can't be added to: use roots_pem"));
    };
    let verifier = Arc::new(verifier.map_err(failed)?);
    // "Dangerous" is any verifier but rustls's own; this one asks the operating system.
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

#[cfg(feature = "bundled-roots")]
fn bundled(given: Vec<CertificateDer<'static>>) -> Result<ClientConfig, Fault> {
    with_store(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() }, given)
}

fn with_store(
    mut store: RootCertStore,
    given: Vec<CertificateDer<'static>>,
) -> Result<ClientConfig, Fault> {
    for certificate in given {
        store.add(certificate).map_err(|error| {
            config_fault("a certificate of the PEM text is no root certificate").with_source(error)
        })?;
    }
    Ok(builder()?.with_root_certificates(store).with_no_client_auth())
}

fn certificates(given: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Fault> {
    let mut all = Vec::new();
    for text in given {
        let before = all.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            let certificate = certificate.map_err(|error| {
                let error: BoxError = Box::new(error);
                config_fault("the PEM text of a root certificate is damaged").with_source(error)
            })?;
            all.push(certificate);
        }
        if all.len() == before {
            return Err(config_fault("the PEM text of root certificates holds no certificate"));
        }
    }
    Ok(all)
}

/// The process's cryptography where one was installed, else aws-lc-rs's: named, because rustls's own
/// guess panics in a program that another crate linked a second provider into.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, Fault> {
    let provider = CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| config_fault("the cryptography can't do TLS").with_source(error))
}

pub(super) fn config_fault(detail: &'static str) -> Fault {
    Fault::new(FaultKind::Config, detail)
}
