use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{Rng, Sid};

/// What a quota is counted by: account, operation, and the resource above (Proxy: the Service).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// The account, where the call brings its own credentials.
    pub account: Option<Sid>,
    /// The operation's name.
    pub operation: &'static str,
    /// The resource above.
    pub scope: Option<Sid>,
}

/// The name of one call, the same on all its attempts: 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallId {
    pub(super) run: u64,
    pub(super) number: u64,
}

impl CallId {
    /// The digits, without the detour of a formatter: every request carries them.
    #[must_use]
    pub fn digits(self) -> [u8; 32] {
        let both = (u128::from(self.run) << 64) | u128::from(self.number);
        std::array::from_fn(|place| {
            let digit = (both >> (4 * (31 - place))) as u8 & 0xf;
            if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
        })
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the default: the digits are ASCII.
        f.pad(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

/// Hands out [`CallId`]s: a random half per process run, and a counter, so that no call draws randomness.
#[derive(Debug)]
pub struct CallIds {
    run: u64,
    next: AtomicU64,
}

impl CallIds {
    /// A sequence whose random half comes from `rng`.
    #[must_use]
    pub fn new(rng: &Rng) -> Self {
        Self { run: rng.bits(), next: AtomicU64::new(1) }
    }

    /// The next call's name.
    #[must_use]
    pub fn next(&self) -> CallId {
        CallId { run: self.run, number: self.next.fetch_add(1, Relaxed) }
    }
}
