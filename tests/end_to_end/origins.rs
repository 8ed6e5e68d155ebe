//! Every way out that there is: no credentials take it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use tower::util::{BoxCloneSyncService, MapRequestLayer};
use tower::{ServiceBuilder, service_fn};
use twilio_proxy::call::{BoxError, CallFacts, CallOptions, Fault, FaultKind, Origin, SessionSid};
use twilio_proxy::gateway::{
    DefaultGateway, Error, ErrorKind, Gateway, GatewayBuilder, GatewayExt, StackLayers,
};
use twilio_proxy::middleware::auth::{AuthLayer, Credentials, FnCredentials, Grant};
use twilio_proxy::middleware::failover::Base;
use twilio_proxy::middleware::retry::RetryLayer;
use twilio_proxy::sessions::{FetchSession, ListSessions};
use twilio_proxy::simulator::Simulator;
use twilio_proxy::wire::{Endpoint, Operation};

use crate::world::{builder, clock, service};

const HOME: &str = "https://proxy.twilio.com";
const TOKENS: &str = "https://oauth.twilio.com/v2/token";

/// Where else credentials might end up. The last is home, spelled so that it is somewhere else.
const ELSEWHERE: [&str; 6] = [
    "https://evil.test",
    "http://proxy.twilio.com",
    "https://proxy.twilio.com:8443",
    "https://proxy.twilio.com.evil.test",
    "https://oauth.twilio.com",
    "https://proxy.twilio.com@evil.test",
];

type Answer = Response<Full<Bytes>>;
type Wire = BoxCloneSyncService<Request<Full<Bytes>>, Answer, BoxError>;

/// What was sent: where to, and what was in it.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<(Uri, String)>>>);

