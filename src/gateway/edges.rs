//! Where the API is, if it is in several places.

use super::{Error, GatewayBuilder, TwilioClassifier};
use crate::middleware::failover::{Base, Ejection, FailoverLayer};
use crate::wire::{Endpoint, EndpointError};

/// The share of endpoints, in percent, that must stay in service: one is enough, for what one process
/// sends is a drop in the sea of an edge.
const PANIC_BELOW: u32 = 0;

/// When an edge is left out.
pub(super) fn ejection() -> Ejection {
    Ejection::new().panic_below(PANIC_BELOW)
}

/// Where else the API is.
pub(super) enum Other {
    Url(String),
    Edge(String),
}

impl GatewayBuilder {
    /// One more edge, such as `frankfurt`, that the calls may go through: the base URL and the region
    /// with this edge in place of the [first](Self::edge). May be said several times.
    ///
    /// Edges are doors to one region, and lead to the same sessions: a read goes through the door that
    /// is quickest just now, a write through the first that works; see [`failover`] for the rest. A
    /// list may go through another door for each page, since a page's token is the region's.
    ///
    /// A base URL that has no place for an edge, such as an address, stays the only one.
    ///
    /// ```
    /// use twilio_proxy::gateway::Gateway;
    /// use twilio_proxy::middleware::auth::Credentials;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
    /// # let transport = tower::service_fn(|_request| async {
    /// #     Err::<http::Response<http_body_util::Full<bytes::Bytes>>, _>(twilio_proxy::call::BoxError::from("offline"))
    /// # });
    /// let gateway = Gateway::builder(credentials)
    ///     .region("ie1")
    ///     .edge("dublin")
    ///     .failover_edge("frankfurt")
    ///     .over(transport)?;
    /// let hosts: Vec<&str> = gateway.endpoint().all().map(|at| at.origin().host()).collect();
    /// assert_eq!(hosts, ["proxy.dublin.ie1.twilio.com", "proxy.frankfurt.ie1.twilio.com"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`failover`]: crate::middleware::failover
    pub fn failover_edge(mut self, edge: impl Into<String>) -> Self {
        self.others.push(Other::Edge(edge.into()));
        self
    }

    /// One more base URL that the calls may go to, such as another proxy before the same API. May be
    /// said several times; each gets the credentials, under the same rules as the first.
    ///
    /// The [region](Self::region) is worked into it, and its edge is its own. It must lead to the same
    /// sessions as the first: *regions share nothing*, so a session that was made in one is not found
    /// in another. Don't name two regions, unless something that you know of keeps them alike.
    pub fn failover_to(mut self, url: impl Into<String>) -> Self {
        self.others.push(Other::Url(url.into()));
        self
    }

    /// The base URL, and where else.
    pub(super) fn endpoint(&self) -> Result<Endpoint, Error> {
        let (region, edge) = (self.region.as_deref(), self.edge.as_deref());
        let mut endpoint = Endpoint::with_region(&self.base_url, region, edge)?;
        for other in &self.others {
            endpoint = endpoint.or(match other {
                Other::Url(url) => Endpoint::with_region(url, region, None)?,
                Other::Edge(edge) => Endpoint::with_region(&self.base_url, region, Some(edge))?,
            });
        }
        Ok(endpoint)
    }

    /// The layer that chooses among them.
    pub(super) fn failover(
        &self,
        endpoint: &Endpoint,
    ) -> Result<FailoverLayer<TwilioClassifier>, Error> {
        let base = |at: &Endpoint| Base::new(&at.base()).map_err(EndpointError::Origin);
        let mut failover = FailoverLayer::new(base(endpoint)?)
            .classifier(TwilioClassifier::new())
            .ejection(ejection())
            .rng(self.rng.clone());
        for other in endpoint.all().skip(1) {
            failover = failover.or(base(other)?);
        }
        Ok(failover)
    }
}
