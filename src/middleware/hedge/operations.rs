use std::fmt;
use std::sync::OnceLock;

use super::latency::Latency;

/// How many operations have a histogram of their own; the rest share one.
///
/// An API has few operations that are safe. A histogram takes about 2 KiB, and is made when its
/// operation first answers.
const PLACES: usize = 15;

/// What the shared histogram is called.
pub(super) const OTHERS: &str = "*";

/// The latencies of each operation: a fetch and a list of hundreds have nothing in common.
///
/// A place is given once and never taken back, so looking one up is a comparison or two and no lock.
#[derive(Default)]
pub(super) struct Operations {
    places: [OnceLock<Place>; PLACES],
    others: OnceLock<Place>,
}

struct Place {
    operation: &'static str,
    latency: Box<Latency>,
}

impl Place {
    fn new(operation: &'static str, now: u64) -> Self {
        Self { operation, latency: Box::new(Latency::new(now)) }
    }
}

impl Operations {
    /// The latencies of an operation that has answered before.
    pub(super) fn find(&self, operation: &str) -> Option<&Latency> {
        for place in &self.places {
            match place.get() {
                Some(place) if place.operation == operation => return Some(&place.latency),
                Some(_) => {}
                // Places are given in order: behind an empty one there is nothing.
                None => return None,
            }
        }
        self.others.get().map(|place| &*place.latency)
    }

    /// The latencies of an operation that answers now, in nanoseconds since the layer was made.
    pub(super) fn entry(&self, operation: &'static str, now: u64) -> &Latency {
        for place in &self.places {
            // Another thread may be quicker with another operation: then look at the next place.
            let place = place.get_or_init(|| Place::new(operation, now));
            if place.operation == operation {
                return &place.latency;
            }
        }
        &self.others.get_or_init(|| Place::new(OTHERS, now)).latency
    }

    /// Every operation that has answered, with its latencies.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Latency)> {
        let places = self.places.iter().chain([&self.others]);
        places.filter_map(OnceLock::get).map(|place| (place.operation, &*place.latency))
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(operation, _)| operation)).finish()
    }
}
