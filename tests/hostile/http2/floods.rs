//! Frames without an end, and heads that unpack to more than they are.

use std::time::Duration;

use tokio::time::timeout;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{AttemptTimeout, BodyTooLarge, Incomplete, Interrupted};

use super::Http2Deed;
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, OK, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, field, frame, head,
};
use super::streams::between;
use crate::engine::{CEILING, serve};
use crate::operations::{Op, Outcome, created};
use crate::row::{Again, Expect, Row, fails, rows};

const TOO_LATE: Expect = fails(&[AttemptTimeout], Effect::Unknown, Again::Replayable);
const LOST: Expect = fails(&[Interrupted], Effect::Unknown, Again::Replayable);
/// The client may put up with it until its time is over, or lose patience.
const EITHER: Expect =
    fails(&[AttemptTimeout, Interrupted, Incomplete], Effect::Unknown, Again::Replayable);

/// It acts, says the first and then the second without an end, and reads what the client says.
fn flood(
    first: impl Fn(u32) -> Vec<u8> + Send + Sync + Copy + 'static,
    then: impl Fn(u32) -> Vec<u8> + Send + Sync + Copy + 'static,
) -> Http2Deed {
    Http2Deed::new(move |exchange| async move {
        exchange.seize().await;
        exchange.write(&first(exchange.stream)).await?;
        let more = then(exchange.stream).repeat(20);
        // As many a second as leave room for all the other floods of this test.
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let speak = async {
            loop {
                pace.tick().await;
                exchange.write(&more).await?;
            }
        };
        tokio::select! {
            done = speak => done,
            done = exchange.drain() => done,
        }
    })
    .commits()
}

fn nothing(_: u32) -> Vec<u8> {
    Vec::new()
}

rows! {
    pings => Row::new(
        "It acts, and pings without an end",
        flood(nothing, |_| frame(PING, 0, 0, b"are you ")),
        TOO_LATE,
    )
    .slow(),
    settings => Row::new(
        "It acts, and sends settings without an end",
        flood(nothing, |_| frame(SETTINGS, 0, 0, &[])),
        TOO_LATE,
    )
    .slow(),
    priorities => Row::new(
        "It acts, and sends priorities without an end",
        flood(nothing, |stream| frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 1])),
        TOO_LATE,
    )
    .slow(),
    unknown_frames => Row::new(
        "It acts, and sends frames of no known kind without an end",
        flood(nothing, |stream| frame(0xee, 0, stream, b"whatever")),
        TOO_LATE,
    )
    .slow(),
    windows => Row::new(
        "It acts, and opens the stream's window without an end",
        flood(nothing, |stream| frame(WINDOW_UPDATE, 0, stream, &[0, 0, 0, 1])),
        EITHER,
    )
    .slow(),
    empty_data => Row::new(
        "It acts, and sends empty data without an end",
        flood(head, |stream| frame(DATA, 0, stream, b"")),
        EITHER,
    )
    .slow(),
    padding => Row::new(
        "It acts, and sends padding without an end",
        flood(head, |stream| frame(DATA, 8, stream, &[[200].to_vec(), vec![0; 200]].concat())),
        EITHER,
    )
    .slow(),
    data => Row::new(
        "It acts, and sends data without an end or regard for the window",
        flood(head, |stream| frame(DATA, 0, stream, &[b' '; 1000])),
        fails(&[BodyTooLarge], Effect::Applied, Again::Never),
    ),
    interim => Row::new(
        "It acts, and sends 103 without an end",
        flood(nothing, |stream| {
            frame(HEADERS, END_HEADERS, stream, &[&[8, 3][..], b"103"].concat())
        }),
        EITHER,
    )
    .slow(),
    resets_of_others => Row::new(
        "It acts, and resets streams that nobody opened",
        flood(nothing, |_| frame(RST_STREAM, 0, 2_000_001, &[0, 0, 0, 8])),
        EITHER,
    )
    .slow(),
    continuations => Row::new(
        "It acts, and continues its head without an end",
        flood(
            |stream| frame(HEADERS, 0, stream, &[OK]),
            |stream| frame(CONTINUATION, 0, stream, &field("x-more", &"and more ".repeat(14))),
        ),
        LOST,
    ),
    empty_continuations => Row::new(
        "It acts, and continues its head with nothing, without an end",
        flood(
            |stream| frame(HEADERS, 0, stream, &[OK]),
            |stream| frame(CONTINUATION, 0, stream, &[]),
        ),
        EITHER,
    )
    .slow(),
    head_too_large => Row::new(
        "It acts, and sends a head larger than allowed",
        between(|stream| {
            let fields = field("x-more", &"and more ".repeat(14)).repeat(110);
            frame(HEADERS, END_HEADERS, stream, &[vec![OK], fields].concat())
        }),
        LOST,
    ),
    long_field_by_its_number => Row::new(
        "It acts, and names a long field three times by its number",
        between(|stream| {
            let long = [&[0x7f, 0xbd, 0x1d][..], &[b'x'; 3900]].concat();
            let fields = [&[OK, 0x40, 1, b'a'][..], &long, &[0xbe; 2]].concat();
            let head = frame(HEADERS, END_HEADERS, stream, &fields);
            [head, frame(DATA, END_STREAM, stream, b"{}")].concat()
        }),
        Expect::Fine,
    ),
    bomb => Row::new(
        "It acts, and sends a head that unpacks to a thousand times its size",
        // One field of 4 kB goes into the table, and is then named by its number alone.
        between(|stream| {
            let long = [&[0x7f, 0xbd, 0x1d][..], &[b'x'; 3900]].concat();
            let fields = [&[OK, 0x40, 1, b'a'][..], &long, &[0xbe; 10_000]].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields)
        }),
        LOST,
    ),
}

