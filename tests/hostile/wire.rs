//! Answers that are no HTTP, or HTTP of another kind.

use bytes::Bytes;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{AttemptTimeout, Decode, Interrupted, Refused, Unexpected};

use crate::deed::{Deed, Ends, Right, Say};
use crate::operations::Op;
use crate::row::{Again, Expect, Row, fails, rows};

const LOST: Expect = fails(&[Interrupted], Effect::Unknown, Again::Replayable);
const ODD: Expect = fails(&[Unexpected], Effect::Unknown, Again::Never);

fn garbled(says: &'static str, text: &'static str) -> Row {
    Row::new(says, Deed::text(text), LOST)
}

/// It acts, and says this before the right answer.
fn first(says: &'static str, text: &'static str) -> Row {
    let deed = Deed::acts(move |right| vec![Say::text(format!("{text}{}", right.text()))]);
    Row::new(says, deed.ends(Ends::Keep), Expect::Fine)
}

/// The right answer with one line more in its head.
fn with(says: &'static str, line: &'static str, expect: Expect) -> Row {
    let deed = Deed::acts(move |right| {
        let body = if right.body.is_empty() { "{}" } else { &right.body };
        let head = right.head();
        vec![Say::text(format!("{head}content-length: {}\r\n{line}\r\n\r\n{body}", body.len()))]
    });
    Row::new(says, deed, expect)
}

fn old(right: &Right, length: &str) -> Vec<Say> {
    let text = right.with_body(if right.body.is_empty() { "{}" } else { &right.body });
    let text = text.replacen("HTTP/1.1", "HTTP/1.0", 1);
    vec![Say::text(text.replacen("content-length", length, 1))]
}

fn endless(head: &'static str, line: &'static str) -> Deed {
    let lines = Bytes::from(line.repeat(512));
    Deed::says(move |_| vec![Say::text(head), Say::Endless(lines.clone())])
}

rows! {
    another_protocol => garbled("It speaks SSH", "SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    no_status => garbled("Its status is no number", "HTTP/1.1 fine OK\r\n\r\n"),
    status_of_two_digits => garbled("Its status has two digits", "HTTP/1.1 20 OK\r\n\r\n"),
    status_of_four_digits => garbled("Its status has four digits", "HTTP/1.1 2000 OK\r\n\r\n"),
    http_3_in_plain_text => garbled("It says HTTP/3.0", "HTTP/3.0 200 OK\r\n\r\n"),
    bare_body => garbled("It sends a body alone, as HTTP/0.9 did", "{\"sid\": \"KC\"}\r\n\r\n"),
    nul_in_a_header => garbled("A header holds NUL", "HTTP/1.1 200 OK\r\na: \0\r\n\r\n"),
    nameless_header => garbled("A header has no name", "HTTP/1.1 200 OK\r\n: a\r\n\r\n"),
    lengths_that_differ => garbled(
        "Two lengths differ",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
    ),
    length_below_nothing => garbled(
        "The length is negative",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n{}",
    ),
    headers_without_end => Row::new(
        "It sends headers without an end",
        endless("HTTP/1.1 200 OK\r\n", "x-more: and more\r\n"),
        LOST,
    ),
    header_without_end => Row::new(
        "It sends one header without an end",
        endless("HTTP/1.1 200 OK\r\nx-more: ", "and more and more and more"),
        LOST,
    ),
    reason_without_end => Row::new(
        "It sends a reason without an end",
        endless("HTTP/1.1 200 ", "because because because "),
        LOST,
    ),
    interim_answers_without_end => Row::new(
        "It sends 103 Early Hints without an end",
        endless("", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"),
        fails(&[AttemptTimeout], Effect::Unknown, Again::Replayable),
    )
    .slow(),
    continue_first => first("It says 100 Continue first", "HTTP/1.1 100 Continue\r\n\r\n"),
    processing_first => first("It says 102 Processing first", "HTTP/1.1 102 Processing\r\n\r\n"),
    hints_first => first(
        "It says 103 Early Hints first",
        "HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
    ),
    http_1_0 => Row::new(
        "It speaks HTTP/1.0",
        Deed::acts(|right| old(right, "content-length")),
        Expect::Fine,
    ),
    http_1_0_until_close => Row::new(
        "It speaks HTTP/1.0, without a length",
        Deed::acts(|right| old(right, "x-length")),
        Expect::Fine,
    ),
    unasked_gzip => with("It says gzip, unasked", "content-encoding: gzip", Expect::Fine),
    other_type => with("It says that it is HTML", "content-type: text/html", Expect::Fine),
    switching_protocols => Row::new(
        "It switches protocols, unasked",
        Deed::text("HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
        ODD,
    ),
    no_content => Row::new(
        "It answers 204",
        Deed::acts(|_| vec![Say::text("HTTP/1.1 204 No Content\r\n\r\n")]),
        fails(&[Decode], Effect::Applied, Again::Never),
    )
    .but(Op::Delete, Expect::Fine),
    not_modified => Row::new("It answers 304", Deed::text("HTTP/1.1 304 Same\r\n\r\n"), ODD),
    status_700 => Row::new("It answers 700", Deed::text("HTTP/1.1 700 What\r\n\r\n"), ODD),
    status_418 => Row::new(
        "It answers 418",
        Deed::text("HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\n\r\n"),
        fails(&[Refused], Effect::None, Again::Never),
    ),
}
