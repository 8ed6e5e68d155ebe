//! A whole run at the finest level of logging, looked through for what must never be printed.

use http::Request;
use tower::Service as _;
use twilio_proxy::gateway::ForwardLayer;
use twilio_proxy::simulator::{FaultPlan, Settings, Simulator};

use crate::leaks::{Log, assert_absent};
use crate::world::{SESSIONS, ask, get, post, with, world_with};

const ACCOUNT: &str = "AC00000000000000000000000000000002";
const TOKEN: &str = "t0ken-of-a-caller";
const PHONE: &str = "+15551234567";
const NAME: &str = "Order-for-Ms-Doe";
const ODD: &str = "a-parameter-without-a-name";
const HEADER: &str = "a-header-of-the-callers";

#[tokio::test(start_paused = true)]
async fn no_secret_is_printed_whatever_goes_wrong() {
    use base64::Engine as _;
    let basic = base64::prelude::BASE64_STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
    let authorization = format!("Basic {basic}");
    let log = Log::default();
    let _listening = log.listen();
    let mut own = Vec::new();
    for seed in 0..12 {
        let settings = Settings::default().account(ACCOUNT.parse().unwrap(), TOKEN);
        let layer = ForwardLayer::new().callers_credentials(true);
        let faults = FaultPlan::random(seed).rate(0.5);
        let (simulator, forward) = world_with(faults, settings, |builder| builder, layer);
        let form = "UniqueName=Order-for-Ms-Doe&Colour=a-parameter-without-a-name\
                    &Participants=%7B%22Identifier%22%3A%22%2B15551234567%22%7D";
        let by_name = format!("{SESSIONS}/{NAME}");
        for request in [
            post(SESSIONS, form),
            post(SESSIONS, form),
            post(SESSIONS, form.split_once('&').unwrap().1),
            get(&by_name),
            get(&format!("{by_name}/Participants?Identifier=%2B15551234567")),
            get(&format!("{by_name}/../..")),
            post(&by_name, "Status=a-parameter-without-a-name"),
            with(Request::delete(&by_name), ""),
        ] {
            let mut request = request;
            let headers = request.headers_mut();
            headers.insert("authorization", authorization.parse().unwrap());
            headers.insert("x-private", HEADER.parse().unwrap());
            tracing::info!("{:?}", forward.clone().call(request.clone()));
            let answer = ask(&forward, request).await;
            // What the gateway itself says of a failure goes to logs of others.
            if answer.body.starts_with(b"{\"attempts\"") {
                own.push(String::from_utf8(answer.body.to_vec()).unwrap());
            }
        }
        tracing::info!("{forward:?} {:?}", simulator.stats());
    }
    let (text, own) = (log.text(), own.join("\n"));
    for expected in ["sessions.create", "other.get", "ResponseFuture", "by a look"] {
        assert!(text.contains(expected), "nothing of {expected:?} in {} bytes", text.len());
    }
    assert!(own.contains(r#""effect":"unknown""#), "{own}");
    for output in [&text, &own] {
        let pair = format!("{ACCOUNT}:{TOKEN}");
        assert_absent(&[TOKEN, &pair, &basic, PHONE, NAME, ODD, HEADER], output);
        assert_absent(&[Simulator::AUTH_TOKEN], output);
    }
}
