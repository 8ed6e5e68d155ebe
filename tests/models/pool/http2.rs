//! No connection of a model speaks HTTP/2: this is what the books name of it.

use tokio::time::Instant;

pub(super) struct Shared {
    pub(super) id: u64,
    pub(super) streams: usize,
    pub(super) since: Instant,
    pub(super) expires: Option<Instant>,
}

impl Shared {
    pub(super) fn grant(&mut self, _: bool) -> Option<Stream> {
        None
    }

    pub(super) fn release(&mut self, _: Ended, _: Instant) {}

    pub(super) fn is_idle(&self) -> bool {
        false
    }

    pub(super) fn retire(&mut self) {}

    pub(super) fn end(&mut self) {}

    pub(super) fn is_over(&self) -> bool {
        true
    }
}

#[derive(Debug)]
pub(in crate::transport) struct Stream {
    pub(super) id: u64,
}

#[derive(Debug)]
pub(in crate::transport) enum Ended {
    Unused,
}
