use http::StatusCode;

/// What may have come of a call that did not succeed: the question to ask before trying it again.
///
/// Effects are ordered by how much may have happened: `None < Unknown < Applied`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing happened at the server. Trying again is safe, whatever the call was.
    None,
    /// The server may or may not have acted. Look before you repeat an unkeyed create.
    Unknown,
    /// The server acted, and its answer could not be understood.
    Applied,
}

impl Effect {
    /// What an answer with this status proves: a 4xx did nothing, a 2xx did it, any other leaves it open.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Applied,
            400..=499 => Self::None,
            _ => Self::Unknown,
        }
    }

    /// The lower-case name, as used in logs and JSON: `none`, `unknown` or `applied`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unknown => "unknown",
            Self::Applied => "applied",
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
