//! The same look through the log as in `secrets`, with each kind of credentials and every way for
//! them to go wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};
use twilio_proxy::call::{BoxError, Collected, Fault, FaultKind, Rng};
use twilio_proxy::gateway::{DefaultGateway, Error, Gateway, GatewayBuilder, GatewayExt};
use twilio_proxy::middleware::auth::oauth::{Client, ClientCredentials};
use twilio_proxy::middleware::auth::{Credentials, FileCredentials, FnCredentials, Grant};
use twilio_proxy::sessions::CreateSession;
use twilio_proxy::simulator::{FaultPlan, Simulator};
use twilio_proxy::wire::TOKEN_URL;

use crate::leaks::{Log, assert_absent};
use crate::never_twice::everything;
use crate::secrets::talkative;
use crate::tokens::{CLIENT, SECRET, giving_tokens};
use crate::world::{clock, service, settings};

const MINUTE: Duration = Duration::from_secs(60);

fn say(error: &Error) {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        tracing::error!("{error} {error:?} {error:#?}");
        next = error.source();
    }
}

/// Calls for an hour and a half, with a token taken away in between.
async fn visit(gateway: &DefaultGateway<Simulator>, simulator: &Simulator) {
    for minute in 0..18 {
        if minute % 5 == 2 {
            simulator.revoke_tokens();
        }
        let calls = (0..4).map(|_| gateway.send(CreateSession::new(service(1))));
        for outcome in futures_util::future::join_all(calls).await {
            outcome.iter().for_each(|_| tracing::info!("created"));
            outcome.err().iter().for_each(say);
        }
        tracing::info!("{gateway:?} {}", serde_json::to_string(&gateway.health()).unwrap());
        tokio::time::sleep(MINUTE * 5).await;
    }
}

/// The simulator's token endpoint, with an ear for the tokens that it gives out.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<String>>>);

impl Given {
    fn wire(
        &self,
        simulator: &Simulator,
    ) -> BoxCloneSyncService<Request<Full<Bytes>>, Response<Collected>, BoxError> {
        let (given, simulator) = (self.clone(), simulator.clone());
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let (given, simulator) = (given.clone(), simulator.clone());
            async move {
                let response = simulator.oneshot(request).await?;
                let json = serde_json::from_slice::<serde_json::Value>(response.body().bytes());
                if let Some(token) =
                    json.ok().and_then(|it| Some(it["access_token"].as_str()?.to_owned()))
                {
                    given.0.lock().unwrap().push(token);
                }
                Ok::<_, BoxError>(response)
            }
        }))
    }
}

fn bare(seed: u64) -> GatewayBuilder {
    talkative(Gateway::builder(Credentials::none()).clock(clock()).rng(Rng::seeded(seed)))
}

#[tokio::test(start_paused = true)]
async fn no_token_and_no_clients_secret_is_printed() {
    let (log, given) = (Log::default(), Given::default());
    let listening = log.listen();
    for seed in 0..6 {
        let settings = giving_tokens(settings(clock(), seed))
            .token_life(MINUTE * (1 + 20 * (seed as u32 % 2)));
        let simulator = Simulator::with(settings);
        simulator.set_faults(FaultPlan::random(seed).rate(0.4).mix(everything()));
        let client = Client::new(TOKEN_URL, CLIENT, SECRET).scope("a scope");
        tracing::info!("{client:?}");
        let builder = bare(seed).oauth_client(client).token_transport(given.wire(&simulator));
        tracing::info!("{builder:?}");
        visit(&builder.over(simulator.clone()).unwrap(), &simulator).await;
    }
    // A client that nobody knows, and one that may not be.
    let simulator = Simulator::new();
    let stranger = bare(1).oauth(CLIENT, SECRET).token_transport(simulator.clone());
    visit(&stranger.over(simulator.clone()).unwrap(), &simulator).await;
    for url in ["http://id.test/", "nowhere", "https://us3r:p4ssword@id.test/"] {
        let client = Client::new(url, CLIENT, SECRET);
        tracing::info!("{client:?}");
        let builder = bare(1).oauth_client(client).token_transport(simulator.clone());
        say(&builder.over(simulator.clone()).unwrap_err());
    }
    drop(listening);

    let given = given.0.lock().unwrap().clone();
    assert!(given.len() > 20, "{}", given.len());
    let text = log.text();
    for expected in [
        "credentials renewed",
        "could not be renewed",
        "trying again",
        "created",
        "invalid_client",
        "answer makes no sense",
        "gave no answer",
        "oauth.twilio.com",
    ] {
        assert!(text.contains(expected), "nothing of {expected}");
    }
    assert_absent(&[SECRET, "p4ssword", "us3r"], &text);
    // The part of it that is by chance, in case somebody cuts off what is not.
    for token in given.iter().step_by(given.len() / 12) {
        assert_absent(&[token.trim_start_matches("sim.")], &text);
    }
    assert!(!text.contains("Bearer"), "{text}");
}

