//! Maps every failure to an RFC 9457 problem. The only place that assigns error codes to failures.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use storefront_api::{FieldError, Problem, ProductId};
use storefront_domain::api_key::{ApiKeyError, MAX_API_KEYS};
use storefront_domain::customer::CustomerError;
use storefront_domain::login::LoginError;
use storefront_domain::order::{LineProblem, OrderError};
use storefront_domain::payment::PaymentError;
use storefront_domain::process::ProcessError;
use storefront_domain::stock::StockError;
use storefront_domain::voucher::VoucherError;
use storefront_domain::wallet::WalletError;
use storefront_domain::webhook::{MAX_WEBHOOK_ENDPOINTS, WebhookError};
use storefront_eventlog::{AppendError, StoreCondition, StoreError};
use tracing::error;

use crate::http::error_code::ErrorCode;
use crate::http::request_id;
use crate::identity::accounts::SignInError;
use crate::identity::passwords::TooManyHashings;
use crate::store::aggregates::LoadError;
use crate::store::commands::Failure;
use crate::views::ViewStoreError;

/// A failed request, as the client sees it.
#[derive(Debug)]
pub(crate) struct ApiError(Box<Problem>);

impl ApiError {
    /// Creates a problem; `detail` says what is wrong in this case and what to do.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self(Box::new(Problem {
            kind: code.page(),
            instance: request_id::current().map(|id| format!("urn:storefront:request:{id}")),
            title: code.title().to_owned(),
            status: code.status().as_u16(),
            detail: detail.into(),
            code: code.text().to_owned(),
            ..Problem::default()
        }))
    }

    /// Whether the problem has this code.
    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.0.code == code.text()
    }

    /// A well-formed value that is not allowed.
    pub(crate) fn invalid(pointer: &str, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { pointer: pointer.to_owned(), detail: detail.into() }])
    }

    /// Several well-formed values that are not allowed.
    pub(crate) fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let details = errors.iter().map(|error| match error.pointer.as_str() {
            "" => error.detail.clone(),
            pointer => format!("{pointer}: {}", error.detail),
        });
        let detail = details.collect::<Vec<_>>().join("; ");
        let detail = format!("{}.", detail.trim_end_matches('.'));
        Self::new(ErrorCode::InvalidValues, detail).with(|problem| problem.errors = errors)
    }

    pub(crate) fn no_such_route(path: &str) -> Self {
        let detail = format!("There is nothing at {path}. GET /openapi.json lists what there is.");
        Self::new(ErrorCode::RouteNotFound, detail)
    }

    pub(crate) fn order_not_found() -> Self {
        Self::new(ErrorCode::OrderNotFound, "There is no order with this id.")
    }

    pub(crate) fn product_not_found(id: &ProductId) -> Self {
        Self::new(ErrorCode::ProductNotFound, format!("There is no product {id}."))
            .with(|problem| problem.product_ids = vec![id.clone()])
    }

    /// Nobody could be signed in; says the same whatever was wrong.
    pub(crate) fn sign_in_refused() -> Self {
        let detail = "There is no account with this mail address and this password that can be signed in to.";
        Self::new(ErrorCode::SignInRefused, detail)
    }

    /// The known prices are too old to sell at.
    pub(crate) fn prices_unknown() -> Self {
        Self::new(
            ErrorCode::ProductServiceUnavailable,
            "The product service has not answered for a while, so prices may be out of date. Try again shortly.",
        )
    }

    /// The log is temporarily unavailable.
    pub(crate) fn log_unavailable(condition: StoreCondition) -> Self {
        let detail = format!(
            "The event log cannot be used: {condition}. Try again shortly; a command under its Idempotency-Key takes effect once."
        );
        Self::new(ErrorCode::LogUnavailable, detail)
    }

    pub(crate) fn internal() -> Self {
        let detail = "The shop made a mistake. Try again; the request id finds it in the shop's own log.";
        Self::new(ErrorCode::Internal, detail)
    }

    #[cfg(test)]
    pub(crate) fn into_problem(self) -> Problem {
        *self.0
    }

    /// Sets further fields of the problem.
    pub(crate) fn with(mut self, add: impl FnOnce(&mut Problem)) -> Self {
        add(&mut self.0);
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Order(refusal) => refusal.into(),
            Failure::Stock(refusal) => refusal.into(),
            Failure::Payment(refusal) => refusal.into(),
            Failure::Process(refusal) => refusal.into(),
            Failure::Wallet(refusal) => refusal.into(),
            Failure::Voucher(refusal) => refusal.into(),
            Failure::Customer(refusal) => refusal.into(),
            Failure::Login(LoginError::Taken) => Self::new(
                ErrorCode::EmailTaken,
                "There is an account with this mail address already. Sign in: POST /v1/sessions.",
            ),
            Failure::ApiKey(ApiKeyError::NotFound) => {
                Self::new(ErrorCode::ApiKeyNotFound, "There is no such API key. GET /v1/api-keys lists those that are.")
            }
            Failure::ApiKey(ApiKeyError::TooMany) => Self::new(
                ErrorCode::TooManyApiKeys,
                format!("There are {MAX_API_KEYS} API keys. Revoke one first: DELETE /v1/api-keys/{{id}}."),
            ),
            Failure::Webhook(WebhookError::NotFound) => Self::new(
                ErrorCode::WebhookEndpointNotFound,
                "There is no such webhook endpoint. GET /v1/webhook-endpoints lists those that are.",
            ),
            Failure::Webhook(WebhookError::TooMany) => Self::new(
                ErrorCode::TooManyWebhookEndpoints,
                format!(
                    "There are {MAX_WEBHOOK_ENDPOINTS} webhook endpoints. Delete one first: DELETE /v1/webhook-endpoints/{{id}}."
                ),
            ),
            Failure::VersionMismatch { current } => Self::new(
                ErrorCode::VersionMismatch,
                format!("If-Match names another version; the current one is {current}. Read again, then decide."),
            )
            .with(|problem| problem.current_version = Some(current)),
            Failure::KeyReused => Self::new(
                ErrorCode::IdempotencyKeyReused,
                "The Idempotency-Key was used for a request with another route or body. Make a new key.",
            ),
            Failure::Busy | Failure::Append(AppendError::Busy) => {
                Self::new(ErrorCode::Busy, "Nothing was changed. Try again shortly.")
            }
            Failure::Load(LoadError::Store(StoreError::Closed))
            | Failure::Append(AppendError::Store(StoreError::Closed)) => {
                Self::new(ErrorCode::ShuttingDown, "Nothing was changed. Try again when the shop is open again.")
            }
            Failure::Load(LoadError::Store(failure)) | Failure::Append(AppendError::Store(failure)) => {
                error!(error = %failure, "a request failed");
                Self::log_unavailable(failure.condition())
            }
            Failure::ViewsUnavailable(failure) => {
                error!(error = %failure, "a request failed");
                Self::new(ErrorCode::ViewsUnavailable, "The database of the lists does not answer. Try again shortly.")
            }
            Failure::Load(LoadError::Codec { position, source }) => {
                error!(position, error = %source, "a request failed");
                Self::new(ErrorCode::UnreadableEvent, format!("Event {position} cannot be read: {source}."))
            }
            failure @ (Failure::Append(
                AppendError::Conflict { .. }
                | AppendError::AlreadyAnswered { .. }
                | AppendError::DuplicateEvent(_)
                | AppendError::Fenced { .. }
                | AppendError::TimerGone { .. }
                | AppendError::Invalid(_),
            )
            | Failure::ViewsUnreadable(_)
            | Failure::Json(_)
            | Failure::Invoice(_)
            | Failure::Withdrawals(_)
            | Failure::Email(_)) => {
                error!(error = %failure, "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<SignInError> for ApiError {
    fn from(failure: SignInError) -> Self {
        match failure {
            SignInError::Refused => Self::sign_in_refused(),
            SignInError::TooManyHashings(full) => full.into(),
            SignInError::Failure(failure) => failure.into(),
        }
    }
}

impl From<TooManyHashings> for ApiError {
    fn from(_: TooManyHashings) -> Self {
        Self::new(ErrorCode::SignInsBusy, "As many people sign in or register as can at once. Try again shortly.")
    }
}

impl From<ViewStoreError> for ApiError {
    fn from(failure: ViewStoreError) -> Self {
        Failure::from(failure).into()
    }
}

impl From<OrderError> for ApiError {
    fn from(refusal: OrderError) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            OrderError::NotFound => Self::order_not_found(),
            OrderError::WrongState { .. } => Self::new(ErrorCode::OrderState, detail),
            OrderError::NoSuchLine(product_id) => {
                Self::new(ErrorCode::LineNotFound, detail).with(|problem| problem.product_ids = vec![product_id])
            }
            OrderError::TooManyPieces { .. } => Self::new(ErrorCode::TooManyPieces, detail),
            OrderError::TooManyLines => Self::new(ErrorCode::TooManyLines, detail),
            OrderError::NotAvailable { product_id, .. } => {
                Self::new(ErrorCode::OutOfStock, detail).with(|problem| problem.product_ids = vec![product_id])
            }
            OrderError::OverSpendingLimit { product_id, .. } => {
                Self::new(ErrorCode::OverSpendingLimit, detail).with(|problem| problem.product_ids = vec![product_id])
            }
            OrderError::WrongCurrency => Self::new(ErrorCode::WrongCurrency, detail),
            OrderError::TotalTooLarge => Self::new(ErrorCode::TotalTooLarge, detail),
            OrderError::Empty => Self::new(ErrorCode::BasketEmpty, detail),
            OrderError::LinesNotBuyable(lines) => lines_not_buyable(&lines),
            OrderError::TotalChanged { new_total } => {
                Self::new(ErrorCode::TotalChanged, detail).with(|problem| problem.new_total = Some(new_total))
            }
        }
    }
}

