//! Answers that are lost or unclear, and a wrong secret key.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::card_gateway::InvalidGateway;
use super::*;

#[tokio::test]
async fn everything_else_leaves_the_outcome_unknown() {
    for (status, body) in [
        (500, json!({})),
        (502, json!("<html>")),
        (500, an_error(json!({"type": "api_error", "message": "Oh."}))),
        (429, an_error(json!({"type": "invalid_request_error", "code": "rate_limit", "param": "payment_method"}))),
        (409, an_error(json!({"type": "invalid_request_error", "code": "idempotency_key_in_use", "param": "token"}))),
        (409, an_error(json!({"type": "card_error", "code": "lock_timeout"}))),
        (400, an_error(json!({"type": "idempotency_error", "message": "Other parameters."}))),
        (400, invalid_request("parameter_unknown", "amount")),
        (400, json!({})),
        (402, json!({})),
        (302, json!({})),
        (200, json!({})),
        (200, json!([])),
        (200, an_intent("something_new")),
    ] {
        let outcome = World::created(status, body.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown { .. })), "{status} {body}: {outcome:?}");
        let outcome = World::confirmed(status, body.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unknown { .. })), "{status} {body}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_wrong_secret_key_is_reported_to_the_operator_and_never_shown() {
    for status in [401, 403] {
        let message = format!("Invalid API Key provided: {SECRET}");
        let error = an_error(json!({"type": "invalid_request_error", "message": message}));
        let detail = detail(World::created(status, error).await);
        assert!(detail.contains("does not accept our secret key"), "{detail}");
        assert!(!detail.contains("sk_test"), "{detail}");
    }
    let world = a_gateway().await;
    assert!(!format!("{:?}", world.gateway).contains(SECRET));
    assert_eq!(CardGateway::new("http://127.0.0.1:1", "a\nb", PATIENT, RETURN).err(), Some(InvalidGateway::Key));
    assert!(matches!(CardGateway::new("gateway", SECRET, PATIENT, RETURN), Err(InvalidGateway::Address(_))));
}

/// A gateway that reads a request, answers `bytes` and hangs up, or says nothing at all for `None`.
async fn a_gateway_that_answers(bytes: Option<&'static str>) -> CardGateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let timeout = if bytes.is_some() { PATIENT } else { Duration::from_millis(50) };
    tokio::spawn(async move {
        let mut silent = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            match bytes {
                Some(bytes) => {
                    let _ = socket.read(&mut [0; 4096]).await;
                    let _ = socket.write_all(bytes.as_bytes()).await;
                }
                None => silent.push(socket),
            }
        }
    });
    CardGateway::new(&url, SECRET, timeout, RETURN).unwrap()
}

#[tokio::test]
async fn a_lost_answer_leaves_the_outcome_unknown() {
    let silent = a_gateway_that_answers(None).await;
    assert_eq!(detail(silent.create(&a_charge()).await), "no answer in time");
    let lost = [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\": \"pi_1\", \"status\": \"succ",
        "HTTP/1.1 402 Payment Required\r\ncontent-length: 500\r\n\r\n{\"error\": {\"type\": \"card_error\"}}",
        "HTTP/1.1 200 OK\r\ncontent-length: 2000000\r\n\r\n",
    ];
    for bytes in lost {
        let gateway = a_gateway_that_answers(Some(bytes)).await;
        assert!(gateway.create(&a_charge()).await.is_err(), "{bytes}");
        assert!(gateway.confirm("pi_1", a_charge().amount, KEY).await.is_err(), "{bytes}");
        assert!(gateway.refund(&a_refund()).await.is_err(), "{bytes}");
        assert!(gateway.cancel("pi_1").await.is_err(), "{bytes}");
        assert!(gateway.find("pi_1", a_charge().amount).await.is_err(), "{bytes}");
    }
}

#[tokio::test]
async fn a_closed_port_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gateway = CardGateway::new(&url, SECRET, PATIENT, RETURN).unwrap();
    assert_eq!(detail(gateway.create(&a_charge()).await), "connection refused");
}
