//! Statuses that lead elsewhere, and servers that say when to come back.

use std::net::TcpListener;
use std::time::Duration;

use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{Refused, Rejected, Server, Throttled, Unexpected};

use crate::deed::{Deed, Ends, Say};
use crate::engine::{hold, serve};
use crate::operations::{Op, Outcome};
use crate::row::{Again, Expect, Row, fails, rows};

const THROTTLED: Expect = fails(&[Throttled], Effect::None, Again::Any);
/// Told to stay away longer than anybody waits: said at once, not sat out.
const SENT_AWAY: Expect = fails(&[Throttled], Effect::None, Again::Never);

fn throttled(says: &'static str, header: &'static str, expect: Expect) -> Row {
    let text = format!("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n{header}\r\n\r\n");
    let deed = Deed::says(move |_| vec![Say::text(text.clone())]).ends(Ends::Keep);
    Row::new(says, deed, expect)
}

fn down(says: &'static str, header: &'static str, again: Again) -> Row {
    let text = format!("HTTP/1.1 503 Down\r\ncontent-length: 0\r\n{header}\r\n\r\n");
    let deed = Deed::says(move |_| vec![Say::text(text.clone())]).ends(Ends::Keep);
    Row::new(says, deed, fails(&[Server], Effect::Unknown, again))
}

rows! {
    no_retry_after => throttled("429", "x-nothing: 0", THROTTLED),
    retry_after_now => throttled("429, `Retry-After: 0`", "retry-after: 0", THROTTLED),
    retry_after_negative => throttled("429, `Retry-After: -5`", "retry-after: -5", THROTTLED),
    retry_after_fraction => throttled("429, `Retry-After: 0.5`", "retry-after: 0.5", THROTTLED),
    retry_after_words => throttled("429, `Retry-After: soon`", "retry-after: soon", THROTTLED),
    retry_after_empty => throttled("429, `Retry-After:` and nothing", "retry-after:", THROTTLED),
    retry_after_obscure => throttled(
        "429, `Retry-After` of bytes that are no text",
        "retry-after: \u{e4}\u{f6}",
        THROTTLED,
    ),
    retry_after_past => throttled(
        "429, `Retry-After` with a date that is past",
        "retry-after: Sun, 06 Nov 1994 08:49:37 GMT",
        THROTTLED,
    ),
    retry_after_before_time => throttled(
        "429, `Retry-After` with a date before 1970",
        "retry-after: Sunday, 06-Nov-00 08:49:37 GMT",
        THROTTLED,
    ),
    retry_after_no_date => throttled(
        "429, `Retry-After` with a date that is none",
        "retry-after: Sun, 31 Feb 2099 25:61:61 GMT",
        THROTTLED,
    ),
    retry_after_hour => throttled("429, `Retry-After: 3600`", "retry-after: 3600", SENT_AWAY)
        .back_after(Duration::from_secs(3600)),
    retry_after_huge => throttled(
        "429, `Retry-After` of as many seconds as a number can say",
        "retry-after: 18446744073709551615",
        SENT_AWAY,
    )
    .back_after(Duration::from_secs(u64::MAX)),
    retry_after_beyond => throttled(
        "429, `Retry-After` of more seconds than that",
        "retry-after: 99999999999999999999999999999999",
        SENT_AWAY,
    )
    .back_after(Duration::from_secs(u64::MAX)),
    retry_after_year_9999 => throttled(
        "429, `Retry-After` with a date in the year 9999",
        "retry-after: Fri, 31 Dec 9999 23:59:59 GMT",
        SENT_AWAY,
    )
    .back_after(Duration::from_secs(1 << 36)),
    retry_after_twice => throttled(
        "429, `Retry-After` twice, the second time huge",
        "retry-after: 0\r\nretry-after: 18446744073709551615",
        THROTTLED,
    ),
    down_now => down("503, `Retry-After: 0`", "retry-after: 0", Again::Replayable),
    down_negative => down("503, `Retry-After: -1`", "retry-after: -1", Again::Replayable),
    down_for_ever => down(
        "503, `Retry-After` of as many seconds as a number can say",
        "retry-after: 18446744073709551615",
        Again::Never,
    )
    .back_after(Duration::from_secs(u64::MAX)),
    challenged => Row::new(
        "401, whatever it is told",
        Deed::text("HTTP/1.1 401 Who\r\nwww-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"),
        fails(&[Refused], Effect::None, Again::Never),
    ),
    challenged_by_a_proxy => Row::new(
        "407, as a proxy does",
        Deed::text("HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"),
        fails(&[Refused], Effect::None, Again::Never),
    ),
}

/// Another host, which must hear nothing: whoever follows a redirect carries the credentials along.
#[tokio::test]
async fn nobody_is_followed_to_another_host() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let there = format!("http://{}/", elsewhere.local_addr().unwrap());
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for header in ["location", "content-location", "alt-svc", "refresh", "link"] {
            let value = match header {
                "alt-svc" => format!("h2=\"{}\"; ma=86400", &there[7..there.len() - 1]),
                "refresh" => format!("0; url={there}"),
                "link" => format!("<{there}>; rel=\"canonical\""),
                _ => there.clone(),
            };
            let text = format!(
                "HTTP/1.1 {status} There\r\n{header}: {value}\r\ncontent-length: 0\r\n\r\n"
            );
            let deed = Deed::says(move |_| vec![Say::text(text.clone())]).ends(Ends::Keep);
            let row =
                Row::new("A redirect", deed, fails(&[Unexpected], Effect::Unknown, Again::Never));
            hold(&row).await;
        }
    }
    let heard = elsewhere.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(heard, Err(std::io::ErrorKind::WouldBlock), "somebody came");
}

/// A redirect back to the same place is not followed either, or it would be for ever.
#[tokio::test]
async fn nobody_is_followed_in_circles() {
    let deed = Deed::says(|right| {
        let here = format!("http://localhost:{}/v1/Services", right.port);
        let head = "HTTP/1.1 307 Here\r\ncontent-length: 0\r\n";
        vec![Say::text(format!("{head}location: {here}\r\n\r\n"))]
    });
    let row = Row::new("A circle", deed, fails(&[Unexpected], Effect::Unknown, Again::Never));
    hold(&row).await;
}

/// One word too many in one header once kept all calls of a client away for good. Here it keeps those
/// of its own key away, for a minute at most, and they are told at once and not kept waiting.
#[tokio::test]
async fn a_huge_retry_after_keeps_other_calls_as_they_are() {
    let row = retry_after_huge_row();
    let (server, gateway, seed) = serve(&row, 0, false).await;
    let Outcome::Failed(first) = Op::Create.run(&gateway, seed).await else { panic!("throttled") };
    assert_eq!((first.kind, first.attempts), (Throttled, 1));
    let Outcome::Failed(next) = Op::Create.run(&gateway, seed).await else { panic!("held") };
    assert_eq!((next.kind, next.effect), (Rejected, Effect::None));
    assert!(next.retry_after.is_some_and(|after| after <= Duration::from_secs(61)), "{next:?}");
    for op in [Op::Fetch, Op::Update, Op::Delete] {
        let outcome = op.run(&gateway, seed).await;
        assert!(matches!(outcome, Outcome::Done { attempts: 1, .. }), "{op:?}: {outcome:?}");
    }
    assert_eq!(server.book(|book| book.heard.len()), 4);
}

fn retry_after_huge_row() -> Row {
    throttled("", "retry-after: 18446744073709551615", SENT_AWAY)
}
