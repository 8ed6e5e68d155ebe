//! Files as editors and programs write them.

use proptest::prelude::*;

use super::{NOBODY, sources};
use crate::gateway::config::{ConfigSources, GatewayConfig};

/// An editor on Windows had put a mark in front: "expected value at line 1 column 1", said the parser.
#[test]
fn a_mark_of_the_byte_order_and_ends_of_lines_do_not_matter() {
    let json = "\u{feff}{\"credentials\": {\"from\": \"none\"}}";
    GatewayConfig::from_json(json).expect("it is right");
    let toml = format!("\u{feff}{NOBODY}").replace('\n', "\r\n");
    GatewayConfig::from_toml(&toml).expect("it is right");
}

/// The last one counted, in silence: half of what an operator had written was not there.
#[test]
fn a_key_that_is_there_twice_is_a_mistake() {
    for text in [
        r#"{"deadline": {"within": "5s"}, "credentials": {"from": "none"}, "deadline": {}}"#,
        r#"{"credentials": {"from": "none"}, "deadline": {"within": "5s", "within": "6s"}}"#,
    ] {
        let said = GatewayConfig::from_json(text).expect_err("twice").to_string();
        assert!(
            said.contains("within` is there twice") || said.contains("deadline` is there"),
            "{said}"
        );
        assert!(said.contains("line 1 column"), "{said}");
    }
    let twice = format!("{NOBODY}from = \"oauth\"");
    assert!(GatewayConfig::from_toml(&twice).expect_err("twice").to_string().contains("duplicate"));
}

/// A key with a number in brackets made a list of so many places, and a large one a panic.
#[test]
fn a_key_with_brackets_is_none() {
    for key in ["stack[9223372036854775806]", "stack[-9223372036854775808]", "retry.statuses[3]"] {
        let said = GatewayConfig::from_toml(&format!("{key:?} = 409")).expect_err(key).to_string();
        assert!(said.contains("name keys by letters and underscores"), "{said}");
        let name = format!("TWILIO_PROXY__{}", key.replace('.', "__").to_uppercase());
        let read = sources(NOBODY).variables([(name.as_str(), "409")]).read();
        let said = read.expect_err(key).to_string();
        assert!(said.contains("name keys by letters and underscores"), "{said}");
    }
}

#[test]
fn a_file_without_a_table_is_said_and_not_shown() {
    for text in ["\"hunter2\"", "[\"hunter2\"]", "null", "12"] {
        let said = GatewayConfig::from_json(text).expect_err(text).to_string();
        assert!(said.contains("is no table") && !said.contains("hunter2"), "{said}");
    }
}

/// Of several files it is said which.
#[test]
fn what_is_wrong_with_a_file_names_it() {
    let folder = std::env::temp_dir().join(format!("twilio-proxy-files-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("folder.toml")).expect("a folder");
    let texts: [(&str, &[u8]); 3] = [
        ("text.json", b"\"hunter2\""),
        ("key.json", b"{\"a[1]\": 1}"),
        ("latin.toml", b"# caf\xe9"),
    ];
    for (name, text) in texts {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    for name in ["text.json", "key.json", "latin.toml", "folder.toml"] {
        let read = ConfigSources::new().file(folder.join(name)).read();
        let said = read.expect_err(name).to_string();
        assert!(said.contains(name) && !said.contains("hunter2"), "{said}");
    }
    std::fs::remove_dir_all(folder).expect("it was there");
}

proptest! {
    /// Whatever bytes a file has, it is read or refused.
    #[test]
    fn any_text_of_json_is_read_or_refused(text in r#"[\[\]{}":,a-z0-9 \-.]{0,40}"#) {
        let _ = ConfigSources::new().json(&text).read().is_ok();
        let _ = ConfigSources::new().toml(&text).read().is_ok();
    }
}
