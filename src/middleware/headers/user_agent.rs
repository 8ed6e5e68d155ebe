use std::fmt;

use http::HeaderValue;

/// A `User-Agent`: `<name>/<version> (<os> <arch>)`, and what an application adds of itself.
///
/// ```
/// use twilio_proxy::middleware::headers::UserAgent;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let agent = UserAgent::default().with("checkout/7.2")?;
/// assert!(agent.as_str().starts_with("twilio-proxy/"));
/// assert!(agent.as_str().ends_with(") checkout/7.2"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserAgent {
    text: String,
}

impl UserAgent {
    /// An agent of this name and version, on the operating system and processor of this build.
    ///
    /// # Errors
    ///
    /// The name or the version is empty, or holds what can't stand in a header.
    pub fn new(name: &str, version: &str) -> Result<Self, UserAgentError> {
        for part in [name, version] {
            if part.contains([' ', '/', '(', ')']) {
                return Err(UserAgentError);
            }
            check(part)?;
        }
        Ok(Self::on_this_platform(name, version))
    }

    /// Appends a product, such as `checkout/7.2`, or a comment in parentheses.
    ///
    /// # Errors
    ///
    /// It is empty, or holds what can't stand in a header.
    pub fn with(mut self, extension: &str) -> Result<Self, UserAgentError> {
        check(extension)?;
        self.text.push(' ');
        self.text.push_str(extension);
        Ok(self)
    }

    /// The text that is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn on_this_platform(name: &str, version: &str) -> Self {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        Self { text: format!("{name}/{version} ({os} {arch})") }
    }
}

impl Default for UserAgent {
    /// This crate's own name and version.
    fn default() -> Self {
        Self::on_this_platform(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
    }
}

impl From<UserAgent> for HeaderValue {
    fn from(agent: UserAgent) -> Self {
        // Never the default: every part was checked when it was added.
        HeaderValue::try_from(agent.text).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Printable ASCII, not empty, and no space at either end.
fn check(part: &str) -> Result<(), UserAgentError> {
    let printable = part.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if part.is_empty() || !printable || part.trim() != part {
        return Err(UserAgentError);
    }
    Ok(())
}

/// A part of a `User-Agent` that can't stand in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserAgentError;

impl fmt::Display for UserAgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a part of a User-Agent must be printable ASCII, and name and version one word each",
        )
    }
}

impl std::error::Error for UserAgentError {}
