use std::sync::Arc;

use arc_swap::ArcSwap;

/// A setting that a running process may change: read without a lock, swapped whole.
///
/// Clones share the value. A reader that holds a snapshot keeps it, so a call in flight finishes
/// under the settings it began with.
pub struct Live<T> {
    value: Arc<ArcSwap<T>>,
}

impl<T> Live<T> {
    /// A handle on this value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: Arc::new(ArcSwap::from_pointee(value)) }
    }

    /// The value now, shared.
    #[must_use]
    pub fn snapshot(&self) -> Arc<T> {
        self.value.load_full()
    }

    /// Reads the value in place: no reference count is touched, so it is the way on the hot path.
    pub fn read<R>(&self, with: impl FnOnce(&T) -> R) -> R {
        with(&self.value.load())
    }

    /// Puts another value in its place; every clone of the handle sees it from its next read on.
    pub fn set(&self, value: T) {
        self.value.store(Arc::new(value));
    }
}

impl<T> Clone for Live<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value) }
    }
}

impl<T> From<T> for Live<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Live<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Live<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Live").field(&*self.value.load()).finish()
    }
}
