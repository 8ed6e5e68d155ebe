//! The builder's gateways whose rate limit is granted elsewhere.

use super::{DefaultGateway, Error, GatewayBuilder, HttpStack};
use crate::call::Raise;
use crate::middleware::limit::rate::Limiter;
use crate::transport::ProxyTransport;

impl GatewayBuilder {
    /// [`build`](Self::build), with another limiter behind the rate limit, such as one that a fleet
    /// of processes shares: see [`StackLayers::limited_by`](super::StackLayers::limited_by). The
    /// limiter has its own quota; the builder's is without effect.
    ///
    /// # Errors
    ///
    /// As for [`build`](Self::build).
    pub fn build_limited_by<L: Limiter>(
        self,
        limiter: L,
    ) -> Result<DefaultGateway<ProxyTransport, L>, Error> {
        let (transport, prepared) = self.prepare()?;
        Ok(prepared.limited_by(limiter).over(transport))
    }

    /// [`over`](Self::over), with another limiter behind the rate limit: see
    /// [`build_limited_by`](Self::build_limited_by).
    ///
    /// ```
    /// # #[cfg(feature = "simulator")]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use twilio_proxy::gateway::Gateway;
    /// use twilio_proxy::middleware::auth::Credentials;
    /// use twilio_proxy::middleware::limit::Quota;
    /// use twilio_proxy::middleware::limit::rate::LocalLimiter;
    /// use twilio_proxy::simulator::Simulator;
    ///
    /// let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
    /// // Any `Limiter`: here one of this process.
    /// let limiter = LocalLimiter::new(Quota::per_second(10));
    /// let gateway = Gateway::builder(credentials).over_limited_by(Simulator::new(), limiter)?;
    /// # drop(gateway);
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "simulator"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`over`](Self::over).
    pub fn over_limited_by<T, L>(
        self,
        transport: T,
        limiter: L,
    ) -> Result<DefaultGateway<T, L>, Error>
    where
        T: HttpStack<Error: Raise> + Clone,
        L: Limiter,
    {
        Ok(self.prepare_over()?.limited_by(limiter).over(transport))
    }
}
