//! Two base URLs over real connections: what each server is sent, and one that is switched off.

use std::time::Duration;

use tokio::time::timeout;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::sessions::Session;
use twilio_proxy::simulator::{Settings, Simulator, created_twice};

use crate::world::{builder, clock, service};

fn url(session: &Session) -> &str {
    session.url.as_deref().unwrap_or_default()
}

/// The simulator lets in who has the right credentials, and names URLs by the `Host` that it was sent.
#[tokio::test]
async fn host_and_credentials_are_right_at_each_server_and_one_may_go() {
    let simulator = Simulator::with(Settings::default().without_rate_limit());
    let (first, second) = (simulator.serve().await.unwrap(), simulator.serve().await.unwrap());
    let (send, handle) = std::sync::mpsc::channel();
    let gateway = builder(clock(), 2)
        .base_url(first.base_url())
        .failover_to(second.base_url())
        .layers(move |layers| {
            send.send(layers.failover.endpoints()).unwrap();
            layers
        })
        .build()
        .unwrap();
    let endpoints = handle.recv().unwrap();
    let sessions = gateway.sessions(service(1));
    for (number, server) in [&first, &second].into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        endpoints.readmit(number);
        endpoints.hold(1 - number);
        let name = format!("at-{number}");
        let made = sessions.create(|create| create.unique_name(&name)).await.unwrap();
        assert!(url(&made).starts_with(&server.base_url()), "{} {made:?}", server.base_url());
        // A read too, whose URL has escapes in it and no body.
        let found = sessions.fetch_by_name(&name).await.unwrap();
        assert!(url(&found).starts_with(&server.base_url()), "{found:?}");
    }
    endpoints.readmit(0);

    // The first is switched off: connections that were kept alive are closed, new ones refused.
    let left = second.base_url();
    first.shutdown().await;
    let minute = Duration::from_secs(60);
    for number in 0..20 {
        let name = format!("late-{number}");
        let create = sessions.create(|create| create.unique_name(&name));
        let made = timeout(minute, create).await.expect("it hangs").unwrap();
        assert!(url(&made).starts_with(&left), "{made:?}");
        timeout(minute, sessions.fetch_by_name(&name)).await.expect("it hangs").unwrap();
    }
    assert_eq!(simulator.sessions().len(), 22);
    assert_eq!(created_twice(&simulator.commits()), Vec::<String>::new());
    second.shutdown().await;
}
