//! Hears what the limits say: they tell it to `tracing`, like every layer.

use std::fmt;
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::tally::Tally;

/// Has the tally hear of every call that a limit holds.
pub(crate) fn listen(tally: &Arc<Tally>) {
    let limits = Targets::new().with_target("twilio_proxy::middleware::limit", Level::DEBUG);
    let listener = Listener { tally: Arc::clone(tally) }.with_filter(limits);
    tracing_subscriber::registry().with(listener).init();
}

struct Listener {
    tally: Arc<Tally>,
}

impl<S: Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut held = Held::default();
        event.record(&mut held);
        self.tally.held(&held.operation, held.ahead);
    }
}

/// The fields of the event.
#[derive(Default)]
struct Held {
    operation: String,
    ahead: u64,
}

impl Visit for Held {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "operation" {
            self.operation = value.to_owned();
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "ahead" {
            self.ahead = value;
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
