//! Every kind of mistake is said, with its key, its value and what to do; all of them at once.

use proptest::prelude::*;
use serde_json::Value;

use super::{NOBODY, problem, problems};
use crate::gateway::config::{ConfigSources, GatewayConfig};

/// Somebody fixed one mistake after the other, with a deployment for each.
#[test]
fn all_mistakes_are_said_at_once() {
    let said = GatewayConfig::from_toml(
        r#"
        stack = ["deadline", "retri", "auth", "colect"]
        [credentials]
        from = "none"
        [rat_limit]
        quota = "29/s"
        [deadline]
        within = "30"
        [retry]
        max_attempts = 0
        base = "5s"
        cap = "1s"
        "#,
    );
    let said = said.expect_err("it is full of mistakes").to_string();
    let expected = "the configuration has 6 problems:

  deadline.within = \"30\"
    invalid value: string \"30\"
    fix: give a time with its unit, such as \"250ms\", \"35s\" or \"1m 30s\"

  rat_limit = ***
    there is no such key
    fix: did you mean `rate_limit`?

  retry.base = \"5s\"
    it is longer than `retry.cap`, which is 1s: the second would always hold
    fix: give 1s or less, or raise `retry.cap`

  retry.max_attempts = 0
    invalid value: integer `0`
    fix: give a whole number from 1 on

  stack[1] = \"retri\"
    there is no `retri`
    fix: did you mean `retry`?

  stack[3] = \"colect\"
    there is no `colect`
    fix: did you mean `collect`?";
    assert_eq!(said, expected, "\n{said}");
}

#[test]
fn an_unsafe_order_names_both_layers_and_the_reason() {
    let said =
        problem(&format!("stack = [\"deadline\", \"auth\", \"retry\", \"collect\"]\n{NOBODY}"));
    assert!(
        said.contains("stack[1] = \"deadline\"") || said.contains("`retry` stands inside `auth`"),
        "{said}"
    );
    assert!(said.contains("fix: move `retry` before `auth`"), "{said}");
}

