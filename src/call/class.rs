use http::{Response, StatusCode};

/// The judgement of one attempt's end: whether another could end otherwise. Retry reads it, and so
/// may a layer of your own, such as a circuit breaker.
///
/// It says nothing of what was done; that is the attempt's [`Effect`](super::Effect).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// The server did what was asked.
    Success,
    /// The server said no (4xx), or gave an answer that would be no better the next time. Asking
    /// again changes nothing.
    Refused,
    /// The server said "later" without acting (429). Any operation may be tried again.
    Throttled,
    /// The server or something before it broke (5xx). It may have acted.
    Unavailable,
    /// The request never reached the server. Any operation may be tried again.
    NeverSent,
    /// The request may have reached the server, and no whole answer came back.
    Interrupted,
    /// This process refused: a limit, a deadline, a setting. The server knows nothing of it.
    Local,
}

impl Class {
    /// The lower-case name, as used in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::NeverSent => "never_sent",
            Self::Interrupted => "interrupted",
            Self::Local => "local",
        }
    }

    /// What a status alone says.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Success,
            429 => Self::Throttled,
            400..=499 => Self::Refused,
            500..=599 => Self::Unavailable,
            // A redirect is not followed and an unknown status promises nothing: do not repeat it.
            _ => Self::Refused,
        }
    }
}

/// Judges a response. The one place where a vendor's rules enter the middleware.
///
/// Generic over the body, so that a classifier which reads the body asks for one that is
/// already collected, while one that reads the status fits over anything.
pub trait Classifier<B> {
    /// Judges the response of one attempt.
    fn classify(&self, response: &Response<B>) -> Class;
}

/// Judges by the HTTP status alone; right for most HTTP APIs.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatusClassifier;

impl<B> Classifier<B> for StatusClassifier {
    fn classify(&self, response: &Response<B>) -> Class {
        Class::of_status(response.status())
    }
}

impl<B, C: Classifier<B> + ?Sized> Classifier<B> for std::sync::Arc<C> {
    fn classify(&self, response: &Response<B>) -> Class {
        (**self).classify(response)
    }
}
