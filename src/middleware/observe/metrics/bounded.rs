//! Names from outside, so many and no more.

use std::sync::{Arc, PoisonError, RwLock};

use metrics::SharedString;

/// How many hosts, and how many origins, are told apart in a process. The rest are `_OTHER`.
pub const MOST_ORIGINS: usize = 64;

/// What is told of a name there is no room for.
pub(super) const OTHER: &str = "_OTHER";

/// The first names that came, each kept for good.
pub(super) struct Names(RwLock<Vec<(Arc<str>, u16)>>);

impl Names {
    pub(super) const fn new() -> Self {
        Self(RwLock::new(Vec::new()))
    }

    /// The name, as far as there is room for it.
    pub(super) fn get(&self, name: &str, port: u16) -> Option<SharedString> {
        let is_it = |known: &&(Arc<str>, u16)| known.1 == port && &*known.0 == name;
        {
            // A list that only grows is whole after any panic.
            let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((name, _)) = known.iter().find(is_it) {
                return Some(SharedString::from_shared(Arc::clone(name)));
            }
            if known.len() >= MOST_ORIGINS {
                return None;
            }
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, _)) = known.iter().find(is_it) {
            return Some(SharedString::from_shared(Arc::clone(name)));
        }
        if known.len() >= MOST_ORIGINS {
            return None;
        }
        let name: Arc<str> = name.into();
        known.push((Arc::clone(&name), port));
        Some(SharedString::from_shared(name))
    }
}
