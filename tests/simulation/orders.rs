//! The order of the layers.

use twilio_proxy::call::Rng;
use twilio_proxy::gateway::config::{GatewayConfig, LayerName};

/// The default order half of the time; else one that the rules let pass, with layers left out and neighbours swapped.
pub(crate) fn order(rng: &Rng) -> Vec<LayerName> {
    let mut order = LayerName::DEFAULT_ORDER.to_vec();
    if rng.bits().is_multiple_of(2) {
        return order;
    }
    order.retain(|layer| is_needed(*layer) || !rng.bits().is_multiple_of(6));
    let mut config = GatewayConfig::from_toml("[credentials]\nfrom = \"none\"").unwrap();
    let default = order.clone();
    for _ in 0..30 {
        let mut other = order.clone();
        let at = (rng.bits() % (other.len() as u64 - 1)) as usize;
        other.swap(at, at + 1);
        config.stack = Some(other.clone());
        if config.check().is_ok() {
            order = other;
        }
    }
    config.stack = Some(order.clone());
    if config.check().is_ok() { order } else { default }
}

/// Without these a run would not end, or have nobody to let in.
fn is_needed(layer: LayerName) -> bool {
    matches!(
        layer,
        LayerName::Auth | LayerName::Collect | LayerName::Deadline | LayerName::AttemptTimeout
    )
}
