//! Streams that are refused, reset, left open or said to be gone; frames where none may be.

use std::io;

use bytes::Bytes;
use h2::Reason;
use http::Response;
use tokio::time::timeout;
use twilio_proxy::call::Effect;
use twilio_proxy::gateway::ErrorKind::{
    AttemptTimeout, BodyTooLarge, Incomplete, Interrupted, Unprocessed,
};

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, OK, PUSH_PROMISE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, field, frame, head,
};
use super::{Exchange, Http2Deed};
use crate::engine::{CEILING, serve};
use crate::operations::{Op, Outcome, created};
use crate::row::{Again, Expect, Row, fails, rows};

const UNTOUCHED: Expect = fails(&[Unprocessed], Effect::None, Again::Any);
const LOST: Expect = fails(&[Interrupted], Effect::Unknown, Again::Replayable);
const CUT: Expect = fails(&[Incomplete], Effect::Unknown, Again::Replayable);
const LOST_OR_CUT: Expect = fails(&[Interrupted, Incomplete], Effect::Unknown, Again::Replayable);
const TOO_LATE: Expect = fails(&[AttemptTimeout], Effect::Unknown, Again::Replayable);

fn resets(reason: Reason) -> Http2Deed {
    Http2Deed::new(move |mut exchange| async move {
        exchange.respond.send_reset(reason);
        Ok(())
    })
}

/// It acts, takes the connection over, writes these bytes and leaves it open.
fn raw(bytes: impl Fn(u32) -> Vec<u8> + Send + Sync + Copy + 'static) -> Http2Deed {
    Http2Deed::new(move |exchange| async move {
        exchange.seize().await;
        exchange.write(&bytes(exchange.stream)).await?;
        exchange.drain().await
    })
    .commits()
}

/// It acts and writes these bytes in between; the connection goes on, but for this stream.
pub(super) fn between(bytes: impl Fn(u32) -> Vec<u8> + Send + Sync + Copy + 'static) -> Http2Deed {
    Http2Deed::new(move |exchange| async move {
        exchange.write(&bytes(exchange.stream)).await?;
        std::future::pending::<()>().await;
        // Dropped before, h2 would answer for it.
        drop(exchange);
        Ok(())
    })
    .commits()
}

/// The same as `raw`, and it closes.
fn raw_and_close(bytes: impl Fn(u32) -> Vec<u8> + Send + Sync + Copy + 'static) -> Http2Deed {
    Http2Deed::new(move |exchange| async move {
        exchange.seize().await;
        exchange.write(&bytes(exchange.stream)).await
    })
    .commits()
}

fn away(last: u32, reason: Reason) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), u32::from(reason).to_be_bytes()].concat())
}

async fn half(mut exchange: Exchange) -> io::Result<()> {
    let response = Response::builder().status(exchange.right.status.max(http::StatusCode::OK));
    let mut stream =
        exchange.respond.send_response(response.body(()).unwrap(), false).map_err(super::broken)?;
    stream.send_data(Bytes::from_static(b"{\"sid\":"), false).map_err(super::broken)?;
    std::future::pending::<()>().await;
    drop(stream);
    Ok(())
}

