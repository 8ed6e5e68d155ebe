use std::time::Duration;

use http::{HeaderMap, header};

use super::Clock;

/// How long a response asks to be left alone, by its `Retry-After` header: seconds or an HTTP date.
///
/// A date in the past means "now". Whatever is neither form (negative, fractional, garbage) is as
/// good as no header. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
#[must_use]
pub fn retry_after(headers: &HeaderMap, clock: &Clock) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are still a wait, and a longer one than anybody will sit through.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since_epoch = date.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let now = Duration::try_from(clock.wall().as_duration()).unwrap_or_default();
    Some(since_epoch.saturating_sub(now))
}
