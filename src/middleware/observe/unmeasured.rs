//! What stands in for the metrics where the feature is off: nothing at all, so that no layer has to know.

use std::convert::Infallible;
use std::sync::Arc;

use http::{Request, StatusCode};

use crate::call::{CallFacts, Origin};

pub(crate) fn retried(_: &'static str, _: &'static str) {}

pub(crate) fn denied(_: &'static str, _: &'static str) {}

pub(crate) fn breaker(_: &Origin, _: &'static str) {}

#[derive(Debug)]
pub(crate) struct Wait;

impl Wait {
    pub(crate) fn begin(_: &'static str) -> Self {
        Self
    }

    // As the other one has it.
    #[allow(clippy::unused_self)]
    pub(crate) fn end(&mut self, _: bool) {}
}

/// There is none.
#[derive(Debug)]
pub(crate) struct Measure(Infallible);

impl Measure {
    pub(crate) fn begin<B>(_: &Request<B>, _: bool) -> Option<Self> {
        None
    }

    pub(crate) fn end(
        self,
        _: &Arc<CallFacts>,
        _: Option<StatusCode>,
        _: Option<(&'static str, &'static str)>,
    ) {
        match self.0 {}
    }
}
