//! Variables go before files, and are read as what their key is.

use super::{NOBODY, sources};
use crate::gateway::config::{Choice, ConfigSources, LayerName};

#[test]
fn variables_go_before_files_and_later_files_before_earlier() {
    let config = sources("[retry]\nmax_attempts = 2\nbase = \"10ms\"\n[deadline]\nwithin = \"9s\"")
        .json(r#"{"retry": {"max_attempts": 3}, "credentials": {"from": "none"}}"#)
        .variables([("TWILIO_PROXY__DEADLINE__WITHIN", "7s"), ("TWILIO_ACCOUNT_SID", "another's")])
        .read()
        .expect("it is right");
    assert_eq!(config.deadline.within.map(|time| time.0.as_secs()), Some(7));
    assert_eq!(config.retry.max_attempts.map(u32::from), Some(3));
    assert_eq!(config.retry.base.map(|time| time.0.as_millis()), Some(10), "tables are merged");
}

#[test]
fn a_variable_is_read_as_what_its_key_is() {
    let config = ConfigSources::new()
        .variables([
            ("TWILIO_PROXY__CREDENTIALS__FROM", "oauth"),
            ("TWILIO_PROXY__CREDENTIALS__CLIENT_ID", "00123"),
            ("TWILIO_PROXY__CREDENTIALS__CLIENT_SECRET", "1e5"),
            ("TWILIO_PROXY__RETRY__MAX_ATTEMPTS", "3"),
            ("TWILIO_PROXY__RETRY__STATUSES", "409, 423"),
            ("TWILIO_PROXY__HEDGE__ENABLED", "true"),
            ("TWILIO_PROXY__RATE_LIMIT__WHEN_LIMITED", "refuse"),
            ("TWILIO_PROXY__STACK", "deadline,hedge,retry,rate_limit,auth,collect"),
        ])
        .read()
        .expect("it is right");
    // A number in form, and an id all the same: a zero in front must not be lost.
    assert_eq!(config.credentials.client_id.as_deref(), Some("00123"));
    assert_eq!(config.credentials.client_secret, Some("1e5".into()));
    assert_eq!(config.retry.max_attempts.map(u32::from), Some(3));
    let statuses: Vec<u16> = config.retry.statuses.iter().flatten().map(|it| it.get()).collect();
    assert_eq!(statuses, [409, 423]);
    assert_eq!(config.hedge.enabled, Some(true));
    assert_eq!(config.rate_limit.when_limited, Some(Choice::Refuse));
    assert_eq!(config.layers().len(), 6);
    assert_eq!(config.layers()[1], LayerName::Hedge);
}

#[test]
fn a_mistake_in_a_variable_names_the_variable() {
    let said = sources(NOBODY)
        .variables([
            ("TWILIO_PROXY__RETRY__MAX_ATTEMPTS", "many"),
            ("TWILIO_PROXY__RETRY__MAX_ATEMPTS", "3"),
            ("TWILIO_PROXY__HEDGE__ENABLED", "yes"),
        ])
        .read()
        .expect_err("three mistakes")
        .to_string();
    for part in [
        "retry.max_attempts = \"many\"  (in the variable TWILIO_PROXY__RETRY__MAX_ATTEMPTS)",
        "retry.max_atempts = ***  (in the variable TWILIO_PROXY__RETRY__MAX_ATEMPTS)",
        "did you mean `max_attempts`?",
        "hedge.enabled = \"yes\"  (in the variable TWILIO_PROXY__HEDGE__ENABLED)",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
}

#[test]
fn a_variable_with_a_name_that_is_none_is_said() {
    for name in ["TWILIO_PROXY__", "TWILIO_PROXY__A__", "TWILIO_PROXY__[", "TWILIO_PROXY__A[0]"] {
        let read = sources(NOBODY).variables([(name, "hunter2")]).read();
        let said = read.expect_err(name).to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
}
