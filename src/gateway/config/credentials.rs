//! Credentials and keys, from wherever a configuration says.

use std::path::Path;

use secrecy::SecretString;

use super::{Algorithm, ConfigError, CredentialsConfig, CredentialsFrom, GatewayConfig, Problem};
use crate::gateway::GatewayBuilder;
use crate::middleware::auth::oauth::Client;
use crate::middleware::auth::signing::{SigningAlgorithm, SigningKey};
use crate::middleware::auth::{Credentials, FileCredentials};
use crate::wire::TOKEN_URL;

impl GatewayConfig {
    /// Credentials that don't change by themselves.
    pub(super) fn fixed_credentials(&self) -> Result<Credentials, ConfigError> {
        let it = &self.credentials;
        Ok(match it.source() {
            CredentialsFrom::Environment => Credentials::from_env().map_err(|error| {
                self.problem(
                    "credentials.from",
                    error.to_string(),
                    "set the variables, or say in `credentials.from` where the credentials are",
                )
            })?,
            CredentialsFrom::AuthToken => match (it.account_sid, &it.auth_token) {
                (Some(account), Some(token)) => Credentials::auth_token(account, token.reveal()),
                _ => Credentials::none(),
            },
            CredentialsFrom::ApiKey => match (it.api_key_sid, &it.api_key_secret) {
                (Some(key), Some(secret)) => {
                    Credentials::api_key(key, secret.reveal(), it.account_sid)
                }
                _ => Credentials::none(),
            },
            CredentialsFrom::File | CredentialsFrom::Oauth | CredentialsFrom::None => {
                Credentials::none()
            }
        })
    }

    /// The builder with credentials that change by themselves, if there are such.
    pub(super) fn provided(&self, builder: GatewayBuilder) -> Result<GatewayBuilder, ConfigError> {
        let it = &self.credentials;
        Ok(match (it.source(), &it.file) {
            (CredentialsFrom::File, Some(path)) => {
                let file = FileCredentials::open(path).map_err(|error| {
                    let fix =
                        "give a file with one KEY=value a line, readable for this process alone";
                    self.problem("credentials.file", error.to_string(), fix)
                })?;
                builder.credentials_from(match it.check_every {
                    Some(time) => file.check_every(time.0),
                    None => file,
                })
            }
            (CredentialsFrom::Oauth, _) => builder.oauth_client(client(it)),
            _ => builder,
        })
    }

    /// The key that requests are signed with, if one is given.
    pub(super) fn signing_key(&self) -> Result<Option<SigningKey>, ConfigError> {
        let it = &self.signing;
        let (Some(file), Some(id), Some(key), Some(account)) =
            (&it.key_file, it.credential_sid, it.api_key_sid, it.account_sid)
        else {
            return Ok(None);
        };
        let pem = SecretString::from(self.text_of("signing.key_file", file)?);
        let signing = SigningKey::from_pem(pem, id, key, account).map_err(|error| {
            let fix = "give a PEM file with one RSA key of 2048 bits, not encrypted";
            self.problem("signing.key_file", error.to_string(), fix)
        })?;
        Ok(Some(match it.algorithm {
            Some(Algorithm::Ps256) => signing.algorithm(SigningAlgorithm::Ps256),
            Some(Algorithm::Rs256) | None => signing,
        }))
    }

    /// A file that a key names.
    pub(super) fn text_of(&self, key: &str, path: &str) -> Result<String, ConfigError> {
        std::fs::read_to_string(Path::new(path)).map_err(|error| {
            let fix = "give the path of a file that this process may read";
            self.problem(key, format!("the file can't be read: {error}"), fix)
        })
    }

    pub(super) fn problem(&self, key: &str, problem: String, fix: &str) -> ConfigError {
        self.shown(Problem::new(key, problem, fix)).into()
    }
}

fn client(it: &CredentialsConfig) -> Client {
    let url = it.token_url.as_deref().unwrap_or(TOKEN_URL);
    // Both are there: that is checked.
    let id = it.client_id.clone().unwrap_or_default();
    let secret = it.client_secret.as_ref().map(super::Secret::reveal).unwrap_or_default();
    let client = Client::new(url, id, secret);
    let client = match &it.scope {
        Some(scope) => client.scope(scope),
        None => client,
    };
    match it.account() {
        Some(account) => client.account(account),
        None => client,
    }
}
