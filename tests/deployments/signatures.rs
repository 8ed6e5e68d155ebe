//! Requests are signed as a configuration says, and as the next one says after a reload.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::service_fn;
use twilio_proxy::call::BoxError;
use twilio_proxy::gateway::GatewayExt;
use twilio_proxy::gateway::config::GatewayConfig;
use twilio_proxy::sessions::FetchSession;

use crate::signing_key::key;
use crate::world::service;

const SWAPPED: &str = "stack = [\"deadline\", \"headers\", \"auth\", \"signing\", \"collect\"]";

const CREDENTIALS: &str = "[credentials]\nfrom = \"api_key\"\n\
    api_key_sid = \"SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\napi_key_secret = \"hush\"";

fn config(text: &str) -> GatewayConfig {
    GatewayConfig::from_toml(text).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(start_paused = true)]
async fn requests_are_signed_as_the_configuration_says_now() {
    let folder = std::env::temp_dir().join(format!("twilio-proxy-signing-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("key.pem");
    std::fs::write(&file, key().1).unwrap();
    for stack in ["", SWAPPED] {
        let signed = |id: &str, algorithm: &str| {
            config(&format!(
                "{stack}\n{CREDENTIALS}\n[signing]\nkey_file = {file:?}\ncredential_sid = \"{id}\"\n\
                 api_key_sid = \"SKaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n\
                 account_sid = \"ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\nalgorithm = \"{algorithm}\""
            ))
        };
        let (one, other) = (format!("CR{:032}", 1), format!("CR{:032}", 2));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let transport = {
            let heads = heads.clone();
            service_fn(move |request: Request<Full<Bytes>>| {
                let token = request.headers().get("twilio-client-validation");
                let head =
                    token.map(|it| it.to_str().unwrap().split('.').next().unwrap().to_owned());
                let head = head.map(|it| URL_SAFE_NO_PAD.decode(it).unwrap());
                heads.lock().unwrap().push(head.map(|it| String::from_utf8(it).unwrap()));
                let response = Response::builder().status(404).body(Full::<Bytes>::default());
                async move { Ok::<_, BoxError>(response?) }
            })
        };
        let deployment = signed(&one, "ps256").over(transport).unwrap();
        let fetch = async || {
            let fetch = FetchSession::by_name(service(1), "order-1");
            let error = deployment.gateway().send(fetch).await.unwrap_err();
            assert_eq!(error.status().map(|it| it.as_u16()), Some(404), "{error:?}");
            heads.lock().unwrap().pop().unwrap()
        };
        let head = fetch().await.expect("it is signed");
        assert!(head.contains("PS256") && head.contains(&one), "{head}");

        let changed = deployment.reload(&signed(&other, "rs256")).unwrap().changed;
        assert_eq!(changed, ["signing"]);
        let head = fetch().await.expect("it is signed");
        assert!(head.contains("RS256") && head.contains(&other), "{head}");

        deployment.reload(&config(&format!("{stack}\n{CREDENTIALS}"))).unwrap();
        assert_eq!(fetch().await, None);
    }
    std::fs::remove_dir_all(folder).unwrap();
}