/// A token endpoint that repeats what it was sent, in every place that is read.
#[tokio::test(start_paused = true)]
async fn what_a_token_endpoint_repeats_is_not_printed() {
    let log = Log::default();
    let listening = log.listen();
    let t0ken = "t0ken-that-is-a-secret-too";
    for status in [200, 302, 400, 401, 429, 500] {
        for body in [
            format!(r#"{{"error": "{SECRET}", "error_description": "{SECRET}"}}"#),
            format!(r#"{{"error": "invalid_client", "error_uri": "{SECRET}"}}"#),
            format!(r#"{{"access_token": "{t0ken} {SECRET}", "token_type": "Bearer"}}"#),
            format!(r#"{{"access_token": "{t0ken}", "token_type": "{SECRET}"}}"#),
            format!(r#"{{"access_token": "{t0ken}", "expires_in": "{SECRET}"}}"#),
            format!(r#"{{"access_token": "{t0ken}", "expires_in": -1}}"#),
            format!("{SECRET} {t0ken}"),
        ] {
            let echo = service_fn(move |_: Request<Full<Bytes>>| {
                let response = Response::builder().status(status).header("x-echo", t0ken);
                let response = response.body(Full::new(Bytes::from(body.clone())));
                async move { response.map_err(BoxError::from) }
            });
            let provider = ClientCredentials::new(Client::new(TOKEN_URL, CLIENT, SECRET), echo);
            let provider = provider.unwrap();
            let builder = bare(1).credentials_from(provider.clone());
            let gateway = builder.over(Simulator::new()).unwrap();
            let error = gateway.send(CreateSession::new(service(1))).await.unwrap_err();
            say(&error);
            tracing::info!("{provider:?} {gateway:?} {:?}", gateway.health());
        }
    }
    drop(listening);
    assert!(log.text().contains("refuses the client"));
    assert_absent(&[SECRET, t0ken, "t0ken-that-is"], &log.text());
}

/// A file that is spoilt while it is in use, and a function that fails with what it knows.
#[tokio::test(start_paused = true)]
async fn nothing_of_a_file_or_of_a_function_is_printed() {
    let log = Log::default();
    let listening = log.listen();
    let path = std::env::temp_dir().join(format!("twilio-{}", std::process::id()));
    let good = format!(
        "TWILIO_ACCOUNT_SID={}\nTWILIO_AUTH_TOKEN={}\n",
        Simulator::ACCOUNT_SID,
        Simulator::AUTH_TOKEN
    );
    let wrong = good.replace(Simulator::AUTH_TOKEN, "wr0ng-token");
    std::fs::write(&path, &wrong).unwrap();
    let file = FileCredentials::open(&path).unwrap();
    let simulator = Simulator::with(settings(clock(), 1));
    let gateway = bare(1).credentials_from(file.clone()).over(simulator.clone()).unwrap();
    for text in
        [&*wrong, "wr0ng-token", "TWILIO_AUTH_TOKEN=wr0ng token", "TWILIO_ACCOUNT_SID=wr0ng", &good]
    {
        std::fs::write(&path, text).unwrap();
        visit(&gateway, &simulator).await;
        tracing::info!("{file:?} {:?}", FileCredentials::open(&path));
    }
    std::fs::remove_file(&path).unwrap();
    visit(&gateway, &simulator).await;

    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let turns = Arc::new(Mutex::new(0));
    let function = FnCredentials::new(move || {
        let turn = {
            let mut turns = turns.lock().unwrap();
            *turns += 1;
            *turns % 3
        };
        async move {
            match turn {
                0 => Err(Fault::new(FaultKind::Credentials, "sealed").into()),
                1 => Err("no way to the vault".into()),
                _ => {
                    let credentials = Credentials::auth_token(account, Simulator::AUTH_TOKEN);
                    Ok(Grant::from(&credentials).expires_in(MINUTE * 20))
                }
            }
        }
    });
    tracing::info!("{function:?}");
    let gateway = bare(1).credentials_from(function.clone()).over(simulator.clone()).unwrap();
    visit(&gateway, &simulator).await;
    tracing::info!("{function:?}");
    drop(listening);

    let text = log.text();
    for expected in
        ["is no KEY=value", "holds white space", "open to others", "sealed", "no way", "created"]
    {
        assert!(text.contains(expected), "nothing of {expected}");
    }
    let pair = format!("{}:{}", Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
    assert_absent(&[Simulator::AUTH_TOKEN, &pair, "wr0ng-token", "wr0ng"], &text);
}
