//! What the client says when nobody answers, against real sockets.

#![expect(clippy::unwrap_used, reason = "tests may unwrap, in helpers too")]

use storefront_client::{Client, ClientError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that reads a little of the first request, answers `bytes` and hangs up.
async fn a_server_that_answers(bytes: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await;
        let _ = socket.write_all(bytes.as_bytes()).await;
    });
    client
}

#[tokio::test]
async fn a_closed_port_is_reported_in_one_sentence() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let error = Client::new(&url).unwrap().categories().await.unwrap_err();

    assert!(error.is_unreachable());
    assert_eq!(error.to_string(), format!("The shop at {url} cannot be reached: connection refused."));
}

#[tokio::test]
async fn a_server_that_hangs_up_is_unreachable() {
    let error = a_server_that_answers("").await.categories().await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unreachable() {
    let client = a_server_that_answers("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"items\":").await;
    let error = client.categories().await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn something_that_speaks_no_http_is_not_taken_for_a_shop() {
    let error = a_server_that_answers("220 mail.example ESMTP\r\n").await.categories().await.unwrap_err();
    assert!(!matches!(error, ClientError::Problem(_)), "{error}");
}
