use std::sync::Arc;

use tokio_util::task::TaskTracker;
use tower::Layer;

use super::names::Names;
use super::{Manner, Reconcile};
use crate::call::Rng;

/// Finds again what lost answers have done: see the [module](super).
///
/// ```
/// use twilio_proxy::gateway::{Gateway, ReconcileLayer};
/// use twilio_proxy::middleware::auth::Credentials;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "secret");
/// let gateway = Gateway::builder(credentials)
///     .base_url("http://127.0.0.1:4010")
///     .reconcile(ReconcileLayer::new().compare_participants(true).name_unnamed("shop-"))
///     .build()?;
/// # drop(gateway);
/// # Ok(())
/// # }
/// ```
///
/// # Layer order
///
/// A typed layer, around a [`Gateway`](crate::gateway::Gateway): it needs to know what the operation
/// means. Layers that count or time calls as their caller sees them go outside it. One that goes
/// between the two sees the look as a call of its own, and must pass errors on as they came from the
/// gateway: in them is when the call began, and where it went. Nor may it call again by itself: what
/// the first call has done, the refusal of the second knows nothing of. Repeating is for the
/// [retry](crate::middleware::retry) layer below the gateway.
///
/// # Cancellation
///
/// Dropping the future drops the create or the look that is under way; nothing else is held. What
/// the create has done by then is as unknown as of any create that is dropped.
#[derive(Clone, Debug, Default)]
pub struct ReconcileLayer {
    compare_participants: bool,
    prefix: Option<Arc<str>>,
    rng: Option<Rng>,
}

impl ReconcileLayer {
    /// Looks for creates that were given a name, and at the session alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a session that was found must have the participants asked for as well, if any were:
    /// the same number of them, each with the Identifier, and with the FriendlyName,
    /// ProxyIdentifier and ProxyIdentifierSid that it was given. Off by default: it takes one more
    /// read, where an answer was lost.
    ///
    /// Where they differ, whose the session is can't be told: effect unknown.
    #[must_use]
    pub fn compare_participants(mut self, yes: bool) -> Self {
        self.compare_participants = yes;
        self
    }

    /// Gives each create without a UniqueName one of its own: this prefix and 32 hexadecimal digits.
    /// So it may be tried again after a lost answer, and be found again.
    ///
    /// Off by default: a name stays with the session, where others see it. It must not be personal
    /// data, so nor must the prefix, of which the first 159 characters count. Where such a create
    /// fails and its effect is unknown, [`Error::generated_name`](crate::gateway::Error::generated_name)
    /// says what to look for.
    #[must_use]
    pub fn name_unnamed(mut self, prefix: impl Into<Arc<str>>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Where the names come from, for a run that is to be replayed. Two layers with one seed give
    /// out the same names, so never seed two that make sessions in one Service.
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = Some(rng);
        self
    }

    /// The same with this generator, if it has none of its own.
    pub(in crate::gateway) fn rng_or(mut self, rng: &Rng) -> Self {
        self.rng.get_or_insert_with(|| rng.clone());
        self
    }
}

impl<G> Layer<G> for ReconcileLayer {
    type Service = Reconcile<G>;

    fn layer(&self, gateway: G) -> Reconcile<G> {
        let names = self.prefix.as_ref().map(|prefix| {
            // Each service draws for itself: services of one layer share no names either.
            let own;
            let rng = match &self.rng {
                Some(rng) => rng,
                None => {
                    own = Rng::random();
                    &own
                }
            };
            Arc::new(Names::new(prefix, rng))
        });
        let (compare_participants, under_way) = (self.compare_participants, TaskTracker::new());
        Reconcile::new(gateway, Manner { compare_participants, names, under_way })
    }
}
