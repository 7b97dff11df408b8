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
struct RouteState {
    mailbox: Mailbox,
    shutdown: CancellationToken,
}

pub(crate) fn router(mailbox: Mailbox, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/v1/messages", get(list).delete(clear).fallback(no_such_method))
        .route("/v1/messages/{id}", get(show).fallback(no_such_method))
        .fallback(no_such_route)
        .with_state(RouteState { mailbox, shutdown })
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
async fn list(State(state): State<RouteState>, query: Result<Query<ListQuery>, QueryRejection>) -> Response {
    let Query(ListQuery { to, after, wait }) = match query {
        Ok(query) => query,
        Err(rejection) => return problem(StatusCode::BAD_REQUEST, "bad_query", &rejection.body_text()),
    };
    let matching = || {
        let mut mails = state.mailbox.messages();
        mails.retain(|mail| mail.sequence > after && to.as_deref().is_none_or(|to| mail.is_to(to)));
        mails
    };
    let new_mail = async {
        let mut seen = after;
        while matching().is_empty() {
            state.mailbox.wait_for_mail_after(seen).await;
            seen = state.mailbox.head();
        }
    };
    tokio::select! {
        () = new_mail => {}
        () = tokio::time::sleep(Duration::from_secs(wait.min(MAX_WAIT_S))) => {}
        () = state.shutdown.cancelled() => {}
    }
    let head = state.mailbox.head();
    let messages = matching();
    let next_after = messages.last().map_or(after, |mail| mail.sequence);
    Json(json!({ "messages": messages, "next_after": next_after, "head": head })).into_response()
}

async fn show(State(state): State<RouteState>, Path(id): Path<String>) -> Response {
    match state.mailbox.messages().into_iter().find(|mail| mail.id == id) {
        Some(mail) => Json(mail).into_response(),
        None => problem(StatusCode::NOT_FOUND, "unknown_message", &format!("There is no mail `{id}`.")),
    }
}

async fn clear(State(state): State<RouteState>) -> StatusCode {
    state.mailbox.clear();
    StatusCode::NO_CONTENT
}
