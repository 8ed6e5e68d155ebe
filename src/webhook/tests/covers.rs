//! No body passes that the signature does not cover.

use super::*;

fn hashed(query: &str) -> String {
    format!("https://mycompany.com/cb?{query}")
}

/// What becomes of a callback whose URL alone is signed, with this body.
fn with_signed_url(url: &str, content_type: Option<&str>, body: &[u8]) -> Result<(), Refusal> {
    let signature = sign::<&str, &str>(&token("12345"), url, []).to_string();
    let callback = Callback { url, content_type, body, signature: &signature };
    verify(&tokens(), &callback).map(drop)
}

#[test]
fn a_body_that_is_neither_a_form_nor_hashed_is_unsigned() {
    let types =
        [None, Some("application/json"), Some("text/plain"), Some(""), Some("multipart/form-data")];
    for content_type in types {
        let refused = with_signed_url("https://mycompany.com/cb", content_type, b"{}");
        assert_eq!(refused, Err(Refusal::Unsigned), "{content_type:?}");
        // Without a body there is nothing to sign.
        assert_eq!(with_signed_url("https://mycompany.com/cb", content_type, b""), Ok(()));
    }
}

#[test]
fn a_form_needs_the_signature_of_its_parameters() {
    let types = [
        FORM,
        "Application/X-WWW-Form-Urlencoded",
        "application/x-www-form-urlencoded ; charset=utf-8",
    ];
    for content_type in types {
        let refused = with_signed_url("https://mycompany.com/cb", Some(content_type), b"a=b");
        assert_eq!(refused, Err(Refusal::Forged), "{content_type}");
    }
}

#[test]
fn the_hash_decides_whatever_the_body_calls_itself() {
    let body = b"a=b";
    let url = hashed(&format!("bodySHA256={}", cover::hex_of(body)));
    for content_type in [None, Some(FORM), Some("application/json")] {
        assert_eq!(with_signed_url(&url, content_type, body), Ok(()));
        assert_eq!(with_signed_url(&url, content_type, b"a=c"), Err(Refusal::Altered));
        assert_eq!(with_signed_url(&url, content_type, b""), Err(Refusal::Altered));
    }
    // The parameters' own signature does not help a body with another hash.
    let signature = sign(&token("12345"), &url, [("a", "c")]).to_string();
    let callback =
        Callback { url: &url, content_type: Some(FORM), body: b"a=c", signature: &signature };
    assert_eq!(verify(&tokens(), &callback), Err(Refusal::Forged));
}

#[test]
fn a_hash_alone_proves_nothing() {
    let body = b"{}";
    let url = hashed(&format!("bodySHA256={}", cover::hex_of(body)));
    let signature = sign::<&str, &str>(&token("of somebody else"), &url, []).to_string();
    let callback = Callback { url: &url, content_type: None, body, signature: &signature };
    assert_eq!(verify(&tokens(), &callback), Err(Refusal::Forged));
}

#[test]
fn two_hashes_are_none() {
    let (good, bad) = (cover::hex_of(b"{}"), cover::hex_of(b"[]"));
    for query in [
        format!("bodySHA256={good}&bodySHA256={bad}"),
        format!("bodySHA256={bad}&bodySHA256={good}"),
        format!("bodySHA256={good}&bodySHA256={good}"),
        // However the second is spelled: whoever reads the query behind may read it so.
        format!("bodySHA256={good}&body%53HA256={bad}"),
        format!("bodySHA256={good}&bodySHA256"),
    ] {
        let refused = with_signed_url(&hashed(&query), Some("application/json"), b"{}");
        assert!(matches!(refused, Err(Refusal::Malformed(_))), "{query}: {refused:?}");
    }
}

#[test]
fn a_hash_is_64_hexadecimal_digits_of_either_case() {
    let hash = cover::hex_of(b"{}");
    let upper = hash.to_uppercase();
    assert_eq!(with_signed_url(&hashed(&format!("bodySHA256={upper}")), None, b"{}"), Ok(()));
    for bad in ["", "0", &hash[1..], &format!("{hash}0"), &hash.replace('4', "g"), &"é".repeat(32)]
    {
        let refused = with_signed_url(&hashed(&format!("bodySHA256={bad}")), None, b"{}");
        assert!(matches!(refused, Err(Refusal::Malformed(_))), "{bad}: {refused:?}");
    }
    // Another name is another parameter.
    let other = hashed(&format!("bodysha256={hash}"));
    assert_eq!(with_signed_url(&other, None, b"{}"), Err(Refusal::Unsigned));
}

/// Decoding makes the same character of every byte that is no UTF-8. If that were signed, one such
/// form could be sent in place of another.
#[test]
fn a_form_that_is_not_utf8_is_refused() {
    let url = "https://mycompany.com/cb";
    let signature = sign(&token("12345"), url, [("a", "\u{fffd}")]).to_string();
    for body in [&b"a=\xff"[..], b"a=%FF", b"a=%fe", b"a=%C3", b"%ff=a"] {
        let callback = Callback { url, content_type: Some(FORM), body, signature: &signature };
        let refused = verify(&tokens(), &callback);
        assert!(matches!(refused, Err(Refusal::Malformed(_))), "{body:?}: {refused:?}");
    }
    let real =
        Callback { url, content_type: Some(FORM), body: b"a=%EF%BF%BD", signature: &signature };
    assert!(verify(&tokens(), &real).is_ok());
}

#[tokio::test(start_paused = true)]
async fn two_content_types_are_none() {
    let mut request =
        signed_form(&token("12345"), "https://mycompany.com/cb", [("a", "b")]).unwrap();
    request.headers_mut().append("content-type", "application/json".parse().unwrap());
    assert_eq!(status(&layer(), request).await, 400);
}

#[tokio::test(start_paused = true)]
async fn two_signatures_are_none() {
    let mut request =
        signed_form(&token("12345"), "https://mycompany.com/cb", [("a", "b")]).unwrap();
    let signature = request.headers()["x-twilio-signature"].clone();
    request.headers_mut().append("x-twilio-signature", signature);
    assert_eq!(status(&layer(), request).await, 400);
}

#[tokio::test(start_paused = true)]
async fn no_signature_and_what_can_be_none_is_400() {
    let mut request =
        signed_form(&token("12345"), "https://mycompany.com/cb", [("a", "b")]).unwrap();
    let good = request.headers()["x-twilio-signature"].to_str().unwrap().to_owned();
    request.headers_mut().remove("x-twilio-signature");
    assert_eq!(status(&layer(), request).await, 400);
    let bad = ["", "x", "AAAA", &good[1..], &format!("{good}="), &good.replace('=', ""), "é"];
    for signature in bad {
        let request = callback("/cb", Some(FORM), signature, Full::from("a=b"));
        assert_eq!(status(&layer(), request).await, 400, "{signature}");
    }
}

/// A GET has its parameters in the URL, and they are signed with it.
#[tokio::test(start_paused = true)]
async fn a_get_is_signed_by_its_url() {
    let url = "https://mycompany.com/cb?interactionSid=KI1&From=%2B15550100";
    let signature = sign::<&str, &str>(&token("12345"), url, []).to_string();
    let get = |uri: &str| {
        let request = Request::get(uri).header("x-twilio-signature", &signature);
        request.body(Full::<Bytes>::default()).unwrap()
    };
    assert_eq!(status(&layer(), get("/cb?interactionSid=KI1&From=%2B15550100")).await, 200);
    assert_eq!(status(&layer(), get("/cb?interactionSid=KI1&From=+15550100")).await, 403);
}
