//! Whatever comes, an answer comes back.

use futures_util::FutureExt;
use http::{HeaderValue, Uri};
use proptest::prelude::*;

use super::place::Place;
use super::*;

/// Text in which what matters is likely.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "(https?://|HTTPS://)?[a-z.:@\\[\\]0-9]{0,12}[/?#&=%+:'@a-f0-9]{0,20}",
        "/?\\??(bodySHA256|a)?=?[0-9a-f%+&;=]{0,70}",
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..64),
        "[a-cA-F0-9%+&=;\\{\\}\":,\u{e9}]{0,40}".prop_map(String::into_bytes),
    ]
}

fn header() -> impl Strategy<Value = Option<HeaderValue>> {
    let value = prop_oneof![
        bytes(),
        Just(b"application/x-www-form-urlencoded".to_vec()),
        Just(b"application/json".to_vec()),
        Just(b"AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_vec()),
        Just(b"https".to_vec()),
        Just(b"host.test:443".to_vec()),
    ];
    proptest::option::of(value.prop_map(|value| HeaderValue::from_bytes(&value).ok()))
        .prop_map(Option::flatten)
}

const NAMES: [&str; 6] = [
    "x-twilio-signature",
    "content-type",
    "content-length",
    "host",
    "x-forwarded-proto",
    "x-forwarded-host",
];

proptest! {
    #[test]
    fn the_core_never_panics(
        url in text(), content_type in proptest::option::of(text()), body in bytes(),
        signature in prop_oneof![text(), Just("AAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned())],
    ) {
        let content_type = content_type.as_deref();
        let callback = Callback { url: &url, content_type, body: &body, signature: &signature };
        prop_assert!(verify(&tokens(), &callback).is_err());
        let _ = (PublicUrl::new(&url), signed_form(&token("1"), &url, [(&url, &signature)]));
        let _ = PublicUrl::from_forwarded_headers().with_prefix(&url);
    }

    #[test]
    fn a_url_is_cut_and_put_together_again(url in text()) {
        if let Some(place) = Place::read(&url) {
            let [without, with] = place.ports().map(|port| place.parts(port).concat());
            prop_assert!(without == url || with == url, "{url}: {without}, {with}");
        }
    }

    #[test]
    fn the_service_never_panics(
        uri in text(),
        headers in proptest::collection::vec((proptest::sample::select(&NAMES), header()), 0..8),
        body in bytes(),
        trusting in any::<bool>(),
    ) {
        let url = if trusting {
            PublicUrl::from_forwarded_headers()
        } else {
            PublicUrl::new("https://mycompany.com").unwrap()
        };
        let layer = ValidateSignatureLayer::new(tokens(), url).limit(32);
        let mut request = Request::new(Full::<Bytes>::from(body));
        if let Ok(uri) = uri.parse::<Uri>() {
            *request.uri_mut() = uri;
        }
        for (name, value) in headers {
            if let Some(value) = value {
                request.headers_mut().append(name, value);
            }
        }
        // The body is here, so nothing waits and no runtime is needed.
        let (status, _) = serve(&layer, request).now_or_never().unwrap();
        prop_assert!(status.is_client_error());
    }

    #[test]
    fn callbacks_are_read_without_a_panic(body in bytes()) {
        let _ = (StatusCallback::from_form(&body), StatusCallback::from_json(&body));
        let _ = (OutOfSessionCallback::from_form(&body), OutOfSessionCallback::from_json(&body));
        if let Ok(callback) = InterceptCallback::from_form(&body) {
            let _ = (callback.interaction.body(), callback.interaction.duration());
        }
    }

    /// What is signed here is accepted here, for whatever parameters, in whatever order.
    #[test]
    fn our_own_signatures_are_accepted(
        parameters in proptest::collection::vec((any::<String>(), any::<String>()), 0..8),
        json in bytes(),
    ) {
        let url = "https://mycompany.com/cb?a=b";
        let requests = [
            signed_form(&token("12345"), url, parameters).unwrap(),
            signed_json(&token("12345"), url, json).unwrap(),
        ];
        for request in requests {
            let (status, _) = serve(&layer(), request).now_or_never().unwrap();
            prop_assert_eq!(status, StatusCode::OK);
        }
    }
}
