//! What the API would refuse, refused here: one message each, with the parameter's name and never
//! its value, which may be a phone number.
//!
//! The limits are those of <https://www.twilio.com/docs/proxy/api/session> and
//! <https://www.twilio.com/docs/proxy/api/participant>.

use std::time::Duration;

use jiff::Timestamp;

use crate::wire::{EncodeError, Encoder};

/// The longest UniqueName and Identifier, in characters.
const LONGEST_NAME: usize = 191;
/// The longest FriendlyName and ProxyIdentifier, in characters.
pub(super) const LONGEST_LABEL: usize = 255;
/// The first Ttl that is too long, in seconds: 2³¹ − 1.
const TTL_END: u64 = i32::MAX as u64;

/// A name: something must be in it.
pub(super) fn name(parameter: &'static str, value: &str) -> Result<(), EncodeError> {
    if value.is_empty() {
        return Err(EncodeError::new(parameter, "must not be empty"));
    }
    at_most(parameter, value, LONGEST_NAME)
}

/// A text of `longest` characters (not bytes) at most.
pub(super) fn at_most(
    parameter: &'static str,
    value: &str,
    longest: usize,
) -> Result<(), EncodeError> {
    let length = value.chars().count();
    if length <= longest {
        return Ok(());
    }
    let problem = format!("must be {longest} characters or fewer, not {length}");
    Err(EncodeError::new(parameter, problem))
}

/// What a `Ttl` says, where it is written as [`ttl`] writes it.
pub(super) fn read_ttl(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().filter(|seconds| (1..TTL_END).contains(seconds))?;
    (seconds.to_string() == text).then(|| Duration::from_secs(seconds))
}

/// `Ttl`, in whole seconds.
pub(super) fn ttl(ttl: Option<Duration>, to: &mut Encoder<'_>) -> Result<(), EncodeError> {
    let Some(ttl) = ttl else { return Ok(()) };
    let problem = if ttl.subsec_nanos() != 0 {
        "must be whole seconds"
    } else if ttl.is_zero() {
        "must be at least 1 second"
    } else if ttl.as_secs() >= TTL_END {
        "must be less than 2147483647 seconds"
    } else {
        to.field("Ttl", ttl.as_secs());
        return Ok(());
    };
    Err(EncodeError::new("Ttl", problem))
}

/// 0000-01-01T00:00:00Z: an earlier year is written with a sign and six digits.
const YEAR_ZERO: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// What a `DateExpiry` says, in any zone, where nothing of it is lost when [`date_expiry`] writes it.
pub(super) fn read_date_expiry(text: &str) -> Option<Timestamp> {
    let date: Timestamp = text.parse().ok()?;
    (date >= YEAR_ZERO && date.subsec_nanosecond() == 0).then_some(date)
}

/// `DateExpiry`, as `YYYY-MM-DDTHH:MM:SSZ`.
///
/// What is finer than a second is cut off, toward the past: a session may end up to a second
/// early, and never lives longer than it was meant to.
pub(super) fn date_expiry(
    expiry: Option<Timestamp>,
    to: &mut Encoder<'_>,
) -> Result<(), EncodeError> {
    let Some(expiry) = expiry else { return Ok(()) };
    if expiry < YEAR_ZERO {
        return Err(EncodeError::new("DateExpiry", "must be in the year 0 or later"));
    }
    to.field("DateExpiry", format_args!("{expiry:.0}"));
    Ok(())
}

/// A value of an open enumeration: any but the empty one, which the API would take for none.
pub(super) fn choice(
    parameter: &'static str,
    value: Option<&str>,
    to: &mut Encoder<'_>,
) -> Result<(), EncodeError> {
    match value {
        None => {}
        Some("") => return Err(EncodeError::new(parameter, "must not be empty")),
        Some(value) => {
            to.field(parameter, value);
        }
    }
    Ok(())
}
