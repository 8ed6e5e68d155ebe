//! What goes over the wire in HTTP/1.1, to the byte.

use http::{Method, StatusCode, header};

use super::support::{Server, get, ok, plain, post, request, send, text};

#[tokio::test]
async fn a_form_goes_out_byte_for_byte() {
    let (server, transport) = (Server::bind().await, plain());
    let mut form = post(&server.uri("/v1/Services/KS1/Sessions"));
    let media_type = "application/x-www-form-urlencoded".parse().expect("a value");
    form.headers_mut().insert(header::CONTENT_TYPE, media_type);
    let script = async { server.accept().await.answer(&ok("{}")).await };
    let (answer, seen) = tokio::join!(text(&transport, form), script);
    assert_eq!(answer, "{}");
    let port = server.port();
    assert_eq!(
        seen,
        format!(
            "POST /v1/Services/KS1/Sessions HTTP/1.1\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             host: 127.0.0.1:{port}\r\n\
             content-length: 15\r\n\r\n\
             Mode=voice-only"
        )
    );
}

#[tokio::test]
async fn get_and_delete_announce_no_body() {
    let (server, transport) = (Server::bind().await, plain());
    for method in [Method::GET, Method::DELETE] {
        let uri = server.uri("/v1/Services/KS1/Sessions/Order%20%231?PageSize=5");
        let script = async {
            let mut peer = server.accept().await;
            peer.answer("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await
        };
        let (answer, seen) =
            tokio::join!(send(&transport, request(method.clone(), &uri, "")), script);
        assert_eq!(answer.expect("an answer").status(), StatusCode::NO_CONTENT);
        let port = server.port();
        assert_eq!(
            seen,
            format!(
                "{method} /v1/Services/KS1/Sessions/Order%20%231?PageSize=5 HTTP/1.1\r\n\
                 host: 127.0.0.1:{port}\r\n\r\n"
            )
        );
    }
}

/// A URL that ends with its host, or goes on with a fragment, once went out as `GET  HTTP/1.1`: no HTTP,
/// so the server hung up, and the call was of unknown effect. A server brings it about by naming such
/// a URL as the next page. <https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1-3>
#[tokio::test]
async fn a_url_without_a_path_asks_for_the_root() {
    let (server, transport) = (Server::bind().await, plain());
    for (rest, line) in [("", "/"), ("#top", "/"), ("?a=b", "/?a=b"), ("/#top", "/")] {
        let script = async {
            let mut peer = server.accept().await;
            peer.answer("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await
        };
        let (answer, seen) = tokio::join!(send(&transport, get(&server.uri(rest))), script);
        assert_eq!(answer.expect("an answer").status(), StatusCode::NO_CONTENT);
        assert!(seen.starts_with(&format!("GET {line} HTTP/1.1\r\n")), "{rest:?}: {seen}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let (server, transport) = (Server::bind().await, plain());
    let target = Server::bind().await.uri("/other");
    let script = async {
        let redirect = format!("HTTP/1.1 307 T\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
        let mut peer = server.accept().await;
        peer.answer(&redirect).await;
        peer
    };
    let (answer, peer) = tokio::join!(send(&transport, post(&server.uri("/"))), script);
    let answer = answer.expect("an answer");
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.headers()[header::LOCATION], target.as_str());
    drop((answer, transport));
    // The first server heard nothing more, and nobody listens on the other.
    peer.closed().await;
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let (server, transport) = (Server::bind().await, plain());
    let script = async {
        let mut peer = server.accept().await;
        peer.read().await;
        peer.write("HTTP/1.1 100 Continue\r\n\r\n").await;
        peer.write("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n").await;
        peer.write(&ok("after all")).await;
    };
    let (answer, ()) = tokio::join!(text(&transport, post(&server.uri("/"))), script);
    assert_eq!(answer, "after all");
}

#[tokio::test]
async fn http_1_0_answers_end_with_the_connection() {
    let (server, transport) = (Server::bind().await, plain());
    for body in ["one", "two"] {
        let script = async {
            let mut peer = server.accept().await;
            peer.answer(&format!("HTTP/1.0 200 OK\r\n\r\n{body}")).await;
        };
        let (answer, ()) = tokio::join!(text(&transport, get(&server.uri("/"))), script);
        assert_eq!(answer, body);
    }
}

#[tokio::test]
async fn a_chunked_answer_is_read_to_its_end() {
    let (server, transport) = (Server::bind().await, plain());
    let script = async {
        let mut peer = server.accept().await;
        peer.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n").await;
        peer.write("1\r\nc\r\n0\r\n\r\n").await;
    };
    let (answer, ()) = tokio::join!(text(&transport, get(&server.uri("/"))), script);
    assert_eq!(answer, "abc");
}
