//! What is wrong with a configuration, all of it at once.

use std::error::Error;
use std::fmt;

/// Everything that is wrong with a configuration.
///
/// Its `Display` is meant for whoever wrote the file: each problem with its key, what stands there and
/// where, and what to do about it. No secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    pub(super) problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The key, such as `rate_limit.quota`; empty where it is the whole.
    pub key: String,
    /// What stands there, as JSON; none where nothing does, `***` for a secret.
    pub value: Option<String>,
    /// The file or variable that it comes from, if it comes from one.
    pub source: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub fix: String,
}

impl Problem {
    pub(super) fn new(
        key: impl Into<String>,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), problem: problem.into(), fix: fix.into(), ..Self::default() }
    }
}

impl ConfigError {
    /// The problems, in the order of their keys.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// An error if there is a problem.
    pub(super) fn of(mut problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() {
            return Ok(());
        }
        problems.sort_by(|one, other| one.key.cmp(&other.key));
        problems.dedup();
        Err(Self { problems })
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => write!(f, "the configuration has a problem:")?,
            several => write!(f, "the configuration has {several} problems:")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n\n{problem}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.key.is_empty() { "the whole" } else { &self.key };
        write!(f, "  {key}")?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        if let Some(source) = &self.source {
            write!(f, "  (in {source})")?;
        }
        write!(f, "\n    {}", self.problem)?;
        if !self.fix.is_empty() {
            write!(f, "\n    fix: {}", self.fix)?;
        }
        Ok(())
    }
}

impl Error for ConfigError {}
