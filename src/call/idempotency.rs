use http::Method;

/// Whether a call may be repeated when nobody knows what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// Changes nothing: repeat at will, even in parallel.
    Safe,
    /// Sets values or removes: a second time leaves what the first left.
    Idempotent,
    /// Creates under a name that can exist once: a second time is refused, not doubled.
    Keyed,
    /// A second time may do it twice. Never repeated after an attempt of unknown effect.
    Unsafe,
}

impl Idempotency {
    /// What HTTP promises of a method. <https://www.rfc-editor.org/rfc/rfc9110#section-9.2>
    #[must_use]
    pub const fn of_method(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE => Self::Safe,
            Method::PUT | Method::DELETE => Self::Idempotent,
            _ => Self::Unsafe,
        }
    }

    /// Whether an attempt of unknown effect may be repeated.
    #[must_use]
    pub fn is_replayable(self) -> bool {
        self != Self::Unsafe
    }
}
