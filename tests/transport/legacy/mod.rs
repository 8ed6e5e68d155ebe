//! The suite over hyper-util's `client::legacy`.

use twilio_proxy::call::Fault;
use twilio_proxy::transport::{Builder, Connect};

#[path = "../breaks.rs"]
mod breaks;
#[path = "../connect.rs"]
mod connect;
#[path = "../crowd.rs"]
mod crowd;
#[path = "../facts.rs"]
mod facts;
#[cfg(feature = "http2")]
#[path = "../http2.rs"]
mod http2;
#[path = "../pool.rs"]
mod pool;
#[path = "../support.rs"]
pub(crate) mod support;
#[path = "../tls.rs"]
mod tls;
#[path = "../tunnel.rs"]
mod tunnel;
#[path = "../wire.rs"]
mod wire;

pub(crate) use twilio_proxy::transport::LegacyTransport as Transport;

/// How this suite's transport comes from the settings.
pub(crate) trait Make {
    fn made(self) -> Result<Transport, Fault>;
    fn made_with<C: Connect>(self, connector: C) -> Result<Transport<C>, Fault>;
}

impl Make for Builder {
    fn made(self) -> Result<Transport, Fault> {
        self.build_legacy()
    }

    fn made_with<C: Connect>(self, connector: C) -> Result<Transport<C>, Fault> {
        self.build_legacy_with(connector)
    }
}