impl From<StockError> for ApiError {
    fn from(refusal: StockError) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            StockError::OutOfRange => Self::new(ErrorCode::InvalidValues, detail),
            StockError::NotAvailable { .. } | StockError::NotReserved | StockError::BelowReserved { .. } => {
                Self::new(ErrorCode::StockState, detail)
            }
        }
    }
}

impl From<PaymentError> for ApiError {
    fn from(refusal: PaymentError) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            PaymentError::NothingToRefund => Self::new(ErrorCode::NothingToRefund, detail),
            PaymentError::RefundDoesNotFit { .. } => Self::new(ErrorCode::RefundTooLarge, detail),
            // Only processes record outcomes of payments, no request does.
            PaymentError::NotFound
            | PaymentError::NotPaid
            | PaymentError::OtherOutcome
            | PaymentError::OtherIntent { .. }
            | PaymentError::NoRefundRequested => {
                error!(error = %refusal, "a request failed");
                Self::internal()
            }
        }
    }
}

impl From<WalletError> for ApiError {
    fn from(refusal: WalletError) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            WalletError::NotFound => Self::new(ErrorCode::WalletNotFound, "There is no wallet of this customer."),
            WalletError::BadAmount => Self::invalid("/amount", "must be more than nothing, in the shop's currency"),
            WalletError::BalanceTooLarge => Self::new(ErrorCode::BalanceTooLarge, detail),
            // Only processes charge or credit wallets, no request does.
            WalletError::TooLittle { .. } | WalletError::MoreThanPaid => Self::internal(),
        }
    }
}

