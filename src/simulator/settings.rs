use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode, header};

use super::Simulator;
use crate::call::{AccountSid, ApiKeySid, Clock, Rng};

/// How a simulated Proxy is set up. Every default is what Twilio documents, where it documents anything.
#[derive(Clone)]
pub struct Settings {
    keys: Vec<Key>,
    clients: Vec<Key>,
    pub(super) token_life: Duration,
    pub(super) checks_credentials: bool,
    pub(super) duplicate_name_status: StatusCode,
    pub(super) rate: Option<(usize, Duration)>,
    pub(super) concurrency: Option<u32>,
    pub(super) says_when: bool,
    pub(super) latency: Duration,
    pub(super) numbers: usize,
    pub(super) clock: Clock,
    pub(super) rng: Rng,
}

#[derive(Clone)]
struct Key {
    user: String,
    secret: String,
    account: AccountSid,
}

impl Settings {
    /// One account, which is let in with its SID and this token.
    #[must_use]
    pub fn new(account: AccountSid, token: impl Into<String>) -> Self {
        Self::bare().account(account, token)
    }

    fn bare() -> Self {
        Self {
            keys: Vec::new(),
            clients: Vec::new(),
            token_life: Duration::from_secs(3600),
            checks_credentials: true,
            duplicate_name_status: StatusCode::BAD_REQUEST,
            rate: Some((150, Duration::from_secs(5))),
            concurrency: None,
            says_when: false,
            latency: Duration::ZERO,
            numbers: 1,
            clock: Clock::system(),
            rng: Rng::random(),
        }
    }

    /// One more account. Accounts don't see each other's sessions.
    #[must_use]
    pub fn account(mut self, account: AccountSid, token: impl Into<String>) -> Self {
        self.keys.push(Key { user: account.to_string(), secret: token.into(), account });
        self
    }

    /// An API key that acts for an account.
    #[must_use]
    pub fn api_key(
        mut self,
        key: ApiKeySid,
        secret: impl Into<String>,
        account: AccountSid,
    ) -> Self {
        self.keys.push(Key { user: key.to_string(), secret: secret.into(), account });
        self
    }

    /// A client of an OAuth app, which gets tokens that act for an account.
    #[must_use]
    pub fn oauth_client(
        mut self,
        id: impl Into<String>,
        secret: impl Into<String>,
        account: AccountSid,
    ) -> Self {
        self.clients.push(Key { user: id.into(), secret: secret.into(), account });
        self
    }

    /// How long a token is good for, in whole seconds. Default: an hour, as Twilio's are.
    #[must_use]
    pub fn token_life(mut self, life: Duration) -> Self {
        self.token_life = life;
        self
    }

    /// Lets everybody in: as the account that they name, or else as the first account. For a stack
    /// whose credentials are added by something further out.
    #[must_use]
    pub fn without_authentication(mut self) -> Self {
        self.checks_credentials = false;
        self
    }

    /// The status of error 80603, a name that is taken. Twilio documents the code and no status;
    /// the default is 400, as most of Proxy's errors, and 409 would be as plausible.
    #[must_use]
    pub fn duplicate_name_status(mut self, status: StatusCode) -> Self {
        self.duplicate_name_status = status;
        self
    }

    /// At most so many requests in any stretch of so long, for each account, Service and
    /// operation; beyond that 429 with code 80621. Default: 150 in 5 s, which is 30/s on average.
    /// <https://www.twilio.com/docs/proxy/proxy-limits>
    #[must_use]
    pub fn rate_limit(mut self, most: usize, within: Duration) -> Self {
        self.rate = Some((most, within));
        self
    }

    /// No rate limit.
    #[must_use]
    pub fn without_rate_limit(mut self) -> Self {
        self.rate = None;
        self
    }

    /// At most so many requests of an account at once; beyond that 429 with code 20429. Default:
    /// none, for the number that Twilio allows depends on the account.
    #[must_use]
    pub fn concurrency_limit(mut self, most: u32) -> Self {
        self.concurrency = Some(most);
        self
    }

    /// Whether a 429 of the rate limit says in `Retry-After` when to come back, in seconds rounded
    /// up. Default: no, for Twilio does not document the header for Proxy.
    #[must_use]
    pub fn retry_after(mut self, said: bool) -> Self {
        self.says_when = said;
        self
    }

    /// How long Proxy works on a request before it commits. Default: no time at all.
    ///
    /// A caller that leaves during it finds nothing done. For an answer that is late *after* the
    /// commit see [`Mishap::Latency`](super::Mishap::Latency).
    #[must_use]
    pub fn latency(mut self, each: Duration) -> Self {
        self.latency = each;
        self
    }

    /// How many numbers are in each Service's pool, for participants that ask for none. Default: 1,
    /// so that a person can be in two live sessions only by conflicting with himself.
    #[must_use]
    pub fn proxy_numbers(mut self, count: usize) -> Self {
        self.numbers = count.max(1);
        self
    }

    /// The clock of expiries and of the `Date` header. Default: the system's time, moved by tokio's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Where SIDs and request ids come from. Default: unpredictable; seed it to get the same ones again.
    #[must_use]
    pub fn rng(mut self, rng: Rng) -> Self {
        self.rng = rng;
        self
    }

    /// The account that a client acts for, if it is one.
    pub(super) fn account_of_client(&self, id: &str, secret: &str) -> Option<AccountSid> {
        let fits = |key: &&Key| key.user == id && key.secret == secret;
        self.clients.iter().find(fits).map(|key| key.account)
    }

    /// The account that a request acts for.
    pub(super) fn account_of(&self, headers: &HeaderMap) -> Option<AccountSid> {
        let (user, secret) = basic(headers).unzip();
        let user = user.unwrap_or_default();
        if self.checks_credentials {
            let fits = |key: &&Key| key.user == user && Some(&key.secret) == secret.as_ref();
            return self.keys.iter().find(fits).map(|key| key.account);
        }
        let named = AccountSid::new(&user).ok();
        let by_key = || self.keys.iter().find(|key| key.user == user).or(self.keys.first());
        named.or_else(|| by_key().map(|key| key.account))
    }
}

impl Default for Settings {
    /// The account [`Simulator::ACCOUNT_SID`] with [`Simulator::AUTH_TOKEN`].
    fn default() -> Self {
        match AccountSid::new(Simulator::ACCOUNT_SID) {
            Ok(account) => Self::new(account, Simulator::AUTH_TOKEN),
            // Never: the constant is a SID. A simulator without accounts lets nobody in.
            Err(_) => Self::bare(),
        }
    }
}

impl fmt::Debug for Settings {
    /// Without tokens and secrets: some tests are run with real ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<&str> = self.keys.iter().map(|key| key.user.as_str()).collect();
        f.debug_struct("Settings")
            .field("users", &users)
            .field("checks_credentials", &self.checks_credentials)
            .field("rate", &self.rate)
            .field("concurrency", &self.concurrency)
            .field("latency", &self.latency)
            .finish_non_exhaustive()
    }
}

/// User and password of the Basic scheme. <https://www.rfc-editor.org/rfc/rfc7617>
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (user, secret) = text.split_once(':')?;
    Some((user.to_owned(), secret.to_owned()))
}