impl Sent {
    /// A wire on which every request is answered so, and kept.
    fn wire(
        &self,
        answer: impl Fn(&Uri) -> Result<Answer, BoxError> + Clone + Send + Sync + 'static,
    ) -> Wire {
        let sent = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let (sent, answer) = (sent.clone(), answer.clone());
            async move {
                if let Some(facts) = CallFacts::of(request.extensions()) {
                    facts.mark_reached();
                }
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                let text = format!("{:?} {}", head.headers, String::from_utf8_lossy(&body));
                let credentials = head.headers.get(header::AUTHORIZATION);
                let credentials = credentials.map(|value| value.to_str().unwrap().to_owned());
                let kept = format!("{text} {}", credentials.unwrap_or_default());
                sent.0.lock().unwrap().push((head.uri.clone(), kept));
                answer(&head.uri)
            }
        }))
    }

    /// Nothing that proves who we are went anywhere but home, nor the client's secret anywhere but to
    /// the token endpoint; and `count` requests were sent at all.
    #[track_caller]
    fn stayed_home(&self, count: usize) {
        let sent = self.0.lock().unwrap().clone();
        let home = Origin::of(&HOME.parse().unwrap()).unwrap();
        for (uri, text) in &sent {
            let proves = ["Basic ", "Bearer ", Simulator::AUTH_TOKEN];
            assert!(
                home.matches(uri) || !proves.iter().any(|it| text.contains(it)),
                "{uri} {text}"
            );
            assert!(*uri == *TOKENS || !text.contains("s3cret"), "{uri} {text}");
        }
        assert_eq!(sent.len(), count, "{sent:?}");
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

fn json(text: String) -> Result<Answer, BoxError> {
    Ok(Response::new(Full::new(Bytes::from(text))))
}

fn moved(status: u16, to: &str) -> Result<Answer, BoxError> {
    let to = Response::builder().status(status).header("location", to);
    Ok(to.body(Full::default())?)
}

fn fetch() -> FetchSession {
    FetchSession::new(service(1), SessionSid::new(&format!("KC{:032x}", 1)).unwrap())
}

fn client(builder: GatewayBuilder, tokens: Wire) -> GatewayBuilder {
    builder.oauth("our-id", "s3cret").token_transport(tokens)
}

/// The default stack with each kind of credentials.
fn gateways(sent: &Sent, wire: &Wire) -> [DefaultGateway<Wire>; 3] {
    let token = r#"{"access_token": "t0ken", "token_type": "Bearer", "expires_in": 3600}"#;
    let tokens = sent.wire(move |_| json(token.to_owned()));
    let account = Simulator::ACCOUNT_SID.parse().unwrap();
    let credentials = Credentials::auth_token(account, Simulator::AUTH_TOKEN);
    let function = FnCredentials::new(move || {
        let grant = Grant::from(&credentials);
        async move { Ok(grant) }
    });
    [
        builder(clock(), 1),
        builder(clock(), 1).credentials_from(function),
        client(builder(clock(), 1), tokens),
    ]
    .map(|builder| builder.over(wire.clone()).unwrap())
}

fn cause(error: &Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error} {}", source.unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for elsewhere in ELSEWHERE {
            let sent = Sent::default();
            let wire = sent.wire(move |_| moved(status, elsewhere));
            for gateway in gateways(&sent, &wire) {
                let error = gateway.send(fetch()).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
            }
            // Three, and a token for the last.
            sent.stayed_home(4);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_leads_elsewhere_is_not_fetched() {
    for elsewhere in ELSEWHERE {
        let sent = Sent::default();
        let page = format!(
            r#"{{"sessions": [{{"links": {{"participants": "{elsewhere}/x"}}, "url": "{elsewhere}/y"}}],
                "meta": {{"key": "sessions", "next_page_url": "{elsewhere}/v1/Services?Page=1"}}}}"#
        );
        let wire = sent.wire(move |_| json(page.clone()));
        for gateway in gateways(&sent, &wire) {
            let all: Result<Vec<_>, _> =
                gateway.items(ListSessions::new(service(1))).try_collect().await;
            assert_eq!(all.unwrap_err().kind(), ErrorKind::Unexpected);
            let page = ListSessions::page(service(1), format!("{elsewhere}/v1/Services?Page=1"));
            assert!(gateway.send(page).await.unwrap_err().is_invalid());
        }
        sent.stayed_home(4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_header_that_names_somebody_else_keeps_the_request_here() {
    for host in ["evil.test", "proxy.twilio.com:8443", "proxy.twilio.com.evil.test", "a b", "@"] {
        let sent = Sent::default();
        let wire = sent.wire(|_| json("{}".to_owned()));
        for gateway in gateways(&sent, &wire) {
            let host = HeaderValue::from_str(host).unwrap();
            let options = CallOptions::new().header(header::HOST, host);
            let error = gateway.send(fetch().with(options)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains("Host header"), "{error}");
        }
        sent.stayed_home(0);
    }
    // The right one is no harm.
    let sent = Sent::default();
    let wire = sent.wire(|_| json("{}".to_owned()));
    let [gateway, ..] = gateways(&sent, &wire);
    let host = HeaderValue::from_static("PROXY.twilio.com:443");
    gateway.send(fetch().with(CallOptions::new().header(header::HOST, host))).await.unwrap();
    sent.stayed_home(1);
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_sends_requests_elsewhere_gets_none_of_them_through() {
    for elsewhere in ELSEWHERE {
        let sent = Sent::default();
        let wire = sent.wire(|_| json("{}".to_owned()));
        let elsewhere: Uri = format!("{elsewhere}/").parse().unwrap();
        let rewrite = MapRequestLayer::new(move |mut request: Request<Full<Bytes>>| {
            *request.uri_mut() = elsewhere.clone();
            request
        });
        let account = Simulator::ACCOUNT_SID.parse().unwrap();
        let credentials = Credentials::auth_token(account, Simulator::AUTH_TOKEN);
        let origin = Origin::of(&HOME.parse().unwrap()).unwrap();
        let stack = ServiceBuilder::new()
            .layer(RetryLayer::new())
            .layer(rewrite)
            .layer(AuthLayer::new(&credentials, [origin]))
            .service(wire);
        let gateway = Gateway::new(stack, Endpoint::new(Endpoint::TWILIO).unwrap());
        let error = gateway.send(fetch()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{}", cause(&error));
        sent.stayed_home(0);
    }
}

/// An endpoint that somebody has put into the failover layer and told nobody else of.
#[tokio::test(start_paused = true)]
async fn failover_to_an_origin_that_is_not_on_the_list_ends_there() {
    let sent = Sent::default();
    let down = |uri: &Uri| match uri.host() {
        Some("proxy.twilio.com") => Err(Fault::new(FaultKind::Connect, "no route").into()),
        _ => json("{}".to_owned()),
    };
    let wire = sent.wire(down);
    let gateway = builder(clock(), 1)
        .layers(|layers| {
            let evil = Base::new(&"https://evil.test".parse().unwrap()).unwrap();
            StackLayers { failover: layers.failover.or(evil), ..layers }
        })
        .over(wire)
        .unwrap();
    for _ in 0..20 {
        gateway.send(fetch()).await.unwrap_err();
    }
    let count = sent.count();
    assert!(count > 0);
    sent.stayed_home(count);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_redirects_gets_the_secret_sent_nowhere_else() {
    for status in [301, 302, 303, 307, 308] {
        for elsewhere in [HOME, "https://evil.test", "http://oauth.twilio.com/v2/token"] {
            let sent = Sent::default();
            let wire = sent.wire(|_| json("{}".to_owned()));
            let tokens = sent.wire(move |_| moved(status, elsewhere));
            let gateway = client(builder(clock(), 1), tokens).over(wire).unwrap();
            let error = gateway.send(fetch()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Credentials, "{error}");
            // Not followed, and not asked again either.
            sent.stayed_home(1);
        }
    }
}

/// The token goes to the API alone, the client's secret to the token endpoint alone.
#[tokio::test(start_paused = true)]
async fn a_token_is_for_the_api_and_not_for_the_token_endpoint() {
    let sent = Sent::default();
    let wire = sent.wire(|_| json("{}".to_owned()));
    let [.., gateway] = gateways(&sent, &wire);
    gateway.send(fetch()).await.unwrap();
    gateway.send(fetch()).await.unwrap();
    sent.stayed_home(3);
    let text = sent.0.lock().unwrap()[0].1.clone();
    assert!(text.contains("client_secret=s3cret") && !text.contains("Bearer"), "{text}");
    let seen = sent.0.lock().unwrap()[1].1.clone();
    assert!(seen.contains("Bearer t0ken"), "{seen}");
}