impl From<VoucherError> for ApiError {
    fn from(refusal: VoucherError) -> Self {
        let detail = sentence(&refusal);
        match refusal {
            VoucherError::NotFound => Self::new(
                ErrorCode::VoucherNotFound,
                "There is no voucher with this code for this order. Check the code.",
            ),
            VoucherError::InUse | VoucherError::Used | VoucherError::Revoked | VoucherError::NotReserved => {
                Self::new(ErrorCode::VoucherNotUsable, detail)
            }
            // Only processes issue vouchers, no request does.
            VoucherError::CodeTaken | VoucherError::BadAmount => Self::internal(),
        }
    }
}

impl From<CustomerError> for ApiError {
    fn from(refusal: CustomerError) -> Self {
        match refusal {
            CustomerError::NotFound => {
                Self::new(ErrorCode::CustomerNotFound, "There is no such customer. Register first: POST /v1/customers.")
            }
            CustomerError::Exists => Self::new(ErrorCode::CustomerExists, sentence(&refusal)),
            CustomerError::BadLimit => Self::invalid("/spending_limit", "must not be negative"),
            CustomerError::NoAccount => Self::new(
                ErrorCode::CustomerNotFound,
                "The customer has no account. Register with email, password and name: POST /v1/customers.",
            ),
            CustomerError::Deactivated | CustomerError::PasswordChanged => Self::sign_in_refused(),
            CustomerError::NotThePassword => Self::invalid("/current_password", "is not the password"),
            CustomerError::NoSuchSession => Self::new(
                ErrorCode::SessionNotFound,
                "There is no such session. GET /v1/sessions lists those that are.",
            ),
            CustomerError::NoSuchAddress => Self::new(
                ErrorCode::AddressNotFound,
                "There is no such saved address. GET /v1/customers/me/addresses lists those that are.",
            ),
            CustomerError::TooManyAddresses => Self::new(
                ErrorCode::TooManyAddresses,
                format!("{} Remove one first: DELETE /v1/customers/me/addresses/{{id}}.", sentence(&refusal)),
            ),
        }
    }
}

