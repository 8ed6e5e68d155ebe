/// Where Twilio gives tokens to the clients of its OAuth apps, by OAuth 2's client credentials grant.
/// <https://www.twilio.com/docs/iam/oauth-apps/oauth-access-token>
pub const TOKEN_URL: &str = "https://oauth.twilio.com/v2/token";