rows! {
    refused_stream => Row::new(
        "It refuses the stream (REFUSED_STREAM)",
        resets(Reason::REFUSED_STREAM),
        UNTOUCHED,
    ),
    reset_internal => Row::new(
        "It acts, and resets the stream (INTERNAL_ERROR)",
        resets(Reason::INTERNAL_ERROR).commits(),
        LOST,
    ),
    reset_cancel => Row::new(
        "It acts, and resets the stream (CANCEL)",
        resets(Reason::CANCEL).commits(),
        LOST,
    ),
    reset_without_error => Row::new(
        "It acts, and resets the stream (NO_ERROR)",
        resets(Reason::NO_ERROR).commits(),
        LOST,
    ),
    reset_calm => Row::new(
        "It acts, and resets the stream (ENHANCE_YOUR_CALM)",
        resets(Reason::ENHANCE_YOUR_CALM).commits(),
        LOST,
    ),
    reset_http_1_1 => Row::new(
        "It acts, and wants HTTP/1.1 (HTTP_1_1_REQUIRED)",
        resets(Reason::HTTP_1_1_REQUIRED).commits(),
        LOST,
    ),
    reset_amid_the_body_2 => Row::new(
        "It acts, and resets the stream amid the body",
        between(|stream| {
            let reset = frame(RST_STREAM, 0, stream, &u32::from(Reason::CANCEL).to_be_bytes());
            [head(stream), frame(DATA, 0, stream, b"{\"sid\":"), reset].concat()
        }),
        LOST_OR_CUT,
    ),
    refused_amid_the_body => Row::new(
        "It acts, and refuses the stream amid the body",
        between(|stream| {
            let reason = u32::from(Reason::REFUSED_STREAM).to_be_bytes();
            [head(stream), frame(DATA, 0, stream, b"{"), frame(RST_STREAM, 0, stream, &reason)]
                .concat()
        }),
        LOST_OR_CUT,
    ),
    goaway_before => Row::new(
        "It goes away before this stream",
        Http2Deed::new(|exchange| async move {
            exchange.seize().await;
            exchange.write(&away(exchange.stream - 1, Reason::NO_ERROR)).await
        }),
        UNTOUCHED,
    ),
    goaway_after => Row::new(
        "It acts, goes away after this stream and closes",
        raw_and_close(|stream| away(stream, Reason::NO_ERROR)),
        LOST,
    ),
    goaway_calm => Row::new(
        "It acts, goes away for too many requests and closes",
        raw_and_close(|stream| away(stream, Reason::ENHANCE_YOUR_CALM)),
        LOST,
    ),
    goaway_and_answer => Row::new(
        "It goes away, and answers what was under way",
        Http2Deed::new(|mut exchange| async move {
            exchange.write(&away(exchange.stream, Reason::NO_ERROR)).await?;
            exchange.answer()
        })
        .commits(),
        Expect::Fine,
    ),
    closes => Row::new("It acts, and closes", raw_and_close(|_| Vec::new()), LOST),
    closes_amid_a_frame => Row::new(
        "It acts, and closes amid a frame",
        raw_and_close(|stream| head(stream)[..5].to_vec()),
        LOST,
    ),
    closes_amid_the_body => Row::new(
        "It acts, and closes amid the body",
        raw_and_close(|stream| [head(stream), frame(DATA, 0, stream, b"{\"sid\":")].concat()),
        CUT,
    ),
    silent_2 => Row::new(
        "It acts, and never answers",
        Http2Deed::new(|exchange| async move {
            std::future::pending::<()>().await;
            drop(exchange);
            Ok(())
        })
        .commits(),
        TOO_LATE,
    )
    .slow(),
    stalled => Row::new("It acts, and stalls amid the body", Http2Deed::new(half).commits(), TOO_LATE)
        .slow(),
    deaf => Row::new(
        "It acts, and neither reads nor says anything any more",
        Http2Deed::new(|exchange| async move {
            exchange.seize().await;
            std::future::pending().await
        })
        .commits(),
        TOO_LATE,
    )
    .slow(),
    data_first => Row::new(
        "It acts, and sends a body before the head",
        raw(|stream| frame(DATA, END_STREAM, stream, b"{}")),
        LOST,
    ),
    head_without_status => Row::new(
        "It acts, and sends a head without a status",
        between(|stream| {
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &field("server", "none"))
        }),
        LOST,
    ),
    capitals_in_a_name => Row::new(
        "It acts, and sends a name in capitals",
        between(|stream| {
            let fields = [vec![OK], field("X-More", "more")].concat();
            frame(HEADERS, END_HEADERS | END_STREAM, stream, &fields)
        }),
        LOST,
    ),
    garbled_head => Row::new(
        "It acts, and sends a head that is none",
        raw(|stream| frame(HEADERS, END_HEADERS, stream, &[0xff; 40])),
        LOST,
    ),
    length_that_is_not_kept => Row::new(
        "It acts, and sends less than it announced",
        between(|stream| {
            let fields = [vec![OK], field("content-length", "50")].concat();
            [frame(HEADERS, END_HEADERS, stream, &fields), frame(DATA, END_STREAM, stream, b"{}")]
                .concat()
        }),
        LOST_OR_CUT,
    ),
    length_beyond_the_cap => Row::new(
        "It acts, and announces more than the cap",
        between(|stream| {
            let fields = [vec![OK], field("content-length", "5000000000")].concat();
            frame(HEADERS, END_HEADERS, stream, &fields)
        }),
        fails(&[BodyTooLarge], Effect::Applied, Again::Never),
    ),
    frame_too_large => Row::new(
        "It acts, and sends a frame larger than allowed",
        raw(|stream| {
            let huge = frame(DATA, 0, stream, &vec![0; 1 << 20]);
            [head(stream), huge].concat()
        }),
        LOST_OR_CUT,
    ),
    frame_on_no_stream => Row::new(
        "It acts, and sends a body on stream 0",
        raw(|_| frame(DATA, 0, 0, b"{}")),
        LOST,
    ),
    answer_to_nobody => Row::new(
        "It acts, and answers a stream that nobody opened",
        raw(|stream| head(stream + 2)),
        LOST,
    ),
    pushed => Row::new(
        "It acts, and pushes what nobody wanted",
        raw(|stream| {
            let promised = [&2_u32.to_be_bytes()[..], &[0x82, 0x84, 0x86]].concat();
            frame(PUSH_PROMISE, END_HEADERS, stream, &promised)
        }),
        LOST,
    ),
    window_overflow => Row::new(
        "It acts, and opens the window beyond all numbers",
        raw(|_| frame(WINDOW_UPDATE, 0, 0, &i32::MAX.to_be_bytes())),
        LOST,
    ),
    window_of_nothing => Row::new(
        "It acts, and opens the window by nothing",
        raw(|_| frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
        LOST,
    ),
    settings_of_odd_length => Row::new(
        "It acts, and sends settings of an odd length",
        raw(|_| frame(SETTINGS, 0, 0, &[0; 5])),
        LOST,
    ),
    continuation_of_nothing => Row::new(
        "It acts, and continues a head that it never began",
        raw(|stream| frame(CONTINUATION, END_HEADERS, stream, &[OK])),
        LOST,
    ),
    another_protocol_amid => Row::new(
        "It acts, and answers in HTTP/1.1",
        raw(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()),
        LOST,
    ),
}

