use super::{decode, encode, normalize};

#[test]
fn only_the_unreserved_characters_stay_as_they_are() {
    for byte in 0..=0x7f_u8 {
        let text = char::from(byte).to_string();
        let stays = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let expected = if stays { text.clone() } else { format!("%{byte:02X}") };
        assert_eq!(encode(&text), expected);
    }
}

#[test]
fn beyond_ascii_it_is_the_bytes_of_utf8_that_are_escaped() {
    assert_eq!(encode("é☎"), "%C3%A9%E2%98%8E");
    assert_eq!(decode("%C3%A9%E2%98%8E").as_deref(), Some("é☎"));
}

#[test]
fn decoding_leaves_plus_alone_and_refuses_what_is_not_utf8() {
    assert_eq!(decode("a+b%20c").as_deref(), Some("a+b c"));
    assert_eq!(decode("%252F").as_deref(), Some("%2F"), "once, not twice");
    assert_eq!(decode("%FF"), None);
    // No escape at all: left as it is.
    assert_eq!(decode("100%").as_deref(), Some("100%"));
}

#[test]
fn normal_is_escaped_once_and_no_more_than_it_has_to_be() {
    assert_eq!(normalize("a%20b/%7e%2f+%"), "a%20b%2F~%2F%2B%25");
    assert_eq!(normalize("%ff"), "%FF", "whatever bytes it spells");
    assert_eq!(normalize(&normalize("é %2")), normalize("é %2"));
}
