use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Page;
use crate::wire::{Answer, DecodeError};

fn read(body: &Value) -> Result<Page<Value>, DecodeError> {
    Answer::new(StatusCode::OK, HeaderMap::new(), body.to_string().into()).page("services")
}

#[test]
fn the_records_may_come_after_meta_and_fields_without_a_name_are_kept() {
    let body = json!({
        "meta": {
            "key": "services", "page": 2, "page_size": 50, "url": "u", "first_page_url": "f",
            "previous_page_url": "p", "next_page_url": "n", "total": 9,
        },
        "services": [{"sid": "KS1"}, {"sid": "KS2"}],
        "warnings": ["slow"],
        "links": {},
        "version": 1,
    });
    let page = read(&body).expect("a page");
    assert_eq!(page.items.len(), 2);
    assert_eq!((page.meta.page, page.meta.page_size), (Some(2), Some(50)));
    assert_eq!(page.meta.key.as_deref(), Some("services"));
    assert_eq!(page.meta.url.as_deref(), Some("u"));
    assert_eq!(page.first_page_url(), Some("f"));
    assert_eq!(page.previous_page_url(), Some("p"));
    assert_eq!(page.next_page_url(), Some("n"));
    assert_eq!(page.meta.extra["total"], 9);
    assert_eq!(page.meta.extra.len(), 1, "what has a field is not kept twice");
    assert_eq!(page.extra["warnings"][0], "slow");
    assert_eq!(serde_json::to_value(&page).expect("JSON"), body);
}

#[test]
fn the_last_page_names_no_next() {
    for next in [json!(null), json!("")] {
        let page = read(&json!({"services": [], "meta": {"next_page_url": next}}));
        assert_eq!(page.expect("a page").next_page_url(), None);
    }
    let page = read(&json!({"services": [], "meta": {}})).expect("a page");
    assert_eq!(page.next_page_url(), None);
    // Written under the name it was read under, though `meta` did not say it.
    assert_eq!(serde_json::to_value(&page).expect("JSON")["services"], json!([]));
}

/// `meta.key` went before the name that the records were read under. Where a server names another array
/// there, the page was written as one that can't be read again; where it names `meta`, as JSON with the
/// same name twice.
#[test]
fn a_page_is_written_under_the_name_it_was_read_under_whatever_meta_says() {
    for said in ["sessions", "meta", "warnings"] {
        let page = read(&json!({"services": [1], "warnings": [], "meta": {"key": said}}));
        let written = serde_json::to_string(&page.expect("a page")).expect("JSON");
        let written: Value = serde_json::from_str(&written).expect("JSON");
        assert_eq!(written["services"], json!([1]), "{said}");
        assert_eq!(read(&written).expect("a page").items, [1], "{said}");
    }
}

#[test]
fn what_is_no_page_is_no_empty_page() {
    for body in [
        json!({}),
        json!({"services": []}),
        json!({"meta": {"key": "services"}}),
        json!({"services": null, "meta": {}}),
        json!({"services": [], "meta": null}),
        json!({"sessions": [], "meta": {"key": "sessions"}}),
        json!({"services": {}, "meta": {}}),
        json!({"services": [], "meta": {"next_page_url": 1}}),
        json!([]),
    ] {
        assert!(read(&body).is_err(), "{body}");
    }
}
