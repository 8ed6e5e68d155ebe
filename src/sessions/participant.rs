use std::fmt;

use serde::{Deserialize, Serialize};

use super::check;
use crate::call::PhoneNumberSid;
use crate::wire::EncodeError;

/// Somebody who takes part in a new session.
///
/// In JSON its fields have the API's own names (`Identifier`, `FriendlyName`, `ProxyIdentifier`,
/// `ProxyIdentifierSid`), and a name that is none of these is an error. `Debug` prints no phone
/// number and no name. <https://www.twilio.com/docs/proxy/api/participant>
///
/// ```
/// use twilio_proxy::sessions::Participant;
///
/// let driver = Participant::new("+15550100").friendly_name("Driver");
/// let text = r#"{"Identifier":"+15550100","FriendlyName":"Driver"}"#;
/// assert_eq!(serde_json::to_string(&driver)?, text);
/// assert_eq!(serde_json::from_str::<Participant>(text)?, driver);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Participant {
    /// The phone number (or other address) at which the participant is reached; 191 characters at most.
    pub identifier: String,
    /// What you call the participant; 255 characters at most. Twilio asks that it be no personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub friendly_name: Option<String>,
    /// The proxy number that the participant sees; 255 characters at most. By default the Service chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_identifier: Option<String>,
    /// The same, by its SID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_identifier_sid: Option<PhoneNumberSid>,
}

impl Participant {
    /// Whoever is reached at this phone number.
    #[must_use]
    pub fn new(identifier: impl Into<String>) -> Self {
        Self {
            identifier: identifier.into(),
            friendly_name: None,
            proxy_identifier: None,
            proxy_identifier_sid: None,
        }
    }

    /// Sets what you call the participant.
    #[must_use]
    pub fn friendly_name(mut self, name: impl Into<String>) -> Self {
        self.friendly_name = Some(name.into());
        self
    }

    /// Sets the proxy number that the participant sees.
    #[must_use]
    pub fn proxy_identifier(mut self, number: impl Into<String>) -> Self {
        self.proxy_identifier = Some(number.into());
        self
    }

    /// Sets the proxy number that the participant sees, by its SID.
    #[must_use]
    pub fn proxy_identifier_sid(mut self, sid: PhoneNumberSid) -> Self {
        self.proxy_identifier_sid = Some(sid);
        self
    }

    /// The value of one `Participants` parameter: a JSON object, its keys always in the same order.
    pub(super) fn encode(&self) -> Result<String, EncodeError> {
        check::name("Identifier", &self.identifier)?;
        for (parameter, label) in
            [("FriendlyName", &self.friendly_name), ("ProxyIdentifier", &self.proxy_identifier)]
        {
            if let Some(label) = label {
                check::at_most(parameter, label, check::LONGEST_LABEL)?;
            }
        }
        serde_json::to_string(self)
            .map_err(|_| EncodeError::new("Participants", "can't be written as JSON"))
    }
}

impl fmt::Debug for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Participant")
            .field("proxy_identifier_sid", &self.proxy_identifier_sid)
            .finish_non_exhaustive()
    }
}
