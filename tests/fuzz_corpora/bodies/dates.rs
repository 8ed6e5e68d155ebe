//! Times in headers.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use twilio_proxy::call::{self, Clock};
use twilio_proxy::wire::Answer;

/// 9999-12-31T23:59:59Z: an HTTP date has four digits for its year.
const LAST: u64 = 253_402_300_799;

/// What time it is, in seconds, and the header.
pub(super) fn retry_after(data: &[u8]) {
    let Some(([now], value)) = super::lines::<1>(data) else { return };
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    let Ok(now) = now.parse::<u32>() else { return };
    let clock = Clock::starting_at(Timestamp::from_second(now.into()).unwrap());
    let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.clone())]);
    let wait = call::retry_after(&headers, &clock);
    let text = value.to_str().unwrap_or_default().trim();
    let digits = text.trim_start_matches('0');
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        // Seconds: the number itself, or the longest wait that there is.
        let wait = wait.unwrap().as_secs();
        assert!(
            wait == u64::MAX || wait.to_string() == if digits.is_empty() { "0" } else { digits }
        );
        assert!(wait != u64::MAX || digits.len() >= 20);
        return;
    }
    let Some(wait) = wait else { return };
    assert!(wait.as_secs() <= LAST, "{wait:?}");
    // A date: as far from now as it is, or nothing. The clock goes on while this is looked at.
    let date = httpdate::parse_http_date(text).unwrap();
    let from_now = date.duration_since(UNIX_EPOCH + Duration::from_secs(now.into()));
    let from_now = from_now.unwrap_or_default();
    assert!(wait <= from_now && from_now - wait < Duration::from_secs(60), "{wait:?}");
}

/// The header `Date`.
pub(super) fn date(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let read = |value: HeaderValue| {
        let headers = HeaderMap::from_iter([(header::DATE, value)]);
        Answer::new(StatusCode::OK, headers, Default::default()).date()
    };
    let Some(date) = read(value) else { return };
    assert_eq!(date.subsec_nanosecond(), 0);
    let second = u64::try_from(date.as_second()).unwrap();
    assert!(second <= LAST);
    // Whatever spelling it came in, it is the moment that the usual one names.
    let usual = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
    assert_eq!(read(usual.try_into().unwrap()), Some(date));
}
