//! A lock that does not come from `call::sync` is one that no model sees.

const MODELLED: [(&str, &str); 12] = [
    ("retry/budget", include_str!("../../src/middleware/retry/budget.rs")),
    ("limit/line/place", include_str!("../../src/middleware/limit/line/place.rs")),
    ("limit/line/queue", include_str!("../../src/middleware/limit/line/queue.rs")),
    ("limit/line/state", include_str!("../../src/middleware/limit/line/state.rs")),
    ("breaker/circuit", include_str!("../../src/middleware/breaker/circuit.rs")),
    ("breaker/machine", include_str!("../../src/middleware/breaker/machine.rs")),
    ("breaker/settings", include_str!("../../src/middleware/breaker/settings.rs")),
    ("breaker/status", include_str!("../../src/middleware/breaker/status.rs")),
    ("breaker/window", include_str!("../../src/middleware/breaker/window.rs")),
    ("pool/link", include_str!("../../src/transport/pool/link.rs")),
    ("pool/origin", include_str!("../../src/transport/pool/origin.rs")),
    ("pool/state", include_str!("../../src/transport/pool/state.rs")),
];

/// What loom has one of its own of, and the words for it.
const LOOMS: [&str; 7] = ["atomic", "Mutex", "RwLock", "Condvar", "OnceLock", "mpsc", "oneshot"];

#[test]
fn what_is_modelled_takes_its_locks_where_the_models_see_them() {
    for (name, text) in MODELLED {
        let foreign = text.lines().filter(|line| {
            let from = ["std::sync", "tokio::sync", "parking_lot"];
            from.iter().any(|from| line.contains(from))
                && LOOMS.iter().any(|word| line.contains(word))
        });
        let foreign: Vec<_> = foreign.collect();
        assert!(foreign.is_empty(), "{name} takes from elsewhere than `call::sync`: {foreign:?}");
    }
}
