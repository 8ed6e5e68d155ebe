//! Bodies that are slow, long, broken or endless.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::*;

type Piece = Result<Frame<Bytes>, &'static str>;

/// A body in pieces: each comes after a while, and then comes the end.
struct Pieces {
    pieces: std::vec::IntoIter<(Duration, Piece)>,
    next: Option<(Pin<Box<Sleep>>, Piece)>,
    /// Says that the body was dropped.
    _alive: Arc<()>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if self.next.is_none() {
            let Some((after, frame)) = self.pieces.next() else { return Poll::Ready(None) };
            self.next = Some((Box::pin(sleep(after)), frame));
        }
        let (timer, _) = self.next.as_mut().unwrap();
        std::task::ready!(timer.as_mut().poll(cx));
        Poll::Ready(self.next.take().map(|(_, frame)| frame))
    }
}

fn pieces(pieces: Vec<(u64, Result<&'static str, &'static str>)>) -> (Pieces, Arc<()>) {
    let alive = Arc::new(());
    let pieces: Vec<_> = pieces
        .into_iter()
        .map(|(after, piece)| {
            (
                Duration::from_secs(after),
                piece.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))),
            )
        })
        .collect();
    let body = Pieces { pieces: pieces.into_iter(), next: None, _alive: Arc::clone(&alive) };
    (body, alive)
}

/// A body that must not be asked for anything.
struct Unread(SizeHint);

impl Body for Unread {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read");
    }

    fn size_hint(&self) -> SizeHint {
        self.0
    }
}

/// A form `a=…` with the signature that belongs to it, and a body to put it in.
fn form<B>(value: &str, body: B) -> Request<B> {
    let url = "https://mycompany.com/cb";
    let signature = sign(&token("12345"), url, [("a", value)]).to_string();
    callback("/cb", Some(FORM), &signature, body)
}

#[tokio::test(start_paused = true)]
async fn pieces_come_together_as_they_came() {
    let (body, alive) = pieces(vec![(0, Ok("a=%4")), (1, Ok("1")), (1, Ok("")), (2, Ok("+%20"))]);
    let (status, body) = serve(&layer(), form("A  ", body)).await;
    assert_eq!((status, body), (StatusCode::OK, Bytes::from_static(b"a=%41+%20")));
    assert_eq!(Arc::strong_count(&alive), 1, "the body is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let start = Instant::now();
    // A piece a second: it always goes on, and would take a minute.
    let (body, alive) = pieces((0..60).map(|_| (1, Ok("a=b&"))).collect());
    assert_eq!(status(&layer(), form("b", body)).await, 408);
    assert_eq!(start.elapsed(), DEFAULT_BODY_TIMEOUT);
    assert_eq!(Arc::strong_count(&alive), 1, "the body is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_is_given_up() {
    let start = Instant::now();
    let (body, _alive) = pieces(vec![(0, Ok("a=")), (3600, Ok("b"))]);
    let quick = layer().body_timeout(Duration::from_millis(1500));
    assert_eq!(status(&quick, form("b", body)).await, 408);
    assert_eq!(start.elapsed(), Duration::from_millis(1500));
}

/// One that is always ready never lets the timer be looked at, unless we see to it. On real time:
/// paused time moves only where all are idle, and this body never is.
#[tokio::test]
async fn a_body_without_end_and_without_content_is_given_up() {
    struct Endless;

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::new()))))
        }
    }

    let quick = layer().body_timeout(Duration::from_millis(20));
    assert_eq!(status(&quick, form("b", Endless)).await, 408);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_400() {
    let (body, _alive) = pieces(vec![(0, Ok("a=b")), (0, Err("reset by peer"))]);
    assert_eq!(status(&layer(), form("b", body)).await, 400);
}

#[tokio::test(start_paused = true)]
async fn the_cap_is_the_longest_that_passes() {
    let exactly = layer().limit(4);
    for (value, text, expected) in
        [("bc", ["a=", "bc"], 200), ("bcd", ["a=b", "cd"], 413), ("bcde", ["a=bcde", ""], 413)]
    {
        let (body, _alive) = pieces(text.iter().map(|text| (0, Ok(*text))).collect());
        assert_eq!(status(&exactly, form(value, body)).await, expected, "{value}");
    }
    let none = layer().limit(0);
    let empty = form("", Full::<Bytes>::default());
    assert_eq!(status(&none, empty).await, 403, "read, and not signed");
}

#[tokio::test(start_paused = true)]
async fn what_announces_too_much_is_not_read() {
    let mut request = form("b", Unread(SizeHint::new()));
    let length = DEFAULT_LIMIT + 1;
    request.headers_mut().insert("content-length", length.to_string().parse().unwrap());
    assert_eq!(status(&layer(), request).await, 413);
    let request = form("b", Unread(SizeHint::with_exact(length as u64)));
    assert_eq!(status(&layer(), request).await, 413);
}

/// Where the URL alone is signed, nobody who can't sign makes us read a byte.
#[tokio::test(start_paused = true)]
async fn a_forged_url_keeps_its_body() {
    let hash = cover::hex_of(b"{}");
    let url = format!("/cb?bodySHA256={hash}");
    let forged = sign::<&str, &str>(&token("54321"), &url, []).to_string();
    let request =
        callback(&url, Some("application/json"), &forged, Unread(SizeHint::with_exact(2)));
    assert_eq!(status(&layer(), request).await, 403);
}

#[tokio::test(start_paused = true)]
async fn a_hashed_body_is_held_to_its_hash() {
    let url = format!("https://mycompany.com/cb?bodySHA256={}", cover::hex_of(b"{}"));
    let signature = sign::<&str, &str>(&token("12345"), &url, []).to_string();
    for (text, expected) in [(["{", "}"], 200), (["{", "]"], 403)] {
        let (body, _alive) = pieces(text.iter().map(|text| (1, Ok(*text))).collect());
        let request = callback(&url, Some("application/json"), &signature, body);
        assert_eq!(status(&layer(), request).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_drop_lets_go_of_the_body_and_of_the_service() {
    let (body, alive) = pieces(vec![(3600, Ok("a=b"))]);
    let service = Arc::new(());
    let held = Arc::clone(&service);
    let mut stack = layer().layer(service_fn(move |_: Request<Full<Bytes>>| {
        let held = Arc::clone(&held);
        async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(format!("{held:?}")))) }
    }));
    let future = stack.call(form("b", body));
    let mut future = tokio_test::task::spawn(future);
    assert!(future.poll().is_pending());
    assert!(format!("{future:?}").contains("reading"));
    drop(future);
    assert_eq!(Arc::strong_count(&alive), 1);
    drop(stack);
    assert_eq!(Arc::strong_count(&service), 1);
}
