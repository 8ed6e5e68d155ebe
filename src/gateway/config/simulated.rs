//! A deployment's settings, tried on the simulator.

use super::{CredentialsConfig, CredentialsFrom, EndpointConfig, GatewayConfig, LayerName};
use crate::call::AccountSid;
use crate::simulator::Simulator;

impl GatewayConfig {
    /// The same settings for a simulator at this URL: with its credentials, one endpoint, a quota of its
    /// own, and without signatures and roots of trust. So a deployment can be tried before it meets an account,
    /// on a machine that has none of its secrets.
    ///
    /// A stack without `auth` sends no credentials; have the simulator ask for
    /// [none](crate::simulator::Settings::without_authentication) then.
    #[must_use]
    pub fn simulated(mut self, base_url: impl Into<String>) -> Self {
        let user_agent = self.endpoint.user_agent.take();
        let base_url = Some(base_url.into());
        self.endpoint = EndpointConfig { base_url, user_agent, ..EndpointConfig::default() };
        self.signing = Default::default();
        self.fleet = Default::default();
        self.transport.roots_file = None;
        self.transport.add_roots_file = None;
        self.credentials =
            CredentialsConfig { from: Some(CredentialsFrom::None), ..CredentialsConfig::default() };
        if self.has(LayerName::Auth) {
            self.credentials.from = Some(CredentialsFrom::AuthToken);
            // OK because the simulator's own is one.
            self.credentials.account_sid = Simulator::ACCOUNT_SID.parse::<AccountSid>().ok();
            self.credentials.auth_token = Some(Simulator::AUTH_TOKEN.into());
        }
        self
    }
}
