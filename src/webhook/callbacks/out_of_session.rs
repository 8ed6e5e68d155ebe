use jiff::Timestamp;

use super::parameters::parameters;
use crate::call::{AccountSid, ParticipantSid, PhoneNumberSid, ServiceSid, SessionSid, Sid};
use crate::sessions::{SessionMode, SessionStatus};

parameters! {
    /// The session that somebody was in before, where Proxy knows one.
    /// <https://www.twilio.com/docs/proxy/api/webhooks#outofsessioncallbackurl>
    PastSession {
        /// `sessionSid`.
        sid: SessionSid = "Sid",
        /// `sessionServiceSid`.
        service_sid: ServiceSid = "ServiceSid",
        /// `sessionAccountSid`.
        account_sid: AccountSid = "AccountSid",
        /// `sessionUniqueName`.
        unique_name: String = "UniqueName",
        /// `sessionStatus`.
        status: SessionStatus = "Status",
        /// `sessionMode`.
        mode: SessionMode = "Mode",
        /// `sessionClosedReason`.
        closed_reason: String = "ClosedReason",
        /// `sessionDateCreated`.
        date_created: Timestamp = "DateCreated",
        /// `sessionDateUpdated`.
        date_updated: Timestamp = "DateUpdated",
        /// `sessionDateEnded`.
        date_ended: Timestamp = "DateEnded",
    }
}

parameters! {
    /// A participant of that session.
    /// <https://www.twilio.com/docs/proxy/api/webhooks#outofsessioncallbackurl>
    PastParticipant {
        /// `…ParticipantSid`.
        sid: ParticipantSid = "Sid",
        /// `…ParticipantSessionSid`.
        session_sid: SessionSid = "SessionSid",
        /// `…ParticipantServiceSid`.
        service_sid: ServiceSid = "ServiceSid",
        /// `…ParticipantAccountSid`.
        account_sid: AccountSid = "AccountSid",
        /// `…ParticipantIdentifier`: the participant's own number.
        identifier: String = "Identifier",
        /// `…ParticipantFriendlyName`.
        friendly_name: String = "FriendlyName",
        /// `…ParticipantProxyIdentifier`: the number that stands for the other one.
        proxy_identifier: String = "ProxyIdentifier",
        /// `…ParticipantProxyIdentifierSid`.
        proxy_identifier_sid: PhoneNumberSid = "ProxyIdentifierSid",
        /// `…ParticipantDateCreated`.
        date_created: Timestamp = "DateCreated",
        /// `…ParticipantDateUpdated`.
        date_updated: Timestamp = "DateUpdated",
    }
}

parameters! {
    /// A number, and where Twilio takes it to be.
    Party {
        /// The number: `From`, `To`, `Caller`, `Called`.
        number: String = "",
        /// `…City`.
        city: String = "City",
        /// `…State`.
        state: String = "State",
        /// `…Zip`.
        zip: String = "Zip",
        /// `…Country`: two letters.
        country: String = "Country",
    }
}

parameters! {
    /// Somebody called or wrote to a proxy number without a live session: what comes to a Service's
    /// `out_of_session_callback_url`. Its answer is an [`OutOfSession`](super::OutOfSession).
    /// <https://www.twilio.com/docs/proxy/api/webhooks#outofsessioncallbackurl>
    ///
    /// Twilio's page shows the parameters of a call. Those of a message are inferred: the page says that
    /// the inbound payload is forwarded, and they are those of
    /// [any message](https://www.twilio.com/docs/messaging/guides/webhook-request).
    OutOfSessionCallback {
        /// `AccountSid`.
        account_sid: AccountSid = "AccountSid",
        /// `ApiVersion`, such as `2010-04-01`.
        api_version: String = "ApiVersion",
        /// `AddOns`: JSON in a text.
        add_ons: String = "AddOns",
        /// `CallSid` (`CA…`), of a call.
        call_sid: Sid = "CallSid",
        /// `CallStatus`, such as `ringing`.
        call_status: String = "CallStatus",
        /// `Direction`, such as `inbound`.
        direction: String = "Direction",
        /// `MessageSid` (`SM…`, `MM…`), of a message; inferred.
        message_sid: Sid = "MessageSid",
        /// `Body`, the words of a message; inferred.
        body: String = "Body",
        /// `NumMedia`: how many pictures and the like a message has; inferred.
        num_media: u32 = "NumMedia",
    }
    within {
        /// Who calls, or writes.
        from: Party = "From",
        /// The proxy number.
        to: Party = "To",
        /// The same as `from`, of a call.
        caller: Party = "Caller",
        /// The same as `to`, of a call.
        called: Party = "Called",
        /// The session from before.
        session: PastSession = "session",
        /// Who calls or writes, as a participant of it.
        inbound_participant: PastParticipant = "inboundParticipant",
        /// The other participant of it.
        outbound_participant: PastParticipant = "outboundParticipant",
    }
    and
    /// What this version has no name for, and what is not of the type that it should be.
    extra
}
