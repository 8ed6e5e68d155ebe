//! Times, sizes and quotas as text.

use std::time::Duration;

use proptest::prelude::*;

use crate::gateway::config::{HumanDuration, HumanQuota, HumanSize, OrNever};
use crate::middleware::limit::Quota;

#[test]
fn a_time_has_a_unit() {
    let read = |text: &str| text.parse::<HumanDuration>().map(|time| time.0).ok();
    assert_eq!(read("250ms"), Some(Duration::from_millis(250)));
    assert_eq!(read("35s"), Some(Duration::from_secs(35)));
    assert_eq!(read(" 1m 30s "), Some(Duration::from_secs(90)));
    assert_eq!(read("0s"), Some(Duration::ZERO));
    for none in ["", "30", "s", "-1s", "1 fortnight", "1s ago", "1e3s", "99999999999999999999s"] {
        assert_eq!(read(none), None, "{none:?}");
    }
}

#[test]
fn never_is_a_time_where_it_says_so() {
    let read = |text: &str| text.parse::<OrNever>().ok();
    assert_eq!(read("never"), Some(OrNever(None)));
    assert_eq!(read("3s"), Some(OrNever(Some(Duration::from_secs(3)))));
    assert_eq!(read("Never"), None);
    assert!("never".parse::<HumanDuration>().is_err());
}

#[test]
fn a_size_has_a_unit() {
    let read = |text: &str| text.parse::<HumanSize>().map(|size| size.0).ok();
    assert_eq!(read("8MiB"), Some(8 << 20));
    assert_eq!(read("1MB"), Some(1_000_000));
    assert_eq!(read("512 KiB"), Some(512 << 10));
    assert_eq!(read("17B"), Some(17));
    for none in ["", "8", "MiB", "-1MiB", "8 cows"] {
        assert_eq!(read(none), None, "{none:?}");
    }
}

#[test]
fn a_quota_is_calls_in_a_time() {
    let read = |text: &str| text.parse::<HumanQuota>().map(HumanQuota::quota).ok();
    assert_eq!(read("29/s"), Some(Quota::per_second(29)));
    assert_eq!(read("1000/min"), Some(Quota::per_minute(1000)));
    assert_eq!(read("150 / 5s"), Some(Quota::per(Duration::from_secs(5), 150)));
    for none in ["", "29", "/s", "29/", "0/s", "29/0s", "-1/s", "29/s/s", "2.5/s"] {
        assert_eq!(read(none), None, "{none:?}");
    }
}

proptest! {
    /// What is shown can be read again, and is the same.
    #[test]
    fn texts_read_back(nanos in 0..u64::MAX / 2, bytes: u32, calls in 1..u32::MAX) {
        let time = HumanDuration(Duration::from_nanos(nanos));
        prop_assert_eq!(time.to_string().parse::<HumanDuration>().ok(), Some(time), "{}", time);
        let size = HumanSize(bytes as usize);
        prop_assert_eq!(size.to_string().parse::<HumanSize>().ok(), Some(size), "{}", size);
        let quota: HumanQuota = format!("{calls}/5s").parse().unwrap();
        prop_assert_eq!(quota.to_string().parse::<HumanQuota>().ok(), Some(quota), "{}", quota);
    }

    /// No text makes a panic.
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,24}") {
        let _ = (text.parse::<HumanDuration>().is_ok(), text.parse::<OrNever>().is_ok());
        let _ = (text.parse::<HumanSize>().is_ok(), text.parse::<HumanQuota>().is_ok());
    }
}
