use std::ffi::OsString;
use std::fmt;
use std::str::FromStr;

use secrecy::SecretString;

use super::Credentials;
use crate::call::SidError;

const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const KEY: &str = "TWILIO_API_KEY";
const SECRET: &str = "TWILIO_API_SECRET";

impl Credentials {
    /// Reads the variables that Twilio's own libraries and tools read.
    ///
    /// An API key (`TWILIO_API_KEY`, `TWILIO_API_SECRET`) is preferred to the account's token
    /// (`TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`) where both are set: it can be revoked alone.
    /// With a key, the account SID may be left out. A variable that is set to nothing counts as not
    /// set.
    /// <https://www.twilio.com/docs/usage/secure-credentials>
    ///
    /// # Errors
    ///
    /// Names the variable that is missing or malformed, never its value. When none of the four is
    /// set, [`CredentialsError::is_unset`] says so. Half a key is an error even beside a whole token:
    /// to fall back on the token would be to use stronger credentials than was meant.
    pub fn from_env() -> Result<Self, CredentialsError> {
        Self::from_lookup(std::env::var_os)
    }

    /// The same from anywhere else, such as a settings file or a test: `lookup` gets a variable's
    /// name.
    ///
    /// ```
    /// use twilio_proxy::middleware::auth::Credentials;
    ///
    /// let error = Credentials::from_lookup(|name| match name {
    ///     "TWILIO_ACCOUNT_SID" => Some("AC00000000000000000000000000000000"),
    ///     _ => None,
    /// })
    /// .unwrap_err();
    /// assert_eq!(error.to_string(), "TWILIO_AUTH_TOKEN is not set");
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Credentials::from_env`].
    pub fn from_lookup<V: Into<OsString>>(
        mut lookup: impl FnMut(&'static str) -> Option<V>,
    ) -> Result<Self, CredentialsError> {
        let mut read =
            |name| lookup(name).map(Into::into).filter(|value: &OsString| !value.is_empty());
        let [account, token, key, secret] =
            [ACCOUNT, TOKEN, KEY, SECRET].map(|name| (name, read(name)));
        let account = sid(account);
        match (key, secret) {
            ((_, None), (_, None)) => {}
            (key, secret) => {
                let key = required(sid(key)?, KEY)?;
                return Ok(Self::api_key(key, required(text(secret)?, SECRET)?, account?));
            }
        }
        match (account?, text(token)?) {
            (None, None) => {
                Err(CredentialsError { variable: ACCOUNT, problem: Problem::NothingSet })
            }
            (account, token) => {
                Ok(Self::auth_token(required(account, ACCOUNT)?, required(token, TOKEN)?))
            }
        }
    }
}

type Variable = (&'static str, Option<OsString>);

fn required<T>(value: Option<T>, variable: &'static str) -> Result<T, CredentialsError> {
    value.ok_or(CredentialsError { variable, problem: Problem::Missing })
}

fn sid<T: FromStr<Err = SidError>>(
    (variable, value): Variable,
) -> Result<Option<T>, CredentialsError> {
    let malformed = |problem| CredentialsError { variable, problem };
    value
        .map(|value| {
            let text = value.into_string().map_err(|_| malformed(Problem::NotPrintable))?;
            text.parse().map_err(|error| malformed(Problem::NoSid(error)))
        })
        .transpose()
}

/// A secret. White space in it comes from a file's last line or a slip of the hand, and would only
/// show as a 401.
fn text((variable, value): Variable) -> Result<Option<SecretString>, CredentialsError> {
    let malformed = || CredentialsError { variable, problem: Problem::NotPrintable };
    value
        .map(|value| {
            let secret = value.into_string().map_err(|_| malformed())?;
            if secret.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(malformed());
            }
            Ok(SecretString::from(secret))
        })
        .transpose()
}

/// Why the environment holds no credentials. It names variables and never their values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsError {
    variable: &'static str,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    NothingSet,
    Missing,
    NotPrintable,
    NoSid(SidError),
}

impl CredentialsError {
    /// The variable that is missing or malformed.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// Whether none of the variables is set at all, so that the caller may do without credentials.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        self.problem == Problem::NothingSet
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = self.variable;
        match &self.problem {
            Problem::NothingSet => {
                write!(f, "no credentials are set: {KEY} and {SECRET}, or {ACCOUNT} and {TOKEN}")
            }
            Problem::Missing => write!(f, "{variable} is not set"),
            Problem::NotPrintable => {
                write!(f, "{variable} holds white space, or what is no text at all")
            }
            Problem::NoSid(error) => write!(f, "{variable}: {error}"),
        }
    }
}

impl std::error::Error for CredentialsError {}
