//! Credentials in a file: see [`FileCredentials`].

mod format;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::provider::Pending;
use super::renewal::{Renewal, Source, provides_its_renewal};
use super::{Credentials, Grant};
use crate::call::{Fault, FaultKind, Rng, Sid};
use read::{Found, Stamp, read};

pub use format::FileError;

/// How often the file is looked at, if nothing else is said.
const CHECK_EVERY: Duration = Duration::from_secs(10);

/// Credentials in a file that somebody else writes: a mounted secret, an agent's template.
///
/// The file is looked at while calls go on, at most every 10 s
/// ([`check_every`](Self::check_every)), and off the executor; it is read again when its time,
/// length or inode changed. Calls never wait for that: those under way finish with what they began
/// with. A 401 has it read at once, whatever its time says, at most every 10 s; the call is tried again if
/// the file holds *other* credentials.
///
/// A file that is gone, half-written or malformed changes nothing: the credentials from before are
/// kept, and the problem goes to the log (`warn`) and into [`status`](super::ProvideAuthorization::status),
/// without a word of what the file says. A file that others than its owner may read or write is a
/// `warn` too.
///
/// # Format
///
/// One `KEY=value` a line, with the names that [`Credentials::from_env`] knows; names that it doesn't
/// know are overlooked. Empty lines, and lines that begin with `#`, are left out; white space around a
/// name and a value is too, and one pair of quotes around a value.
///
/// ```text
/// # rotated every Monday
/// TWILIO_ACCOUNT_SID=ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
/// TWILIO_API_KEY=SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
/// TWILIO_API_SECRET=…
/// ```
///
/// Write a new file beside it and rename it into place: a value that is cut off in the middle is a
/// value all the same. Kubernetes does so for the secrets that it mounts.
///
/// ```no_run
/// use twilio_proxy::gateway::Gateway;
/// use twilio_proxy::middleware::auth::{Credentials, FileCredentials};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let file = FileCredentials::open("/run/secrets/twilio")?;
/// let gateway = Gateway::builder(Credentials::none()).credentials_from(file).build()?;
/// # let _ = gateway;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FileCredentials {
    renewal: Renewal<File>,
}

#[derive(Clone)]
struct File {
    path: PathBuf,
    every: Duration,
    last: Arc<Mutex<Last>>,
}

/// What the file held when it was last read whole.
struct Last {
    stamp: Stamp,
    credentials: Credentials,
}

impl FileCredentials {
    /// Reads the file, here and now: a mistake in it should stop a program that starts.
    ///
    /// # Errors
    ///
    /// It can't be read, or it holds no credentials. Says which line or which name is wrong, and
    /// nothing of what stands there.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let path = path.into();
        let found = read(&path, None)?;
        let Found::Changed { stamp, credentials, is_open } = found else {
            // OK because nothing is unchanged that was not there before.
            return Err(FileError::unsteady());
        };
        warn_if(is_open, &path);
        let last = Arc::new(Mutex::new(Last { stamp, credentials }));
        Ok(Self::with(File { path, every: CHECK_EVERY, last }))
    }

    /// How often the file is looked at, at most; 10 s by default. A look is a few system calls.
    #[must_use]
    pub fn check_every(self, time: Duration) -> Self {
        Self::with(File { every: time, ..self.renewal.source().clone() })
    }

    fn with(file: File) -> Self {
        let grant = file.grant();
        Self { renewal: Renewal::holding(file, Rng::random(), &grant) }
    }
}

impl File {
    fn grant(&self) -> Grant {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Grant::from(&last.credentials).renew_after(self.every)
    }

    /// Looks, on a thread that may block.
    fn look(&self, afresh: bool) -> Result<Grant, FileError> {
        let known = {
            let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            (!afresh).then(|| last.stamp.clone())
        };
        if let Found::Changed { stamp, credentials, is_open } = read(&self.path, known.as_ref())? {
            warn_if(is_open, &self.path);
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            *last = Last { stamp, credentials };
        }
        Ok(self.grant())
    }
}

fn warn_if(is_open: bool, path: &Path) {
    if is_open {
        let path = path.display();
        tracing::warn!(%path, "the file with the credentials is open to others than its owner");
    }
}

impl Source for File {
    const NAME: &'static str = "file";
    const KEEPS_REJECTED: bool = true;

    fn ask(&self, afresh: bool) -> Pending<Result<Grant, Fault>> {
        let file = self.clone();
        Box::pin(async move {
            let path = file.path.clone();
            let looked = tokio::task::spawn_blocking(move || file.look(afresh)).await;
            let problem = match looked {
                Ok(Ok(grant)) => return Ok(grant),
                Ok(Err(error)) => error.to_string(),
                // The runtime is shutting down.
                Err(_) => "nobody was there to read it".to_owned(),
            };
            let detail = format!("the credentials in {}: {problem}", path.display());
            Err(Fault::new(FaultKind::Credentials, detail))
        })
    }

    fn account(&self) -> Option<Sid> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.credentials.account().map(Into::into)
    }

    /// No longer than between two looks at a file that is well.
    fn longest_pause(&self) -> Duration {
        self.every
    }
}

provides_its_renewal!(FileCredentials);

impl fmt::Debug for FileCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileCredentials")
            .field("path", &self.renewal.source().path)
            .field("status", &self.renewal.status())
            .finish()
    }
}
