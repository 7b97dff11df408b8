//! The gateway's errors in their published shape: `{"error":{"type","code","message",…}}`.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// An error in the gateway's published shape.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    error: Map<String, Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> ApiError {
        let mut error = Map::new();
        error.insert("message".to_owned(), Value::String(message.into()));
        error.insert("type".to_owned(), Value::String(kind.to_owned()));
        ApiError { status, error }
    }

    /// 400: the request is invalid.
    pub(crate) fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 402: the card cannot be charged.
    pub(crate) fn card(code: &str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::PAYMENT_REQUIRED, "card_error", message).code(code)
    }

    /// 404: the path names no such object.
    pub(crate) fn no_such(object: &str, id: &str) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", format!("No such {object}: '{id}'"))
            .code("resource_missing")
            .param("id")
    }

    /// 400: a parameter names no such object.
    pub(crate) fn no_such_param(param: &str, object: &str, id: &str) -> ApiError {
        ApiError::invalid(format!("No such {object}: '{id}'")).code("resource_missing").param(param)
    }

    /// 400: a required parameter is missing.
    pub(crate) fn missing(param: &str) -> ApiError {
        ApiError::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
    }

    pub(crate) fn code(self, code: &str) -> ApiError {
        self.with("code", code.into())
    }

    pub(crate) fn param(self, param: &str) -> ApiError {
        self.with("param", param.into())
    }

    pub(crate) fn with(mut self, field: &str, value: Value) -> ApiError {
        self.error.insert(field.to_owned(), value);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The inner object, which `last_payment_error` also holds.
    pub(crate) fn fields(&self) -> Value {
        Value::Object(self.error.clone())
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.body())).into_response()
    }
}
