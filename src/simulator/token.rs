//! Tokens by OAuth 2's client credentials grant: <https://www.rfc-editor.org/rfc/rfc6749#section-4.4>.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};

use super::state::Shared;
use crate::call::AccountSid;

/// Where tokens are given out: Twilio's path, on whatever host.
const PATH: &str = "/v2/token";

pub(super) fn is_asked_for(head: &Parts) -> bool {
    head.method == Method::POST && head.uri.path() == PATH
}

/// A token for a client that is known, or the standard's words of refusal.
pub(super) fn give(shared: &Shared, body: &[u8]) -> (StatusCode, Value) {
    let form: Vec<(String, String)> = form_urlencoded::parse(body).into_owned().collect();
    let one = |key: &str| {
        let found = form.iter().find(|(name, _)| name == key);
        found.map_or("", |(_, value)| value.as_str())
    };
    if one("grant_type") != "client_credentials" {
        return (StatusCode::BAD_REQUEST, json!({"error": "unsupported_grant_type"}));
    }
    let settings = &shared.settings;
    let Some(account) = settings.account_of_client(one("client_id"), one("client_secret")) else {
        return (StatusCode::UNAUTHORIZED, json!({"error": "invalid_client"}));
    };
    let (rng, life) = (&settings.rng, settings.token_life);
    let token = format!("sim.{:016x}{:016x}", rng.bits(), rng.bits());
    // A life that no clock can show has no end worth speaking of: what is over is forgotten.
    if let Some(until) = settings.clock.now().checked_add(life) {
        shared.lock().tokens.insert(token.clone(), (account, until));
    }
    let granted = json!({
        "access_token": token,
        "id_token": null,
        "token_type": "Bearer",
        "expires_in": life.as_secs(),
        "refresh_token": null,
    });
    (StatusCode::OK, granted)
}

/// The account that a request's token acts for, while the token lives.
pub(super) fn account_of(shared: &Shared, headers: &HeaderMap) -> Option<AccountSid> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let state = shared.lock();
    let (account, until) = state.tokens.get(token.trim())?;
    (shared.settings.clock.now() < *until).then_some(*account)
}
