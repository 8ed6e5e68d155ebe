use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{Authorization, Fault, Sid};

/// Something that is waited for, of a type that nobody needs to know.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a provider gives: an `Authorization` header, or none, so that requests pass as they are.
pub type Supply = Result<Option<Authorization>, Fault>;

/// Supplies credentials that this process does not hold once and for all: they expire, or somebody
/// else changes them.
///
/// [`FileCredentials`](super::FileCredentials), [`FnCredentials`](super::FnCredentials) and
/// [`oauth::ClientCredentials`](super::oauth::ClientCredentials) are the ones that come along. A
/// closure is nearly always enough for another; write this trait for what decides itself when to
/// look again.
///
/// ```
/// use twilio_proxy::call::{Authorization, Live};
/// use twilio_proxy::middleware::auth::{AuthLayer, Credentials, ProvideAuthorization, Provided};
/// # use twilio_proxy::call::Origin;
///
/// /// Whatever the last configuration said.
/// #[derive(Debug)]
/// struct Configured(Live<Option<Authorization>>);
///
/// impl ProvideAuthorization for Configured {
///     fn provide(&self) -> Provided {
///         Provided::now(self.0.read(Clone::clone))
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "hush");
/// let origin = Origin::of(&"https://proxy.twilio.com".parse()?)?;
/// let layer = AuthLayer::from_provider(Configured(credentials.authorization().into()), [origin]);
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
pub trait ProvideAuthorization: fmt::Debug + Send + Sync + 'static {
    /// The credentials for a request that is about to be sent. Asked for every attempt: it must not
    /// block, and what must be waited for goes into [`Provided::later`].
    ///
    /// # Cancellation
    ///
    /// The caller drops what it waits for as soon as it has no more time for it.
    fn provide(&self) -> Provided;

    /// The server did not accept `used` (401). Says, perhaps after a look, whether there are other
    /// credentials now, with which it is worth trying again.
    ///
    /// An answer that came late may be about credentials that were replaced long ago: compare.
    fn rejected(&self, used: &Authorization) -> Pending<bool> {
        let _ = used;
        Box::pin(std::future::ready(false))
    }

    /// The account that quotas are counted under, where it is known before anybody has asked for
    /// credentials.
    fn account(&self) -> Option<Sid> {
        None
    }

    /// How it does, for a picture of health. Nothing secret.
    fn status(&self) -> ProviderStatus {
        ProviderStatus::default()
    }
}

impl<P: ProvideAuthorization + ?Sized> ProvideAuthorization for Arc<P> {
    fn provide(&self) -> Provided {
        (**self).provide()
    }

    fn rejected(&self, used: &Authorization) -> Pending<bool> {
        (**self).rejected(used)
    }

    fn account(&self) -> Option<Sid> {
        (**self).account()
    }

    fn status(&self) -> ProviderStatus {
        (**self).status()
    }
}

/// A provider's answer: what it has, what went wrong, or what to wait for.
#[must_use]
pub struct Provided {
    pub(super) answer: Answer,
    /// To be polled beside the request, as long as that lasts.
    pub(super) meanwhile: Option<Pending<()>>,
}

pub(super) enum Answer {
    Now(Supply),
    Later(Pending<Supply>),
}

impl Provided {
    /// Credentials that are at hand; `None` for a request that goes without.
    pub fn now(authorization: Option<Authorization>) -> Self {
        Self { answer: Answer::Now(Ok(authorization)), meanwhile: None }
    }

    /// None can be had. Of kind [`Credentials`](crate::call::FaultKind::Credentials) where that may
    /// pass, with the time to come back if it is known; of kind
    /// [`Config`](crate::call::FaultKind::Config) where somebody has to mend something.
    pub fn failed(fault: Fault) -> Self {
        Self { answer: Answer::Now(Err(fault)), meanwhile: None }
    }

    /// Credentials that must be waited for. The call waits, its deadline runs, and it is dropped
    /// with the call.
    pub fn later(supply: impl Future<Output = Supply> + Send + 'static) -> Self {
        Self { answer: Answer::Later(Box::pin(supply)), meanwhile: None }
    }

    /// Work that is to go on while the request is under way, such as a renewal ahead of time: polled
    /// beside it, and dropped with it. It delays no call.
    pub fn meanwhile(mut self, work: impl Future<Output = ()> + Send + 'static) -> Self {
        self.meanwhile = Some(Box::pin(work));
        self
    }
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.answer {
            Answer::Now(Ok(_)) => "Provided(now)",
            Answer::Now(Err(_)) => "Provided(failed)",
            Answer::Later(_) => "Provided(later)",
        })
    }
}

/// How a provider does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderStatus {
    /// What it is: `oauth`, `file`, `function`; empty for one that says nothing of itself.
    pub source: &'static str,
    /// How old the credentials are that it gives out, if it has any.
    pub age: Option<Duration>,
    /// How long they are still good for; `None` also where they don't expire.
    pub expires_in: Option<Duration>,
    /// Failed renewals since the last that went well.
    pub failures: u32,
    /// What the last of them failed for.
    pub problem: Option<String>,
}
