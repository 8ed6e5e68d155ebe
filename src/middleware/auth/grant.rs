use std::time::Duration;

use tokio::time::Instant;

use super::Credentials;
use crate::call::{Authorization, Rng};

/// Credentials, and how long they are good for.
///
/// ```
/// use std::time::Duration;
/// use twilio_proxy::middleware::auth::{Credentials, Grant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let credentials = Credentials::auth_token("ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse()?, "hush");
/// // Good until revoked, and looked after every five minutes.
/// let from_a_vault = Grant::from(&credentials).renew_after(Duration::from_secs(300));
/// # let _ = from_a_vault;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Grant {
    pub(super) authorization: Option<Authorization>,
    pub(super) expires_in: Option<Duration>,
    pub(super) renew_after: Option<Duration>,
}

impl Grant {
    /// These, for ever; `None` has requests go without.
    pub fn new(authorization: impl Into<Option<Authorization>>) -> Self {
        Self { authorization: authorization.into(), expires_in: None, renew_after: None }
    }

    /// They are good for so long, from when they were asked for. They are renewed some time before,
    /// while calls go on with them.
    pub fn expires_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }

    /// Others are asked for after so long. Until there are, these will do.
    pub fn renew_after(mut self, time: Duration) -> Self {
        self.renew_after = Some(time);
        self
    }
}

impl From<&Credentials> for Grant {
    fn from(credentials: &Credentials) -> Self {
        Self::new(credentials.authorization())
    }
}

/// The longest that anything is believed to last. Twilio's own example has a token of 1.4 billion
/// seconds' life, which is a number of milliseconds that went astray.
/// <https://www.twilio.com/docs/iam/oauth-apps/oauth-access-token>
const LONGEST: Duration = Duration::from_secs(30 * 24 * 3600);
/// The most that is left of a life when it is renewed.
const AHEAD: Duration = Duration::from_secs(300);
/// The most that is taken off a life for a clock that runs otherwise, and for the way.
const SKEW: Duration = Duration::from_secs(30);

/// When credentials are to be renewed, and until when they may be used.
///
/// Counted from the moment they were *asked for*, which is before the server began to count. Of a
/// life, a tenth at the end is not used, 30 s at most. Renewal is due a quarter before the end, 5
/// minutes at most, put off by chance by up to two fifths of that: processes that were started
/// together do not ask together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub(super) renewed_from: Option<Instant>,
    pub(super) used_until: Option<Instant>,
}

impl Lifetime {
    pub(super) fn of(grant: &Grant, asked: Instant, rng: &Rng) -> Self {
        // A moment that no clock can show never comes.
        let after = |time: Duration| asked.checked_add(time.min(LONGEST));
        let Some(life) = grant.expires_in.map(|life| life.min(LONGEST)) else {
            return Self { renewed_from: grant.renew_after.and_then(after), used_until: None };
        };
        let ahead = (life / 4).min(AHEAD);
        let due = (life - ahead).saturating_add(rng.up_to(ahead / 5 * 2));
        Self {
            renewed_from: after(grant.renew_after.map_or(due, |wanted| wanted.min(due))),
            used_until: after(life - (life / 10).min(SKEW)),
        }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        self.used_until.is_none_or(|end| now < end)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.renewed_from.is_some_and(|from| from <= now)
    }
}

/// The first pause after a renewal that failed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest that somebody's `Retry-After` is believed.
const MOST_PATIENT: Duration = Duration::from_secs(600);

/// How long nobody asks again after so many failures in a row: twice as long each time, up to
/// `longest`, the later half of it by chance; and not before the server wants it.
pub(super) fn pause(
    failures: u32,
    wanted: Option<Duration>,
    longest: Duration,
    rng: &Rng,
) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    let whole = FIRST_PAUSE.saturating_mul(doubled).min(longest);
    let spread = rng.up_to(whole / 2);
    (whole - whole / 2).max(wanted.unwrap_or_default().min(MOST_PATIENT)).saturating_add(spread)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::call::Rng;

    fn lives() -> impl Strategy<Value = Duration> {
        prop_oneof![0..10_u64, 0..100_000_u64, Just(u64::MAX), any::<u64>()]
            .prop_flat_map(|seconds| (Just(seconds), 0..1_000_000_000_u32))
            .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
    }

    proptest! {
        #[test]
        fn a_life_is_renewed_before_it_may_not_be_used_any_more(
            life in lives(),
            renew in proptest::option::of(lives()),
            seed: u64,
        ) {
            let asked = Instant::now();
            let mut grant = Grant::new(None).expires_in(life);
            grant.renew_after = renew;
            let lifetime = Lifetime::of(&grant, asked, &Rng::seeded(seed));
            let (due, end) = (lifetime.renewed_from.expect("due"), lifetime.used_until.expect("an end"));
            let cut = life.min(LONGEST);
            prop_assert!(asked <= due && due <= end, "{lifetime:?}");
            prop_assert!(end <= asked + cut);
            prop_assert!(asked + cut - end <= SKEW);
            if renew.is_none() {
                prop_assert!(asked + cut - due <= AHEAD);
            }
            prop_assert!(!lifetime.is_usable(end) && lifetime.is_due(due));
            prop_assert!(cut.is_zero() || lifetime.is_usable(asked));
        }

        #[test]
        fn a_pause_is_between_half_and_whole_and_as_long_as_wanted(
            failures in 1..200_u32,
            wanted in proptest::option::of(lives()),
            seed: u64,
        ) {
            let longest = Duration::from_secs(60);
            let paused = pause(failures, wanted, longest, &Rng::seeded(seed));
            let floor = wanted.unwrap_or_default().min(MOST_PATIENT);
            prop_assert!(paused >= floor && paused >= FIRST_PAUSE / 2);
            prop_assert!(paused <= floor.max(longest) + longest / 2);
        }
    }

    #[test]
    fn without_an_end_it_is_good_for_ever_and_looked_after_when_asked() {
        let (asked, rng) = (Instant::now(), Rng::seeded(1));
        let day = Duration::from_secs(86_400);
        let for_ever = Lifetime::of(&Grant::new(None), asked, &rng);
        assert!(for_ever.is_usable(asked + day) && !for_ever.is_due(asked + day));
        let looked = Lifetime::of(&Grant::new(None).renew_after(day), asked, &rng);
        assert!(looked.is_usable(asked + day) && looked.is_due(asked + day));
        assert!(!looked.is_due(asked + day / 2));
    }
}
