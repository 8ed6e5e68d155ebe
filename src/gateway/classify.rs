use http::{Response, StatusCode};
use serde::Deserialize;

use crate::call::{Class, Classifier, Collected};
use crate::wire::codes;

/// What Twilio's statuses and codes mean to the layers that judge an attempt.
///
/// The status decides, but for one code: 80623, a conflict of participants, is answered with 409
/// and passes when the other call is through. It is tried again only on request, since the other
/// call may hold the participant for as long as its session lives.
/// <https://www.twilio.com/docs/api/errors/80623>
#[derive(Clone, Copy, Debug, Default)]
pub struct TwilioClassifier {
    waits_for_participants: bool,
}

impl TwilioClassifier {
    /// Judges by the status alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a conflict of participants (80623) is waited out like a throttle.
    #[must_use]
    pub fn retry_participant_conflict(mut self, yes: bool) -> Self {
        self.waits_for_participants = yes;
        self
    }
}

impl Classifier<Collected> for TwilioClassifier {
    fn classify(&self, response: &Response<Collected>) -> Class {
        match response.status() {
            StatusCode::CONFLICT
                if self.waits_for_participants
                    && code(response) == Some(codes::PARTICIPANT_CONFLICT) =>
            {
                Class::Throttled
            }
            status => Class::of_status(status),
        }
    }
}

/// What an answer says to the rate limit: a 429 is its business, unless it is 20429, which is about
/// how much is under way at once. <https://www.twilio.com/docs/api/errors/20429>
#[derive(Clone, Copy, Debug, Default)]
pub struct RateClassifier {
    is_deaf: bool,
}

impl RateClassifier {
    /// Hears every 429 that is about a rate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether throttles are heard at all. A limit that hears none keeps to its quota whatever the
    /// server says: for a quota that is known to be right, and 429s that are somebody else's doing.
    #[must_use]
    pub fn hear_throttles(mut self, yes: bool) -> Self {
        self.is_deaf = !yes;
        self
    }
}

impl Classifier<Collected> for RateClassifier {
    fn classify(&self, response: &Response<Collected>) -> Class {
        match Class::of_status(response.status()) {
            Class::Throttled if self.is_deaf => Class::Refused,
            Class::Throttled if code(response) == Some(codes::TOO_MANY_CONCURRENT) => {
                Class::Refused
            }
            class => class,
        }
    }
}

/// Twilio's code for an error, where the body has one.
pub(super) fn code(response: &Response<Collected>) -> Option<u32> {
    #[derive(Deserialize)]
    struct Body {
        code: u32,
    }
    serde_json::from_slice::<Body>(response.body().bytes()).ok().map(|body| body.code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response<Collected> {
        let mut response = Response::new(Collected::new(body.into()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
        response
    }

    #[test]
    fn a_429_is_about_the_rate_unless_it_says_otherwise() {
        for (status, body, heard) in [
            (429, r#"{"code":80621}"#, Class::Throttled),
            (429, r#"{"code":20429}"#, Class::Refused),
            // A proxy in between knows no code: rates are what most of them limit.
            (429, "slow down", Class::Throttled),
            (503, r#"{"code":80621}"#, Class::Unavailable),
            (200, "{}", Class::Success),
        ] {
            let answer = answer(status, body);
            assert_eq!(RateClassifier::new().classify(&answer), heard, "{body}");
            let deaf = RateClassifier::new().hear_throttles(false);
            assert_ne!(deaf.classify(&answer), Class::Throttled, "{body}");
        }
    }
}
