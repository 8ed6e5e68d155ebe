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

/// Twilio's code for an error, where the body has one.
pub(super) fn code(response: &Response<Collected>) -> Option<u32> {
    #[derive(Deserialize)]
    struct Body {
        code: u32,
    }
    serde_json::from_slice::<Body>(response.body().bytes()).ok().map(|body| body.code)
}
