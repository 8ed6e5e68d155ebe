//! What a request asks of the gateway, in headers of its own.

use std::time::Duration;

use http::{HeaderMap, header};

use super::headers::OWN;
use crate::call::{Authorization, CallOptions, Priority};
use crate::middleware::auth::account_of;

/// The longest deadline that a request may ask for.
const LONGEST: Duration = Duration::from_secs(3600);

/// What is wrong with a request's wishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadWish(pub(super) &'static str);

/// The wishes that a request's headers say.
pub(super) fn read(headers: &HeaderMap) -> Result<CallOptions, BadWish> {
    let mut options = CallOptions::new();
    for name in headers.keys().filter(|name| name.as_str().starts_with(OWN)) {
        let mut values = headers.get_all(name).iter();
        let value = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        if values.next().is_some() {
            return Err(BadWish("an x-gateway header is there more than once"));
        }
        options = match name.as_str() {
            "x-gateway-deadline" => options.deadline(deadline(value).ok_or(BadWish(
                "x-gateway-deadline must be whole milliseconds or seconds, such as 250ms or 5s, \
                 more than none and an hour at most",
            ))?),
            "x-gateway-priority" => options.priority(match value {
                "low" => Priority::Low,
                "normal" => Priority::Normal,
                "high" => Priority::High,
                _ => return Err(BadWish("x-gateway-priority must be low, normal or high")),
            }),
            _ => {
                return Err(BadWish(
                    "the gateway takes x-gateway-deadline and x-gateway-priority, and no other x-gateway header",
                ));
            }
        };
    }
    Ok(options)
}

fn deadline(text: &str) -> Option<Duration> {
    let (digits, unit): (_, fn(u64) -> Duration) = match text.strip_suffix("ms") {
        Some(digits) => (digits, Duration::from_millis),
        None => (text.strip_suffix('s')?, Duration::from_secs),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let within = unit(digits.parse().ok().filter(|_| is_number)?);
    (!within.is_zero() && within <= LONGEST).then_some(within)
}

/// The caller's own credentials, with the account where they name one. `None` where there are none,
/// or several: which of them counts would be a guess.
pub(super) fn authorization(headers: &HeaderMap) -> Option<Authorization> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().filter(|value| !value.is_empty())?;
    let account = account_of(value).map(Into::into);
    values.next().is_none().then(|| Authorization::new(value.clone(), account))
}
