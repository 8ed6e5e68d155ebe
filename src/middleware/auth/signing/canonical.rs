//! The canonical request: one spelling for all requests that mean the same, and its hash.
//!
//! The rule is Twilio's: <https://www.twilio.com/docs/iam/pkcv/quickstart>. What this crate sends is
//! strict RFC 3986 to begin with, so that for it the canonical path is the very path.

use aws_lc_rs::digest::{SHA256, digest};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};

use crate::call::percent;

/// The hash of a request, and the names of the headers in it.
pub(super) struct Hashed {
    /// 64 hexadecimal digits: the claim `rqh`.
    pub(super) hash: String,
    /// Lower-case names, joined by `;`: the claim `hrh`.
    pub(super) headers: String,
}

/// Hashes a request with these of its headers, as many as it has, and `Host`, which the transport adds
/// where the request has none.
pub(super) fn hashed<B>(request: &Request<B>, names: &[HeaderName], body: &[u8]) -> Hashed {
    let host = request.headers().get(header::HOST).cloned().or_else(|| host_of(request.uri()));
    let value = |name: &HeaderName| match &host {
        Some(host) if *name == header::HOST => {
            Some(without_default_port(&collapsed(host)).to_owned())
        }
        _ => joined(request.headers(), name),
    };
    let (mut lines, mut named) = (Vec::new(), Vec::new());
    for name in names {
        if let Some(value) = value(name) {
            lines.push(format!("{name}:{value}"));
            named.push(name.as_str());
        }
    }
    // Each by itself: where one name begins with another, the two orders differ.
    lines.sort_unstable();
    named.sort_unstable();
    let headers = named.join(";");
    let mut text = String::with_capacity(256);
    text.push_str(&request.method().as_str().to_ascii_uppercase());
    text.push('\n');
    text.push_str(&path(request.uri().path()));
    text.push('\n');
    text.push_str(&query(request.uri().query().unwrap_or_default()));
    text.push('\n');
    for line in &lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text.push_str(&headers);
    text.push('\n');
    // No body is the empty text, not the hash of nothing.
    if !body.is_empty() {
        push_hash(&mut text, body);
    }
    let mut hash = String::with_capacity(64);
    push_hash(&mut hash, text.as_bytes());
    Hashed { hash, headers }
}

/// What hyper says in `Host` for a URI.
fn host_of(uri: &Uri) -> Option<HeaderValue> {
    let authority = uri.authority()?.as_str();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    HeaderValue::from_str(host).ok()
}

/// All values of a header: white space collapsed, sorted, joined by commas.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values: Vec<_> = headers.get_all(name).iter().map(collapsed).collect();
    values.sort();
    (!values.is_empty()).then(|| values.join(","))
}

fn collapsed(value: &HeaderValue) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn without_default_port(host: &str) -> &str {
    host.strip_suffix(":443").or_else(|| host.strip_suffix(":80")).unwrap_or(host)
}

/// Each segment in strict RFC 3986, and dot segments gone, however they were spelled.
pub(super) fn path(path: &str) -> String {
    let mut segments = Vec::new();
    let mut rest = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = rest.next() {
        let is_last = rest.peek().is_none();
        let segment = percent::normalize(segment);
        match &*segment {
            "." => {}
            ".." => {
                segments.pop();
            }
            _ => {
                segments.push(segment);
                continue;
            }
        }
        // A dot segment at the end leaves its slash behind.
        if is_last {
            segments.push(String::new());
        }
    }
    format!("/{}", segments.join("/"))
}

/// Sorted as it came, then each name and value in strict RFC 3986; `+` stands for a space.
pub(super) fn query(query: &str) -> String {
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let encoded = pairs.iter().map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let strict = |text: &str| percent::normalize(&text.replace('+', "%20"));
        format!("{}={}", strict(name), strict(value))
    });
    encoded.collect::<Vec<_>>().join("&")
}

fn push_hash(text: &mut String, of: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in digest(&SHA256, of).as_ref() {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
}
