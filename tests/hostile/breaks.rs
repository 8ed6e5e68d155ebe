//! Connections that break, at every stage of an exchange.

use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{Connect, Incomplete, Interrupted, Unprocessed};

use crate::deed::{Deed, Ends, Reads, Right, Say};
use crate::row::{Again, Expect, Flaw, Row, Way, fails, rows};

const UNREACHED: Expect = fails(&[Connect], Effect::None, Again::Any);
const LOST: Expect = fails(&[Interrupted], Effect::Unknown, Again::Replayable);
/// An RST may overtake what was said before it.
const CUT: Expect = fails(&[Incomplete, Interrupted], Effect::Unknown, Again::Replayable);
const RACE: Expect = Expect::Race(&[Connect, Unprocessed, Interrupted]);

fn half_a_head(right: &Right) -> Vec<Say> {
    let head = right.head();
    vec![Say::text(&head[..head.len() / 2])]
}

fn half_a_body(right: &Right) -> Vec<Say> {
    vec![Say::text(format!("{}content-length: 500\r\n\r\n{{\"sid\":", right.head()))]
}

fn half_a_chunk(right: &Right) -> Vec<Say> {
    vec![Say::text(format!("{}transfer-encoding: chunked\r\n\r\n50\r\n{{\"sid\":", right.head()))]
}

fn no_last_chunk(right: &Right) -> Vec<Say> {
    let (head, body) = (right.head(), "{\"status\":\"open\"}");
    vec![Say::text(format!("{head}transfer-encoding: chunked\r\n\r\n11\r\n{body}\r\n"))]
}

fn broken_tls(flaw: Flaw) -> Row {
    let says = match flaw {
        Flaw::Expired => "The certificate has expired",
        Flaw::NotYetValid => "The certificate is not valid yet",
        Flaw::OtherName => "The certificate is for another name",
        Flaw::Stranger => "The certificate is signed by nobody known",
    };
    Row::new(says, Deed::new(Reads::All, Ends::Close), UNREACHED).way(Way::BadTls(flaw))
}

rows! {
    refused => Row::new("Nobody listens", Deed::new(Reads::Nothing, Ends::Close), UNREACHED)
        .way(Way::Closed),
    closed_at_once => Row::new(
        "It closes before it has read anything",
        Deed::new(Reads::Nothing, Ends::Close),
        RACE,
    ),
    reset_at_once => Row::new(
        "It resets before it has read anything",
        Deed::new(Reads::Nothing, Ends::Reset),
        RACE,
    ),
    reset_after_the_request_head => Row::new(
        "It resets after the request's head",
        Deed::new(Reads::Head, Ends::Reset),
        LOST,
    ),
    closed_after_the_request => Row::new(
        "It closes after the request, having done nothing",
        Deed::new(Reads::All, Ends::Close),
        LOST,
    ),
    closed_after_the_commit => Row::new(
        "It acts, and closes without an answer",
        Deed::new(Reads::All, Ends::Close).commits(),
        LOST,
    ),
    reset_after_the_commit => Row::new(
        "It acts, and resets without an answer",
        Deed::new(Reads::All, Ends::Reset).commits(),
        LOST,
    ),
    reset_after_the_commit_in_tls => Row::new(
        "It acts, and resets without an answer, in TLS",
        Deed::new(Reads::All, Ends::Reset).commits(),
        LOST,
    )
    .way(Way::Tls),
    closed_amid_the_head => Row::new(
        "It acts, and closes amid the answer's head",
        Deed::acts(half_a_head),
        LOST,
    ),
    reset_amid_the_head => Row::new(
        "It acts, and resets amid the answer's head",
        Deed::acts(half_a_head).ends(Ends::Reset),
        LOST,
    ),
    closed_amid_the_body => Row::new(
        "It acts, and closes amid the answer's body",
        Deed::acts(half_a_body),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    ),
    reset_amid_the_body => Row::new(
        "It acts, and resets amid the answer's body",
        Deed::acts(half_a_body).ends(Ends::Reset),
        CUT,
    ),
    closed_amid_a_chunk => Row::new(
        "It acts, and closes amid a chunk",
        Deed::acts(half_a_chunk),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    ),
    closed_before_the_last_chunk => Row::new(
        "It acts, and closes between two chunks",
        Deed::acts(no_last_chunk),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    ),
    cut_without_tls_goodbye => Row::new(
        "It acts, and ends TLS without a goodbye amid the body",
        Deed::acts(half_a_body),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    )
    .way(Way::Tls),
    certificate_expired => broken_tls(Flaw::Expired),
    certificate_of_the_future => broken_tls(Flaw::NotYetValid),
    certificate_for_another_name => broken_tls(Flaw::OtherName),
    certificate_of_a_stranger => broken_tls(Flaw::Stranger),
    tls_that_never_comes => Row::new(
        "It takes the connection, and says nothing where TLS should be",
        Deed::new(Reads::Nothing, Ends::Hold),
        UNREACHED,
    )
    .way(Way::PlainOnTls),
    plain_text_on_the_tls_port => Row::new(
        "It speaks plain HTTP where TLS should be",
        Deed::new(Reads::Nothing, Ends::Close).speaking("HTTP/1.1 400 Bad Request\r\n\r\n"),
        UNREACHED,
    )
    .way(Way::PlainOnTls),
}

/// The request was written in the clear, to whoever listens there: it may have been read.
#[tokio::test]
async fn tls_on_the_plain_port() {
    let deed = Deed::new(Reads::All, Ends::Close);
    let row = Row::new("It speaks TLS where plain HTTP should be", deed, RACE).way(Way::TlsOnPlain);
    crate::engine::hold(&row).await;
}
