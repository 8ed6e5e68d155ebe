//! How calls go, in numbers, through the [`metrics`](https://docs.rs/metrics) facade.
//!
//! Nothing is exported here: the program installs the recorder of its choice, and without one next to
//! nothing is done: 400 of the 62,000 instructions of a fetch, and no allocation
//! (`cargo bench --bench instructions`, with the feature and without). [`INSTRUMENTS`] is the table of what is emitted; the
//! [chapter](crate::guide::metrics) has it in print.
//!
//! Attributes have few values by construction: operations and templates are text of the program,
//! methods, reasons and states come from closed lists, a status that HTTP does not register is
//! `_OTHER`, and of hosts and origins the first [`MOST_ORIGINS`] keep their names, whichever the process
//! talks to, and all others are `_OTHER`.
//!
//! A recorder whose type has no size is taken for `metrics`' own that does nothing; the facade gives no
//! better way to ask whether anybody listens.

mod bounded;
mod record;
mod table;

pub use bounded::MOST_ORIGINS;
pub(crate) use record::{
    Measure, Wait, absolute, breaker, denied, gauge, origin, retried, set_state,
};
pub(crate) use table::*;
pub use table::{INSTRUMENTS, Instrument, Kind};

/// Bounds for histograms in seconds: those of OpenTelemetry's conventions for HTTP
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-metrics/>), and two more for calls that
/// wait for their deadline.
pub const SECONDS_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 20.0, 40.0];

/// Bounds for `gateway.call.attempts`.
pub const ATTEMPTS_BUCKETS: &[f64] = &[0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0];

/// Tells the installed recorder the unit and meaning of each metric: once, after it was installed.
///
/// ```
/// twilio_proxy::middleware::observe::metrics::describe();
/// ```
pub fn describe() {
    ::metrics::with_recorder(|recorder| {
        for instrument in INSTRUMENTS {
            let (name, unit, what) =
                (instrument.name.into(), Some(instrument.unit), instrument.what.into());
            match instrument.kind {
                Kind::Counter => recorder.describe_counter(name, unit, what),
                Kind::Gauge => recorder.describe_gauge(name, unit, what),
                Kind::Histogram => recorder.describe_histogram(name, unit, what),
            }
        }
    });
}
