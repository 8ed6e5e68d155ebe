use std::fmt;

use crate::call::{CallIds, Rng};

/// The longest UniqueName, in characters. <https://www.twilio.com/docs/proxy/api/session>
const LONGEST: usize = 191;
/// The digits after the prefix: 64 random bits of this source, and a count.
const DIGITS: usize = 32;

/// UniqueNames, each of which is given out once: a prefix and 32 hexadecimal digits.
///
/// Half of the digits are drawn when the source is made, half count: no two names of one source are
/// alike, and those of two sources are with a chance of one in 2⁶⁴.
pub(super) struct Names {
    prefix: String,
    ids: CallIds,
}

impl Names {
    pub(super) fn new(prefix: &str, rng: &Rng) -> Self {
        let prefix = prefix.chars().take(LONGEST - DIGITS).collect();
        Self { prefix, ids: CallIds::new(rng) }
    }

    pub(super) fn next(&self) -> String {
        format!("{}{}", self.prefix, self.ids.next())
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
