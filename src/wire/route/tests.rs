use http::Method;

use super::Route;
use crate::call::{Idempotency, ServiceSid};

const SERVICE: &str = "KS0123456789abcdef0123456789abcdef";

fn service() -> ServiceSid {
    ServiceSid::new(SERVICE).expect("a SID")
}

#[test]
fn the_five_operations_are_told_by_method_and_path() {
    let sessions = format!("/v1/Services/{SERVICE}/Sessions");
    let session = format!("{sessions}/KC1");
    let key = "KC1".to_owned();
    for (method, path, route, name, idempotency) in [
        (
            Method::POST,
            &sessions,
            Route::CreateSession { service: service() },
            "sessions.create",
            Idempotency::Unsafe,
        ),
        (
            Method::GET,
            &sessions,
            Route::ListSessions { service: service() },
            "sessions.list",
            Idempotency::Safe,
        ),
        (
            Method::GET,
            &session,
            Route::FetchSession { service: service(), key: key.clone() },
            "sessions.fetch",
            Idempotency::Safe,
        ),
        (
            Method::POST,
            &session,
            Route::UpdateSession { service: service(), key: key.clone() },
            "sessions.update",
            Idempotency::Idempotent,
        ),
        (
            Method::DELETE,
            &session,
            Route::DeleteSession { service: service(), key },
            "sessions.delete",
            Idempotency::Idempotent,
        ),
    ] {
        for query in ["", "?", "?PageSize=5&x=/a/b"] {
            assert_eq!(Route::recognise(&method, &format!("{path}{query}")), route);
        }
        let meta = route.meta().expect("known");
        assert_eq!((meta.name, meta.method), (name, method));
        assert_eq!(meta.template.ends_with("/{Sid}"), path.ends_with("KC1"));
        assert_eq!(route.idempotency(), idempotency);
        assert_eq!(route.service(), Some(service()));
    }
}

#[test]
fn a_key_is_given_out_unescaped() {
    let path = format!("/v1/Services/{SERVICE}/Sessions/a%2Fb%3Fc%20%2B+%25%F0%9F%91%A9?x");
    let Route::FetchSession { key, .. } = Route::recognise(&Method::GET, &path) else {
        panic!("a fetch");
    };
    assert_eq!(key, "a/b?c ++%👩");
    // An escaped letter of the template is still that letter.
    let path = format!("/v1/Service%73/{SERVICE}/Sessions");
    assert!(Route::recognise(&Method::GET, &path).meta().is_some());
}

#[test]
fn whatever_else_is_known_by_its_method_alone() {
    let sessions = format!("/v1/Services/{SERVICE}/Sessions");
    for path in [
        String::new(),
        "/".to_owned(),
        "/v1/Services".to_owned(),
        format!("/v1/Services/{SERVICE}"),
        "/v1/Services/KS123/Sessions".to_owned(),
        format!("/v2/Services/{SERVICE}/Sessions"),
        format!("/v1/services/{SERVICE}/Sessions"),
        format!("v1/Services/{SERVICE}/Sessions"),
        format!("/{sessions}"),
        format!("{sessions}/"),
        format!("{sessions}/."),
        format!("{sessions}/.."),
        format!("{sessions}/%2e%2E"),
        format!("{sessions}/%FF"),
        format!("{sessions}/KC1/"),
        format!("{sessions}/KC1/Participants"),
    ] {
        for (method, idempotency) in [
            (Method::GET, Idempotency::Safe),
            (Method::DELETE, Idempotency::Idempotent),
            (Method::POST, Idempotency::Unsafe),
        ] {
            let route = Route::recognise(&method, &path);
            assert_eq!(route, Route::Other { idempotency }, "{path}");
            assert_eq!(route.idempotency(), idempotency);
            assert!(route.meta().is_none() && route.service().is_none());
        }
    }
    // Methods that Proxy does not know, on paths that it does.
    for (method, path) in [(Method::DELETE, sessions.clone()), (Method::PATCH, sessions + "/KC1")] {
        assert!(matches!(Route::recognise(&method, &path), Route::Other { .. }), "{method} {path}");
    }
}