impl From<ProcessError> for ApiError {
    fn from(refusal: ProcessError) -> Self {
        match refusal {
            ProcessError::NotParked => Self::new(
                ErrorCode::SequenceNotParked,
                "No such sequence is parked. GET /v1/processes/{name}/parked lists those that are.",
            ),
            ProcessError::RetriedAlready => Self::new(
                ErrorCode::SequenceRetrying,
                "The sequence was retried or skipped and is catching up. Look again shortly.",
            ),
            ProcessError::NotPaused => {
                Self::new(ErrorCode::ProcessNotPaused, "Only a paused process is led step by step. Pause it first.")
            }
            ProcessError::TooManyParked => {
                error!(error = %refusal, "a request failed");
                Self::internal()
            }
        }
    }
}

/// Builds the problem that names every line that cannot be bought.
fn lines_not_buyable(lines: &[LineProblem]) -> ApiError {
    let (ids, details): (Vec<ProductId>, Vec<String>) = lines
        .iter()
        .map(|line| match line {
            LineProblem::Withdrawn { product_id } => (product_id.clone(), format!("no longer sold: {product_id}")),
            LineProblem::NotAvailable { product_id, available: 0, .. } => {
                (product_id.clone(), format!("sold out: {product_id}"))
            }
            LineProblem::NotAvailable { product_id, wanted, available } => {
                (product_id.clone(), format!("only {available} left, not {wanted}: {product_id}"))
            }
            LineProblem::OverSpendingLimit { product_id, limit } => {
                (product_id.clone(), format!("over the spending limit of {limit}: {product_id}"))
            }
        })
        .unzip();
    let errors = ids.iter().zip(&details);
    let errors = errors.map(|(id, detail)| FieldError { pointer: format!("/items/{id}"), detail: detail.clone() });
    let errors = errors.collect();
    ApiError::new(
        ErrorCode::LinesNotBuyable,
        format!("{} Change or remove these lines.", sentence(&details.join("; "))),
    )
    .with(|problem| {
        problem.product_ids = ids;
        problem.errors = errors;
    })
}

/// Returns an error's text as a sentence: capitalized, with a full stop.
pub(crate) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
