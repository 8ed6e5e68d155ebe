//! The requests under way, by what they are: to say at the end what was cut off.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use twilio_proxy::wire::Route;

/// How many requests of each operation are under way on a listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnderWay(Arc<Mutex<BTreeMap<&'static str, usize>>>);

/// One of them; dropped, it is no more.
#[derive(Debug)]
pub(crate) struct Counted {
    all: UnderWay,
    operation: &'static str,
}

impl UnderWay {
    pub(crate) fn count<B>(&self, request: &Request<B>) -> Counted {
        let route = Route::recognise(request.method(), request.uri().path());
        let operation = route.meta().map_or("other", |meta| meta.name);
        self.add(operation, 1);
        Counted { all: self.clone(), operation }
    }

    /// Those that are under way now.
    pub(crate) fn now(&self) -> Operations {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Operations(
            all.iter().map(|(name, count)| (*name, *count)).filter(|one| one.1 > 0).collect(),
        )
    }

    fn add(&self, operation: &'static str, by: isize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(operation).or_default();
        *count = count.saturating_add_signed(by);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.all.add(self.operation, -1);
    }
}

/// So many of each: `2 requests (sessions.create 1, sessions.fetch 1)`.
#[derive(Debug)]
pub(crate) struct Operations(Vec<(&'static str, usize)>);

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests", self.0.iter().map(|(_, count)| count).sum::<usize>())?;
        for (at, (name, count)) in self.0.iter().enumerate() {
            write!(f, "{}{name} {count}", if at == 0 { " (" } else { ", " })?;
        }
        f.write_str(if self.0.is_empty() { "" } else { ")" })
    }
}
