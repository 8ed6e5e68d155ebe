use jiff::Timestamp;
use serde_json::Value;

use super::enums::{InteractionType, ResourceStatus, ResourceType};
use super::parameters::parameters;
use crate::call::{AccountSid, ParticipantSid, ServiceSid, SessionSid, Sid};

parameters! {
    /// The interaction that a callback is about.
    /// <https://www.twilio.com/docs/proxy/api/webhooks>
    Interaction {
        /// `interactionSid` (`KI…`).
        sid: Sid = "Sid",
        /// `interactionSessionSid`.
        session_sid: SessionSid = "SessionSid",
        /// `interactionServiceSid`.
        service_sid: ServiceSid = "ServiceSid",
        /// `interactionAccountSid`.
        account_sid: AccountSid = "AccountSid",
        /// `interactionType`.
        kind: InteractionType = "Type",
        /// `interactionData`: JSON in a text, with what was said in a message, or how long a call
        /// was. See [`body`](Self::body) and [`duration`](Self::duration).
        data: String = "Data",
        /// `interactionDateCreated`.
        date_created: Timestamp = "DateCreated",
        /// `interactionDateUpdated`.
        date_updated: Timestamp = "DateUpdated",
    }
}

impl Interaction {
    /// The words of a message: `body` in the data.
    /// <https://www.twilio.com/docs/proxy/api/interaction>
    #[must_use]
    pub fn body(&self) -> Option<String> {
        match self.datum("body")? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// How long a call was, in seconds: `duration` in the data, where it is known yet.
    /// <https://www.twilio.com/docs/proxy/api/interaction>
    #[must_use]
    pub fn duration(&self) -> Option<u64> {
        match self.datum("duration")? {
            Value::String(text) => text.parse().ok(),
            value => value.as_u64(),
        }
    }

    fn datum(&self, name: &str) -> Option<Value> {
        let mut data: Value = serde_json::from_str(self.data.as_deref()?).ok()?;
        data.get_mut(name).map(Value::take)
    }
}

parameters! {
    /// One leg of an interaction, from or to a participant: a call or a message.
    /// <https://www.twilio.com/docs/proxy/api/webhooks>
    Leg {
        /// `inboundParticipantSid`, `outboundParticipantSid`.
        participant_sid: ParticipantSid = "ParticipantSid",
        /// `inboundResourceSid`, `outboundResourceSid`: a call (`CA…`) or a message (`SM…`, `MM…`).
        resource_sid: Sid = "ResourceSid",
        /// `inboundResourceStatus`, `outboundResourceStatus`.
        resource_status: ResourceStatus = "ResourceStatus",
        /// `inboundResourceType`, `outboundResourceType`.
        resource_type: ResourceType = "ResourceType",
        /// `inboundResourceUrl`, `outboundResourceUrl`.
        resource_url: String = "ResourceUrl",
    }
}

parameters! {
    /// An interaction's status has changed: what comes to a Service's `callback_url`.
    /// <https://www.twilio.com/docs/proxy/api/webhooks#callbackurl>
    ///
    /// It informs, and no answer changes anything: [`Acknowledge`](super::Acknowledge). Twilio does not
    /// say whether such callbacks come in order, or once only.
    ///
    /// ```
    /// use twilio_proxy::webhook::{InteractionType, ResourceStatus, StatusCallback};
    ///
    /// let body = b"interactionType=Message&outboundResourceStatus=delivered&colour=blue\
    ///     &interactionData=%7B%22body%22%3A%22hello%22%7D";
    /// let callback = StatusCallback::from_form(body)?;
    /// assert_eq!(callback.interaction.kind, Some(InteractionType::Message));
    /// assert_eq!(callback.outbound.resource_status, Some(ResourceStatus::Delivered));
    /// assert_eq!(callback.interaction.body().as_deref(), Some("hello"));
    /// assert_eq!(callback.extra["colour"], "blue");
    /// # Ok::<(), twilio_proxy::webhook::DecodeError>(())
    /// ```
    StatusCallback {}
    within {
        /// The interaction.
        interaction: Interaction = "interaction",
        /// The leg that came in.
        inbound: Leg = "inbound",
        /// The leg that goes out.
        outbound: Leg = "outbound",
    }
    and
    /// What this version has no name for, and what is not of the type that it should be.
    extra
}

parameters! {
    /// An interaction is about to happen: what comes to a Service's `intercept_callback_url`.
    /// <https://www.twilio.com/docs/proxy/api/webhooks#interceptcallbackurl>
    ///
    /// Its answer is an [`Intercept`](super::Intercept): a 403 blocks the interaction, and with any other
    /// status, or none in time, it goes on.
    ///
    /// **That is the status by which a bad signature is refused, too**: with a wrong token or public URL,
    /// every interaction of the Service is blocked.
    InterceptCallback {}
    within {
        /// The interaction.
        interaction: Interaction = "interaction",
        /// The leg that came in. There is no other yet.
        inbound: Leg = "inbound",
    }
    and
    /// What this version has no name for, and what is not of the type that it should be.
    extra
}
