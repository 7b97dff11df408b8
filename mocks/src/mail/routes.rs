//! HTTP routes of the mailbox: list, wait for and delete mails.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Mailbox;
use crate::http::{MAX_WAIT_S, no_such_method, no_such_route, problem};

#[derive(Clone)]
struct Desk {
    mailbox: Mailbox,
    shutdown: CancellationToken,
}

/// All routes of the mailbox.
pub(crate) fn router(mailbox: Mailbox, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/v1/messages", get(list).delete(clear).fallback(no_such_method))
        .route("/v1/messages/{id}", get(show).fallback(no_such_method))
        .fallback(no_such_route)
        .with_state(Desk { mailbox, shutdown })
}

#[derive(Deserialize)]
struct ListQuery {
    to: Option<String>,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
}

/// The mails after a number, newest last, as a long poll: responds at once if there are any, otherwise when there are,
/// or empty after the wait.
async fn list(State(desk): State<Desk>, query: Result<Query<ListQuery>, QueryRejection>) -> Response {
    let Query(ListQuery { to, after, wait }) = match query {
        Ok(query) => query,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text()),
    };
    let matching = || {
        let mut mails = desk.mailbox.messages();
        mails.retain(|mail| mail.sequence > after && to.as_deref().is_none_or(|to| mail.is_to(to)));
        mails
    };
    let news = async {
        let mut seen = after;
        while matching().is_empty() {
            desk.mailbox.news_after(seen).await;
            seen = desk.mailbox.head();
        }
    };
    tokio::select! {
        () = news => {}
        () = tokio::time::sleep(Duration::from_secs(wait.min(MAX_WAIT_S))) => {}
        () = desk.shutdown.cancelled() => {}
    }
    let head = desk.mailbox.head();
    let messages = matching();
    let next_after = messages.last().map_or(after, |mail| mail.sequence);
    Json(json!({ "messages": messages, "next_after": next_after, "head": head })).into_response()
}

async fn show(State(desk): State<Desk>, Path(id): Path<String>) -> Response {
    match desk.mailbox.messages().into_iter().find(|mail| mail.id == id) {
        Some(mail) => Json(mail).into_response(),
        None => problem(StatusCode::NOT_FOUND, "unknown_message", &format!("There is no mail `{id}`.")),
    }
}

async fn clear(State(desk): State<Desk>) -> StatusCode {
    desk.mailbox.clear();
    StatusCode::NO_CONTENT
}
