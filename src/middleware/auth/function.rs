use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::provider::{Pending, ProvideAuthorization, Provided};
use super::renewal::{Renewal, Source, provides_its_renewal};
use super::{Credentials, Grant};
use crate::call::{BoxError, Fault, FaultKind, Rng, Sid};

/// Credentials from an async function: a vault, a key server, an agent on this machine.
///
/// The function is asked when the first call needs credentials, and again when its [`Grant`] says so:
/// ahead of time, beside calls that go on with what there is. One question is under way at a time,
/// however many calls wait. After a failure nobody asks again for a while, 1 s at first and 60 s at
/// most; calls fail meanwhile if nothing is left that is good, and are told when to come back. A 401
/// has the function asked as well, at most every 10 s, and the call is tried again if it gives
/// *other* credentials than those that were not accepted.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::gateway::Gateway;
/// use twilio_proxy::middleware::auth::{Credentials, FnCredentials, Grant};
///
/// # async fn token_from_the_vault() -> Result<String, std::io::Error> { Ok("hush".into()) }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?;
/// let provider = FnCredentials::new(move || async move {
///     let credentials = Credentials::auth_token(account, token_from_the_vault().await?);
///     Ok(Grant::from(&credentials).renew_after(Duration::from_secs(300)))
/// })
/// .for_account(account);
/// let builder = Gateway::builder(Credentials::none()).credentials_from(provider);
/// # let _ = builder;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// A [`Fault`] that the function returns goes to the callers as it is. Any other error becomes the
/// source of one of kind [`FaultKind::Credentials`], so callers may print it: keep secrets out.
///
/// # Cancellation
///
/// Calls that wait may be dropped: the function's future is polled by those that are left, and else kept
/// for the next call to go on with, or dropped with the provider. So it may rest for a while: have it
/// hold no lock across an `await`. It is given up after 30 s.
#[derive(Clone)]
pub struct FnCredentials {
    renewal: Renewal<Function>,
}

#[derive(Clone)]
struct Function {
    ask: Arc<dyn Fn() -> Pending<Result<Grant, BoxError>> + Send + Sync>,
    account: Option<Sid>,
}

impl FnCredentials {
    /// Asks this function.
    #[must_use]
    pub fn new<F, A>(ask: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Result<Grant, BoxError>> + Send + 'static,
    {
        let ask = Arc::new(ask);
        let ask = move || -> Pending<Result<Grant, BoxError>> {
            let ask = Arc::clone(&ask);
            // Called when it is polled: no lock of ours is held then.
            Box::pin(async move { ask().await })
        };
        let function = Function { ask: Arc::new(ask), account: None };
        Self { renewal: Renewal::new(function, Rng::random()) }
    }

    /// The account that the credentials are for, which quotas are counted under.
    #[must_use]
    pub fn for_account(self, account: impl Into<Sid>) -> Self {
        let account = Some(account.into());
        let function = Function { account, ..self.renewal.source().clone() };
        Self { renewal: Renewal::new(function, Rng::random()) }
    }

    /// Has the function asked again by the next call, as if it were time: somebody knows that there
    /// are others.
    pub fn renew(&self) {
        self.renewal.renew();
    }
}

impl Source for Function {
    const NAME: &'static str = "function";
    const KEEPS_REJECTED: bool = true;

    fn ask(&self, _afresh: bool) -> Pending<Result<Grant, Fault>> {
        let asking = (self.ask)();
        Box::pin(async move {
            asking.await.map_err(|error| match error.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(error) => Fault::new(FaultKind::Credentials, "no credentials could be had")
                    .with_source(error),
            })
        })
    }

    fn account(&self) -> Option<Sid> {
        self.account
    }
}

provides_its_renewal!(FnCredentials);

impl fmt::Debug for FnCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FnCredentials").field("status", &self.renewal.status()).finish()
    }
}

/// Credentials that never change are a provider too, for code that takes any.
impl ProvideAuthorization for Credentials {
    fn provide(&self) -> Provided {
        Provided::now(self.authorization())
    }

    fn account(&self) -> Option<Sid> {
        Credentials::account(self).map(Into::into)
    }
}
