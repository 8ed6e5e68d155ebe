//! A key and its hash: hashed once for the choice of the shard and the look-up in it.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use super::Key;

/// A key's 64 bits, under the table's own seed.
///
/// All that a call remembers of its key once it has gone: a key is many times as long, and would be
/// moved with the call's future through every layer. Two keys never share 64 seeded bits as far as
/// anybody will see; if two did, one might be slowed down for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits(u64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hashed {
    bits: Bits,
    key: Key,
}

impl Hashed {
    pub(super) fn new(hash: u64, key: Key) -> Self {
        Self { bits: Bits(hash), key }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn bits(&self) -> Bits {
        self.bits
    }
}

impl Bits {
    /// Which of so many shards the key is in. Not the low bits, which choose the bucket, nor the
    /// highest, which hashbrown compares.
    pub(super) fn shard(self, shards: usize) -> usize {
        (self.0 >> 32) as usize % shards
    }
}

impl Borrow<Bits> for Hashed {
    fn borrow(&self) -> &Bits {
        &self.bits
    }
}

impl Hash for Bits {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl Hash for Hashed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

/// The hasher of what is hashed already.
#[derive(Default)]
pub(super) struct Ready(u64);

impl Hasher for Ready {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Never called for a `Hashed`; right all the same.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
