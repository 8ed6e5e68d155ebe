//! Bodies that are too long, too short, too slow or without an end.

use std::time::Duration;

use bytes::Bytes;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{
    AttemptTimeout, BodyTooLarge, Decode, Incomplete, Server, Throttled,
};

use crate::deed::{Deed, Ends, Right, Say};
use crate::engine::CAP;
use crate::operations::Op;
use crate::row::{Again, Expect, Row, fails, rows};

const TOO_LARGE: Expect = fails(&[BodyTooLarge], Effect::Applied, Again::Never);
const TOO_LATE: Expect = fails(&[AttemptTimeout], Effect::Unknown, Again::Replayable);
const NONSENSE: Expect = fails(&[Decode], Effect::Applied, Again::Never);

/// What four attempts may take of a body that never ends: the cap, and what the kernel and the
/// client's buffers hold of it on the way.
const TAKEN: u64 = 4 * (16 << 20);

fn endless(head: String, chunk: &'static str) -> Vec<Say> {
    let chunk = chunk.repeat(1024);
    vec![Say::text(head), Say::Endless(Bytes::from(chunk))]
}

fn chunked(right: &Right) -> String {
    format!("{}transfer-encoding: chunked\r\n\r\n", right.head())
}

fn drip(head: String, what: &'static str) -> Vec<Say> {
    let every = Duration::from_millis(20);
    vec![Say::text(head), Say::Drip(Bytes::from_static(what.as_bytes()), every)]
}

rows! {
    announced_too_long => Row::new(
        "It acts, and announces more than the cap",
        Deed::acts(|right| {
            vec![Say::text(format!("{}content-length: {}\r\n\r\n", right.head(), CAP + 1))]
        }),
        TOO_LARGE,
    ),
    announced_beyond_all_measure => Row::new(
        "It acts, and announces as many bytes as a number can say",
        Deed::acts(|right| {
            vec![Say::text(format!("{}content-length: {}\r\n\r\n", right.head(), u64::MAX - 2))]
        }),
        TOO_LARGE,
    ),
    endless_chunks => Row::new(
        "It acts, and sends chunks without an end",
        Deed::acts(|right| endless(chunked(right), "8\r\n        \r\n")),
        TOO_LARGE,
    )
    .most(TAKEN),
    endless_until_close => Row::new(
        "It acts, and sends a body without length or end",
        Deed::acts(|right| endless(format!("{}\r\n", right.head()), "[[[[[[[[")),
        TOO_LARGE,
    )
    .most(TAKEN),
    endless_error => Row::new(
        "It answers 503 with a body without an end",
        Deed::says(|_| endless("HTTP/1.1 503 Down\r\n\r\n".into(), "sorry!! ")),
        fails(&[Server], Effect::Unknown, Again::Replayable),
    )
    .most(TAKEN),
    endless_throttle => Row::new(
        "It answers 429 with a body without an end",
        Deed::says(|_| endless("HTTP/1.1 429 Slow\r\n\r\n".into(), "slower! ")),
        fails(&[Throttled], Effect::None, Again::Any),
    )
    .most(TAKEN),
    longer_than_announced => Row::new(
        "It acts, and announces less than it sends",
        Deed::acts(|right| {
            let (head, body) = (right.head(), r#"{"status":"open"}"#);
            vec![Say::text(format!("{head}content-length: 10\r\n\r\n{body}"))]
        }),
        NONSENSE,
    )
    .but(Op::Delete, Expect::Fine),
    nothing_announced => Row::new(
        "It acts, and announces no body",
        Deed::acts(|right| vec![Say::text(format!("{}content-length: 0\r\n\r\n", right.head()))]),
        NONSENSE,
    )
    .but(Op::Delete, Expect::Fine),
    silent => Row::new(
        "It acts, and never answers",
        Deed::acts(|_| Vec::new()).ends(Ends::Hold),
        TOO_LATE,
    )
    .slow(),
    stalled_body => Row::new(
        "It acts, and stalls amid the body",
        Deed::acts(|right| vec![Say::text(format!("{}content-length: 50\r\n\r\n{{", right.head()))])
            .ends(Ends::Hold),
        TOO_LATE,
    )
    .slow(),
    dripping_body => Row::new(
        "It acts, and sends the body a byte at a time",
        Deed::acts(|right| drip(chunked(right), "1\r\n \r\n")),
        TOO_LATE,
    )
    .slow(),
    dripping_head => Row::new(
        "It acts, and sends headers a byte at a time",
        Deed::acts(|right| drip(right.head(), "x-more: and more\r\n")),
        TOO_LATE,
    )
    .slow(),
    stalled_error => Row::new(
        "It answers 503 and stalls amid the body",
        Deed::text("HTTP/1.1 503 Down\r\ncontent-length: 50\r\n\r\nsor").ends(Ends::Hold),
        TOO_LATE,
    )
    .slow(),
    empty_chunk_extensions_without_end => Row::new(
        "It acts, and sends a chunk's extension without an end",
        Deed::acts(|right| endless(format!("{}1;", chunked(right)), "evermore")),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    )
    .most(TAKEN),
    trailers_without_end => Row::new(
        "It acts, and sends trailers without an end",
        Deed::acts(|right| endless(format!("{}0\r\n", chunked(right)), "evermore: more\r\n")),
        fails(&[Incomplete], Effect::Unknown, Again::Replayable),
    )
    .most(TAKEN),
}
