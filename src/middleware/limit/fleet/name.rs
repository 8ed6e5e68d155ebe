use std::fmt::Write;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use crate::middleware::limit::rate::Key;

/// The name of a key in the store. What stands in braces decides, in a Redis Cluster, where it lives.
///
/// SIDs and operations are named as they are, for whoever looks into the store. Names of the caller's making
/// may hold anything, so they are hashed; user information in an authority is left out.
pub(super) fn name(prefix: &str, key: &Key) -> Arc<str> {
    let mut name = format!("{{{prefix}:");
    // OK because writing to a string doesn't fail.
    let _ = match key {
        Key::Call(call) => {
            let account = call.account.as_ref().map_or("-", |sid| sid.as_str());
            let scope = call.scope.as_ref().map_or("-", |sid| sid.as_str());
            write!(name, "{account}:{}:{scope}", call.operation)
        }
        Key::Route(method, authority) => {
            let authority = authority.as_ref().map_or("-", |authority| authority.as_str());
            let host = authority.rsplit('@').next().unwrap_or_default();
            write!(name, "{method}:{host}")
        }
        Key::Named(text) => {
            let hash = digest(&SHA256, text.as_bytes());
            hash.as_ref().iter().take(16).try_for_each(|byte| write!(name, "{byte:02x}"))
        }
    };
    name.push('}');
    name.into()
}
