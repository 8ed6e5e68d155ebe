//! What `/metrics` says, in Prometheus' text format.

use std::fmt::Write as _;

use twilio_proxy::gateway::Health;

/// The numbers of the gateway's health.
pub(crate) fn metrics_text(health: &Health) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, labels: &str, value: f64| {
        let is_new = !text.contains(&format!("# TYPE {name} "));
        if is_new {
            let _ = writeln!(text, "# TYPE {name} gauge");
        }
        let _ = writeln!(text, "{name}{labels} {value}");
    };
    #[allow(clippy::cast_precision_loss)]
    let number = |count: usize| count as f64;
    gauge("twilio_proxy_calls_in_flight", "", number(health.in_flight));
    gauge("twilio_proxy_closed", "", f64::from(u8::from(health.closed)));
    if let Some(budget) = &health.retry_budget {
        gauge("twilio_proxy_retry_budget_available", "", budget.available.into());
        gauge("twilio_proxy_retry_budget_capacity", "", budget.capacity.into());
    }
    for circuit in &health.circuits {
        let labels = format!("{{origin=\"{}\"}}", circuit.origin);
        let open = f64::from(u8::from(circuit.state == "open"));
        gauge("twilio_proxy_circuit_open", &labels, open);
    }
    for circuit in &health.circuits {
        let labels = format!("{{origin=\"{}\"}}", circuit.origin);
        gauge("twilio_proxy_circuit_failure_rate", &labels, circuit.failure_rate);
    }
    text
}
