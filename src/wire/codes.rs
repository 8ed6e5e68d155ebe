//! Twilio's error codes that Proxy answers with, as far as they mean something to a program.
//!
//! The code says more than the HTTP status: 80603 and 80609 are both plain refusals by status.
//! Each code has a page at `https://www.twilio.com/docs/api/errors/` and its number.

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $words:literal;)*) => {
        $($(#[doc = $doc])+
        #[doc = concat!("<https://www.twilio.com/docs/api/errors/", $code, ">")]
        pub const $name: u32 = $code;)*

        /// What a code means in a few words, for messages that must not repeat the server's own.
        ///
        /// ```
        /// use twilio_proxy::wire::codes;
        ///
        /// assert_eq!(codes::meaning(codes::UNIQUE_NAME_TAKEN), Some("session name taken"));
        /// assert_eq!(codes::meaning(1), None);
        /// ```
        #[must_use]
        pub fn meaning(code: u32) -> Option<&'static str> {
            match code {
                $($name => Some($words),)*
                _ => None,
            }
        }
    };
}

codes! {
    /// The credentials are wrong, or not those of this account.
    AUTHENTICATION = 20003, "authentication failed";
    /// There is no such resource.
    NOT_FOUND = 20404, "not found";
    /// The account has too many requests in flight. Not processed: try again later.
    TOO_MANY_CONCURRENT = 20429, "too many concurrent requests";
    /// The participant is in the session already.
    PARTICIPANT_EXISTS = 80103, "participant already in the session";
    /// No proxy number of the Service fits the participant, or all that fit are taken.
    NO_PROXY_NUMBER = 80206, "no proxy number available";
    /// No session of the Service has the UniqueName that was asked for.
    UNIQUE_NAME_NOT_FOUND = 80308, "no session of that name";
    /// The identifier and the proxy identifier don't go together.
    BAD_IDENTIFIER_PAIR = 80402, "identifier and proxy identifier don't fit";
    /// The participant's identifier is not a phone number that can be reached.
    BAD_IDENTIFIER = 80404, "bad participant identifier";
    /// The session's SID is none.
    BAD_SESSION_SID = 80409, "bad session SID";
    /// A session of this Service already has the UniqueName: what a replayed create is told.
    UNIQUE_NAME_TAKEN = 80603, "session name taken";
    /// The proxy number already serves the participant in another active session.
    PROXY_IDENTIFIER_IN_USE = 80604, "proxy identifier in use";
    /// The session is closed, and what was asked for needs an open one.
    SESSION_CLOSED = 80607, "session closed";
    /// The session can't go from its status to the one asked for.
    BAD_TRANSITION = 80608, "status transition not allowed";
    /// A session has two participants at most.
    TOO_MANY_PARTICIPANTS = 80609, "too many participants";
    /// The session's mode does not suit the kind of a participant's identifier.
    MODE_MISMATCH = 80616, "identifier unfit for the session's mode";
    /// Proxy's own limit: 30 requests a second for an operation of a Service, averaged over 5 seconds.
    RATE_LIMITED = 80621, "rate limited";
    /// Another request for the same participant is in progress: wait, then try again (409).
    PARTICIPANT_CONFLICT = 80623, "participant conflict";
}
