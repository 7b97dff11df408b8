//! Pages about kinds of problems: the `type` of a problem is the path of one. They are made of the list of error codes.

use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;

use crate::http::error::ApiError;
use crate::http::error_code::ErrorCode;
use crate::http::state::Shop;

/// Routes of the pages and of their list.
pub(crate) fn routes() -> Router<Shop> {
    Router::new().route("/problems", get(list)).route("/problems/{code}", get(page))
}

async fn list() -> Html<String> {
    let items = ErrorCode::ALL.iter().map(|code| {
        let (path, text, title) = (code.page(), code.text(), code.title());
        format!("<li><a href=\"{path}\"><code>{text}</code></a> {}: {title}</li>\n", code.status().as_u16())
    });
    html("Problems", &format!("<ul>\n{}</ul>", items.collect::<String>()))
}

async fn page(Path(code): Path<String>) -> Response {
    let Some(code) = ErrorCode::ALL.iter().find(|known| known.text() == code) else {
        return ApiError::no_such_route(&format!("/problems/{code}")).into_response();
    };
    let about = format!(
        "<p><code>{}</code>, status {}.</p>\n<p>{}</p>\n<p><code>detail</code> says what is wrong in a case, \
         <code>code</code> never changes. <a href=\"/problems\">All problems</a>, <a href=\"/docs\">the interface</a>.</p>",
        code.text(),
        code.status(),
        advice(*code)
    );
    html(code.title(), &about).into_response()
}

fn html(title: &str, body: &str) -> Html<String> {
    Html(format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<h1>{title}</h1>\n{body}\n</html>\n"
    ))
}

/// What a client does about a problem.
fn advice(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::IdempotencyKeyReused => {
            "Another request was sent under this key. Make a new key for a new request, or repeat the first one as it was."
        }
        ErrorCode::RequestInProgress => "Wait for the answer of the first request, or send it again a little later.",
        ErrorCode::TotalChanged => {
            "Show the shopper <code>new_total</code>, and check out with it as <code>expected_total</code>."
        }
        ErrorCode::LinesNotBuyable => {
            "Change or remove the lines that <code>errors</code> names, then check out again."
        }
        ErrorCode::PasswordChangeRequired => "Change the password: <code>PUT /v1/customers/me/password</code>.",
        ErrorCode::BalanceTooLarge | ErrorCode::TotalTooLarge => "Use a smaller amount.",
        other => by_status(other.status().as_u16()),
    }
}

fn by_status(status: u16) -> &'static str {
    match status {
        400 => "The request itself is malformed. Correct it; as it is, it will be refused again.",
        401 => {
            "Sign in (<code>POST /v1/sessions</code>) or renew the token (<code>POST /v1/sessions/renew</code>), and send the \
             request again."
        }
        403 => "Nobody with these rights may do this, or not from here. Sending it again does not help.",
        404 => "It is not there, or belongs to somebody else. Check the id.",
        405 | 406 | 413 | 415 => {
            "Send the request in a form that is taken here; <code>/openapi.json</code> describes it."
        }
        409 => {
            "The state of the shop forbids it, and nothing was changed. Read again what it is about, and decide anew. The same \
             Idempotency-Key may be used, because a refusal is not kept."
        }
        412 => "Somebody was faster. Read it again, decide, and send the request with the new <code>ETag</code>.",
        422 => "Correct the values that <code>errors</code> names; a pointer says where each is in the body.",
        429 | 503 => {
            "Wait as long as <code>Retry-After</code> says, and send the same request again under the same Idempotency-Key: it \
             takes effect once."
        }
        _ => {
            "The fault is the shop's. Send the same request again under the same key; the request id finds it in the shop's log."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_code_has_a_page_and_no_other_has() {
        for code in ErrorCode::ALL {
            let answer = page(Path(code.text().to_owned())).await;
            assert_eq!(answer.status(), 200, "{}", code.text());
            assert!(advice(*code).len() > 20, "{}", code.text());
        }
        assert_eq!(page(Path("none".to_owned())).await.status(), 404);
        assert!(list().await.0.contains("/problems/total_changed"));
    }
}
