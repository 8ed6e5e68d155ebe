//! The faults: what happens to the server, or to the way to it, for half a minute.

use std::time::Duration;

use http::StatusCode;
use twilio_proxy::simulator::{FaultPlan, Mishap, Settings};

use crate::edges::Edges;

/// One fault, and how it is put in place.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) is: &'static str,
    /// How the server is set up, all the time.
    pub(crate) settings: fn(Settings) -> Settings,
    pub(crate) begin: fn(&Edges),
}

impl Fault {
    pub(crate) fn end(&self, edges: &Edges) {
        edges.simulator.set_faults(FaultPlan::none());
        edges.first_is_down.set(false);
    }
}

fn same(settings: Settings) -> Settings {
    settings
}

fn some(rate: f64, mishap: Mishap) -> FaultPlan {
    FaultPlan::random(7).rate(rate).mix([(mishap, 1)])
}

pub(crate) fn all() -> Vec<Fault> {
    vec![
        Fault {
            name: "Refused",
            is: "For 30 s, one connection in ten is refused",
            settings: same,
            begin: |edges| edges.simulator.set_faults(some(0.1, Mishap::Refused)),
        },
        Fault {
            name: "Reset before the commit",
            is: "For 30 s, one request in ten breaks off before the server acts",
            settings: same,
            begin: |edges| edges.simulator.set_faults(some(0.1, Mishap::ResetBefore)),
        },
        Fault {
            name: "Reset after the commit",
            is: "For 30 s, the server acts on every request, and one answer in ten is lost",
            settings: same,
            begin: |edges| edges.simulator.set_faults(some(0.1, Mishap::ResetAfter)),
        },
        Fault {
            name: "A burst of 5xx",
            is: "For 30 s, every request is answered 503",
            settings: same,
            begin: |edges| {
                let down = Mishap::ErrorBefore(StatusCode::SERVICE_UNAVAILABLE);
                edges.simulator.set_faults(some(1.0, down));
            },
        },
        Fault {
            name: "Throttled",
            is: "All the time, the server takes 4 creates a second of a Service, where 5.3 come",
            settings: |settings| settings.rate_limit(20, Duration::from_secs(5)),
            begin: |_| {},
        },
        Fault {
            name: "Crowded",
            is: "All the time, a request takes the server 1.5 s and it takes 20 at once, where 24 would come",
            settings: |settings| {
                settings.latency(Duration::from_millis(1500)).concurrency_limit(20)
            },
            begin: |_| {},
        },
        Fault {
            name: "Slow",
            is: "For 30 s, one answer in twenty takes 4 s",
            settings: same,
            begin: |edges| {
                let late = Mishap::Latency(Duration::from_secs(4));
                edges.simulator.set_faults(some(0.05, late));
            },
        },
        Fault {
            name: "Hung",
            is: "For 30 s, one request in ten is never answered",
            settings: same,
            begin: |edges| edges.simulator.set_faults(some(0.1, Mishap::StallBefore)),
        },
        Fault {
            name: "One edge down",
            is: "For 30 s, the first of two edges takes no connections",
            settings: same,
            begin: |edges| edges.first_is_down.set(true),
        },
    ]
}
