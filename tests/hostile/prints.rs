//! What a server says may come back to the caller, and into no log.

use std::error::Error as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::timeout;
use twilio_proxy::gateway::{ErrorKind, GatewayExt};
use twilio_proxy::sessions::FetchSession;
use twilio_proxy::simulator::Simulator;

use crate::deed::{Deed, Ends, Say};
use crate::engine::{CEILING, serve};
use crate::leaks::assert_absent;
use crate::operations::service;
use crate::row::{Expect, Row};

/// It throws the credentials back, with a phone number, a second line for the log and an escape that
/// turns terminals red: in every field of a refusal, or in place of the answer.
#[tokio::test]
async fn nothing_that_a_server_says_is_printed() {
    let (account, token) = (Simulator::ACCOUNT_SID, Simulator::AUTH_TOKEN);
    let basic = STANDARD.encode(format!("{account}:{token}"));
    let words = format!("Basic {basic} +15550100 forged\\n\\u001b[31mred");
    let bodies = [
        format!(
            r#"{{"code":20003,"message":"{words}","more_info":"{words}","details":["{words}"]}}"#
        ),
        format!(r#"{{"title":"{words}","type":"{words}","detail":"{words}","status":"{words}"}}"#),
        format!(r#"{{"code":"{words}","{words}":1}}"#),
        words.clone(),
        format!(r#"{{"sid":"{words}"}}"#),
    ];
    for status in [200, 302, 400, 401, 500] {
        for body in &bodies {
            let id = "R".repeat(50_000);
            let text = format!(
                "HTTP/1.1 {status} Basic {basic}\r\ntwilio-request-id: {id}\r\nlocation: /{basic}\r\n\
                 www-authenticate: {basic}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let deed = Deed::says(move |_| vec![Say::text(text.clone())]).ends(Ends::Keep);
            let row = Row::new("It throws them back", deed, Expect::Fine);
            let (_server, gateway, seed) = serve(&row, 0, true).await;
            let call = gateway.send(FetchSession::new(service(), seed));
            let outcome = timeout(CEILING, call).await.expect("it hangs");
            let Err(error) = outcome else {
                assert!(status == 200 && !body.contains("\"sid\""), "{status}: {body}");
                continue;
            };
            assert_ne!(error.kind(), ErrorKind::Other);
            let mut printed = format!("{error} {error:?} {error:#?}");
            let mut source = error.source();
            while let Some(error) = source {
                printed.push_str(&format!("{error} {error:?}"));
                source = error.source();
            }
            assert_absent(&[token, &basic, "+15550100", "forged"], &printed);
            assert!(!printed.contains('\u{1b}') && printed.len() < 4096, "{}", printed.len());
        }
    }
}