fn unread_pings() -> Http2Deed {
    Http2Deed::new(|exchange| async move {
        exchange.seize().await;
        let pings = frame(PING, 0, 0, b"are you ").repeat(1000);
        loop {
            exchange.write(&pings).await?;
            tokio::task::yield_now().await;
        }
    })
    .commits()
}

/// As fast as it can, and it never reads the answers: the client's own buffers fill, and its
/// connection comes to a stop for good. The next attempt goes over another.
#[tokio::test]
async fn pings_that_are_never_read() {
    let row = Row::new("Pings", unread_pings(), TOO_LATE).slow();
    for op in [Op::Fetch, Op::Create] {
        let (server, gateway, seed) = serve(&row, 0, false).await;
        let outcome = timeout(CEILING, op.run(&gateway, seed)).await.expect("it hangs");
        match (op, outcome) {
            (Op::Create, Outcome::Failed(failure)) => {
                assert_eq!((failure.effect, failure.attempts), (Effect::Unknown, 1));
            }
            (Op::Fetch, Outcome::Done { attempts: 2, .. }) => {}
            (_, outcome) => panic!("{op:?}: {outcome:?}"),
        }
        assert_eq!(created(server.simulator()), usize::from(op == Op::Create));
    }
}

/// Such a connection can't even be told goodbye, for nobody reads that either. It is closed all the same,
/// or each attempt would leave one behind for as long as the server likes.
#[tokio::test]
async fn connections_that_nobody_reads_are_not_kept() {
    let row = Row::new("Pings", unread_pings(), TOO_LATE).slow();
    let (server, gateway, seed) = serve(&row, 0, true).await;
    let outcome = timeout(CEILING, Op::Fetch.run(&gateway, seed)).await.expect("it hangs");
    let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
    assert_eq!((failure.effect, failure.attempts), (Effect::Unknown, 2));
    let open = || gateway.health().pool.map(|pool| pool.open);
    let closed = async {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        while open() != Some(0) {
            looks.tick().await;
        }
    };
    let closed = timeout(Duration::from_secs(10), closed).await;
    assert!(closed.is_ok(), "{:?} of {:?}", open(), server.book(|book| book.connections));
}