#[test]
fn the_orders_of_the_issue_are_refused() {
    for (order, outer, inner) in [
        (r#"["auth", "retry", "attempt_timeout", "collect"]"#, "retry", "auth"),
        (r#"["retry", "deadline", "collect"]"#, "deadline", "retry"),
        (r#"["deadline", "signing", "auth", "collect"]"#, "auth", "signing"),
    ] {
        let said = problem(&format!("stack = {order}\n{NOBODY}"));
        assert!(said.contains(&format!("`{outer}` stands inside `{inner}`")), "{said}");
    }
}

#[test]
fn settings_of_a_layer_that_is_not_in_the_stack_are_a_mistake() {
    let said = problem(&format!(
        "stack = [\"deadline\", \"retry\", \"collect\"]\n{NOBODY}[hedge]\nenabled = true"
    ));
    assert!(said.contains("it counts for nothing: the stack has no `hedge`"), "{said}");
    let said = problem(&format!(
        "stack = [\"deadline\", \"collect\"]\nendpoint.failover_edges = [\"dublin\"]\n{NOBODY}"
    ));
    assert!(said.contains("put `failover` into the stack"), "{said}");
}

#[test]
fn credentials_that_nobody_would_send_are_a_mistake() {
    let said = problem("stack = [\"deadline\", \"retry\", \"collect\"]");
    assert!(said.contains("put `auth` into the stack"), "{said}");
    let said = problems("[credentials]\nfrom = \"auth_token\"\nclient_id = \"x\"");
    let keys: Vec<&str> = said.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        ["credentials.account_sid", "credentials.auth_token", "credentials.client_id"]
    );
}

/// It started, and refused each call.
#[test]
fn a_signature_for_other_credentials_is_a_mistake() {
    let signing = format!(
        "[signing]\nkey_file = \"key.pem\"\ncredential_sid = \"CR{0:032}\"\naccount_sid = \"AC{0:032}\"\n\
         api_key_sid = \"SK{0:032}\"\n",
        0
    );
    let token = format!("from = \"auth_token\"\naccount_sid = \"AC{:032}\"\nauth_token = \"x\"", 0);
    let key = |number| {
        format!("from = \"api_key\"\napi_key_sid = \"SK{number:032}\"\napi_key_secret = \"x\"")
    };
    for other in [token, key(1)] {
        let said = problem(&format!("{signing}[credentials]\n{other}"));
        assert!(said.contains("not this API key's"), "{said}");
    }
    assert!(GatewayConfig::from_toml(&format!("{signing}[credentials]\n{}", key(0))).is_ok());
}

/// "The whole", said the builder of it, and a URL with a password could be printed until then.
#[test]
fn a_token_endpoint_that_cannot_be_is_a_mistake_of_its_key() {
    let with = |url: &str| {
        let client = "from = \"oauth\"\nclient_id = \"a\"\nclient_secret = \"b\"";
        format!("[credentials]\n{client}\ntoken_url = \"{url}\"")
    };
    for (url, words) in [
        ("", "URL"),
        ("id.example/token", "URL"),
        ("ftp://id.example/token", "must begin with https"),
        ("https://me:hunter2@id.example/token", "password"),
        ("http://id.example/token", "without TLS"),
    ] {
        let said = problem(&with(url));
        assert!(said.contains("credentials.token_url = ") && said.contains(words), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert!(GatewayConfig::from_toml(&with("http://127.0.0.1:4010/token")).is_ok());
    let trusted = format!("[endpoint]\nallow_plain_http = true\n{}", with("http://id.test/token"));
    assert!(GatewayConfig::from_toml(&trusted).is_ok(), "as the base URL");
}

/// Quotas are counted by it.
#[test]
fn an_api_key_is_of_its_account() {
    let text = format!(
        "[credentials]\nfrom = \"api_key\"\naccount_sid = \"AC{0:032}\"\napi_key_sid = \"SK{0:032}\"\n\
         api_key_secret = \"hush\"",
        0
    );
    let config = GatewayConfig::from_toml(&text).expect("it is right");
    let credentials = config.fixed_credentials().expect("no file is named");
    let authorization = credentials.authorization().expect("a key");
    assert_eq!(authorization.account(), config.credentials.account());
    assert!(authorization.account().is_some());
}

#[test]
fn half_a_signature_is_a_mistake() {
    let said = problems(&format!("{NOBODY}[signing]\nkey_file = \"key.pem\""));
    let keys: Vec<&str> = said.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["signing.account_sid", "signing.api_key_sid", "signing.credential_sid"]);
}

#[test]
fn credentials_over_a_network_without_tls_are_a_mistake() {
    let said = problem(&format!("{NOBODY}[endpoint]\nbase_url = \"http://10.0.0.7:80\""));
    assert!(said.contains("without TLS"), "{said}");
    let text =
        format!("{NOBODY}[endpoint]\nbase_url = \"http://10.0.0.7:80\"\nallow_plain_http = true");
    assert!(GatewayConfig::from_toml(&text).is_ok());
    assert!(
        GatewayConfig::from_toml(&format!("{NOBODY}[endpoint]\nbase_url = \"http://[::1]:80\""))
            .is_ok()
    );
}

#[test]
fn each_further_check_has_its_words() {
    for (text, key, words) in [
        ("[endpoint]\nbase_url = \"proxy\"", "endpoint.base_url", "fix: give a URL"),
        ("[endpoint]\nregion = \"ie 1\"", "endpoint.base_url", "region"),
        (
            "[endpoint]\nfailover_urls = [\"https://a.test/?q\"]",
            "endpoint.failover_urls[0]",
            "query",
        ),
        ("[endpoint]\nuser_agent = \"a b/c\\n\"", "endpoint.user_agent", "shop/3.1"),
        (
            "[attempt_timeout]\nwithin = \"9s\"\n[deadline]\nwithin = \"5s\"",
            "attempt_timeout.within",
            "no attempt would ever time out",
        ),
        ("[deadline]\nwithin = \"0s\"", "deadline.within", "no call could ever succeed"),
        ("[hedge]\nafter = \"1s\"\npercentile = 9", "hedge.percentile", "it counts for nothing"),
        ("[hedge]\npercent = 0", "hedge.percent", "from 1 to 100"),
        ("[hedge]\npercent = 300", "hedge.percent", "300"),
        (
            "[concurrency]\nmin = 9\nmax = 3",
            "concurrency.min",
            "more than `concurrency.max`, which is 3",
        ),
        ("[collect]\nlimit = \"0B\"", "collect.limit", "no answer"),
        ("[retry]\nstatuses = [409, 200]", "retry.statuses[1]", "from 400 to 599"),
        ("[headers]\nextra = { \"a b\" = \"c\" }", "headers.extra.a b", "no name of a header"),
        ("[headers]\nextra = { Cookie = \"c\" }", "headers.extra.Cookie", "the gateway's own"),
        ("[transport]\ntcp_nodelay = \"yes\"", "transport.tcp_nodelay", "give true or false"),
        ("deadline = 5", "deadline", "give a table"),
        (
            "rate_limit.when_limited = \"drop\"",
            "rate_limit.when_limited",
            "give `wait` or `refuse`",
        ),
        // Which of two values went out was a matter of the alphabet.
        ("[headers]\nextra = { X-Team = \"a\", x-team = \"b\" }", "headers.extra.x-team", "twice"),
        // Nothing unpacks what the server would send then.
        (
            "[headers]\nextra = { Accept-Encoding = \"gzip\" }",
            "headers.extra.Accept-Encoding",
            "own",
        ),
        ("[transport]\nconnect_timeout = \"0s\"", "transport.connect_timeout", "longer than 0"),
        ("[breaker]\nslow_call = \"11s\"", "breaker.slow_call", "which is 10s"),
        (
            "[signing]\nkey_file = \"-----BEGIN PRIVATE KEY-----\\nMII\"",
            "signing.key_file",
            "= ***\n    it is a key, and not the name of a file",
        ),
    ] {
        let said = problems(&format!("{text}\n{NOBODY}"));
        let Some(found) = said.iter().find(|problem| problem.key == key) else {
            panic!("nothing is said of {key}: {said:#?}");
        };
        assert!(found.to_string().contains(words), "{found}");
    }
}

#[test]
fn a_fleet_without_redis_is_a_mistake() {
    let said = problems(&format!("{NOBODY}[fleet]\nprocesses = 8"));
    assert!(said.iter().any(|problem| problem.key == "fleet.redis"), "{said:?}");
    #[cfg(not(feature = "redis"))]
    assert!(said.iter().any(|problem| problem.fix.contains("the feature `redis`")), "{said:?}");
    #[cfg(feature = "redis")]
    {
        // A password in it, so it is not shown.
        let config = format!("{NOBODY}[fleet]\nredis = \"http://me:hunter2@redis\"");
        let said = GatewayConfig::from_toml(&config).unwrap().build().unwrap_err().to_string();
        assert!(said.contains("fleet.redis = ***") && !said.contains("hunter2"), "{said}");
    }
}

/// A line that can't be parsed may have a secret in it, and the parser would show the line.
#[test]
fn no_mistake_shows_a_secret() {
    const SECRET: &str = "hunter2hunter2";
    for text in [
        format!("[credentials]\nauth_token = \"{SECRET}"),
        format!("[credentials]\nfrom = \"auth_token\"\nauth_token = \"{SECRET} \""),
        format!("[credentials]\nauth_tokn = \"{SECRET}\""),
        format!("credentials = \"{SECRET}\""),
        format!("[credentials]\nfrom = \"auth_token\"\naccount_sid = \"{SECRET}\""),
        format!("{NOBODY}[headers]\nextra = {{ Authorization = \"Basic {SECRET}\" }}"),
        format!("[credentials]\nfrom = \"oauth\"\naccount_sid = [\"{SECRET}\"]"),
        format!("[credentials]\nfrom = \"file\"\nfile = \"a\"\nauth_token = \"{SECRET}\""),
        format!("[credentials]\nauth_token = [\"{SECRET}\"]"),
        format!("[credentials]\nclient_secret = {{ a = \"{SECRET}\" }}"),
        format!("{NOBODY}[endpoint]\nbase_url = \"https://me:{SECRET}@proxy.test/\""),
        format!("{NOBODY}[endpoint]\nfailover_urls = [\"ftp://me:{SECRET}@proxy.test/\"]"),
        format!("{NOBODY}[transport]\ntunnel = \"http://me:{SECRET}@proxy.test \""),
        // The password of a URL, in a place or a form in which no URL is expected.
        format!("{NOBODY}[endpoint]\nbase_url = \"me:{SECRET}@proxy.test\""),
        format!("{NOBODY}[endpoint]\nfailover_urls = \"https://me:{SECRET}@proxy.test\""),
        format!("endpoint = \"https://me:{SECRET}@proxy.test\""),
        // A list is taken for a table, and a table for the first of its values.
        format!("[[credentials]]\nfrom = \"auth_token\"\nauth_token = \"{SECRET}\""),
        format!("credentials = [\"{SECRET}\"]"),
        // Credentials among the headers, where they are refused.
        format!("{NOBODY}[headers]\nextra = {{ Authorization = \"Bearer {SECRET}\" }}"),
        format!("{NOBODY}[headers]\nextra = \"Authorization: Bearer {SECRET}\""),
        format!("headers = \"Authorization: Bearer {SECRET}\""),
        // The token in place of the SID, and words that end what serde says of a value.
        format!("[credentials]\nfrom = \"auth_token\"\naccount_sid = \"{SECRET}\""),
        format!("[headers]\nextra = \"a, expected {SECRET}\""),
    ] {
        let error = GatewayConfig::from_toml(&text).expect_err(&text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let json = format!("{{\"credentials\": {{\"auth_token\": \"{SECRET}\" \"x\"");
    let error = GatewayConfig::from_json(&json).expect_err("half a file");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}

/// serde takes a list for the values of a table: `deadline = ["5s"]` was one, in silence.
#[test]
fn a_list_is_no_table() {
    let said = problem(&format!("deadline = [\"5s\"]\n{NOBODY}"));
    assert!(said.contains("deadline = ***\n    it is a list"), "{said}");
    let said = problem(&format!("{NOBODY}[[retry]]\nmax_attempts = 3"));
    assert!(said.contains("fix: give a table: `[retry]`"), "{said}");
    let said = problem("credentials = \"x\"");
    assert!(said.contains("fix: give a table"), "not a text: {said}");
}

/// Nor does a configuration that is right, wherever it is printed.
#[test]
fn no_configuration_shows_a_secret() {
    const SECRET: &str = "hunter2hunter2";
    let config = GatewayConfig::from_toml(&format!(
        "[credentials]\nfrom = \"auth_token\"\naccount_sid = \"AC{:032}\"\nauth_token = \"{SECRET}\"\n\
         [transport]\ntunnel = \"http://me:{SECRET}@proxy.test\"",
        0
    ));
    let config = config.expect("it is right");
    let shown = format!("{config:?} {}", serde_json::to_string(&config).expect("JSON"));
    assert!(!shown.contains(SECRET), "{shown}");
}

#[test]
fn files_that_are_missing_or_of_no_known_kind_are_said() {
    let said = ConfigSources::new().file("no/such/file.toml").read().expect_err("no file");
    assert!(said.to_string().contains("no/such/file.toml"), "{said}");
    let said = ConfigSources::new().file("gateway.yaml").read().expect_err("no format");
    assert!(said.to_string().contains("neither a .toml nor a .json file"), "{said}");
}

#[test]
fn a_file_with_a_slip_says_where() {
    let said = problem("[deadline]\nwithin = \"30s\"\n[retry\n");
    assert!(said.contains("line 3, column"), "{said}");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z0-9/ ]{0,8}".prop_map(Value::from),
        Just(Value::from("35s")),
        Just(Value::from("never")),
    ];
    leaf.prop_recursive(2, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..4)
                .prop_map(|table| table.into_iter().collect()),
        ]
    })
}

/// Mostly keys that there are.
fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "stack",
            "endpoint",
            "credentials",
            "retry",
            "deadline",
            "within",
            "quota",
            "extra",
            "statuses",
            "headers",
            "hedge",
            "percent",
            "base_url",
            "from",
            "auth_token",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z_.]{1,6}",
    ]
}

proptest! {
    /// Whatever stands in a file, it is a configuration or a list of problems, and the end is reached.
    #[test]
    fn any_tree_is_read_or_refused(tree in prop::collection::btree_map(any_key(), any_value(), 0..5)) {
        let text = serde_json::to_string(&tree).expect("JSON");
        match GatewayConfig::from_json(&text) {
            Ok(config) => prop_assert!(config.check().is_ok()),
            Err(error) => prop_assert!(!error.problems().is_empty()),
        }
    }
}

#[cfg(not(feature = "http2"))]
#[test]
fn http2_without_the_feature_is_a_mistake() {
    let said = problem(&format!("{NOBODY}[transport]\nprotocol = \"http2\""));
    assert!(said.contains("the feature `http2`"), "{said}");
}
