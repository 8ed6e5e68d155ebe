//! The parts that threads share, in every order in which threads can come.
//!
//! The files of the retry budget, the breaker, the line before a limit and the pool's books are built here a second
//! time, as they stand in `src`, over loom's locks and atomics in place of the standard library's: `call::sync` is
//! the one name they take them from. Each model is run again and again until every order of its threads' steps with
//! so many preemptions has been tried, and every value that a relaxed load may see. Whoever waits for ever in any of
//! them is found too. `DEEPER=1` goes further.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// What the files below find under `crate::call`.
mod call {
    #[path = "sync.rs"]
    pub(crate) mod sync;

    pub(crate) use twilio_proxy::call::*;
}

mod explore;
mod sources;

// Paths lead from here into `src`, and back again for the models: they see what the neighbours of the parts see.
#[path = "../../src/middleware"]
#[allow(dead_code, unreachable_pub, unused_imports, unused_qualifications)]
mod middleware {
    pub(crate) mod retry {
        pub(crate) mod budget;
        #[path = "../../../tests/models/budget.rs"]
        mod model;
    }

    pub(crate) mod limit {
        mod headroom;
        pub(crate) mod line {
            mod place;
            mod queue;
            mod state;

            pub(super) use place::Place;
            pub(super) use queue::{Joined, Line};
            pub(super) use state::{Dismissal, Guest, Refused, Woken};
        }
        #[path = "../../../tests/models/line.rs"]
        mod model;
    }

    pub(crate) mod breaker {
        mod circuit;
        mod machine;
        #[path = "../../../tests/models/breaker.rs"]
        mod model;
        mod settings;
        mod status;
        mod window;

        pub use settings::Settings;
    }

    /// Nobody measures here.
    pub(crate) mod observe {
        #[path = "../../../tests/models/meter.rs"]
        pub(crate) mod meter;
    }
}

#[path = "../../src/transport"]
#[allow(dead_code, unreachable_pub, unused_imports, unused_qualifications)]
mod transport {
    pub(crate) mod pool {
        // Connections without a wire: what the books do is the same, whatever moves the bytes.
        #[path = "../../../tests/models/pool/dial.rs"]
        mod dial;
        #[path = "../../../tests/models/pool/http1.rs"]
        mod http1;
        #[path = "../../../tests/models/pool/http2.rs"]
        mod http2;

        mod link;
        #[path = "../../../tests/models/pool/model.rs"]
        mod model;
        mod origin;
        mod state;
        mod stats;
    }
}