/// Once the client knows that it may send no byte of a body, a create has its head on the wire and waits:
/// it may not be said to have done nothing, nor be sent again where it may not.
#[tokio::test]
async fn a_window_that_never_opens() {
    let deed = Http2Deed::new(|_| async { Ok(()) }).settings(|settings| {
        settings.initial_window_size(0);
    });
    let row = Row::new("No window", deed, Expect::Fine).slow();
    for op in Op::ALL {
        // Nothing is hostile but the settings.
        let (server, gateway, seed) = serve(&row, usize::MAX, true).await;
        Op::Fetch.run(&gateway, seed).await;
        let outcome = timeout(CEILING, op.run(&gateway, seed)).await.expect("it hangs");
        match (op, outcome) {
            (Op::Fetch | Op::Delete, Outcome::Done { attempts: 1, .. }) => {}
            // The next attempt meets a new connection, and may be quicker than its settings.
            (Op::Keyed | Op::Update, Outcome::Done { attempts: 2, recovered: false }) => {}
            (Op::Create | Op::Keyed | Op::Update, Outcome::Failed(failure)) => assert_eq!(
                (failure.kind, failure.effect, failure.attempts),
                (AttemptTimeout, Effect::Unknown, if op == Op::Create { 1 } else { 2 })
            ),
            (_, outcome) => panic!("{op:?}: {outcome:?}"),
        }
        assert!(created(server.simulator()) <= usize::from(op == Op::Keyed));
    }
}
