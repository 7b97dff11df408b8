//! The table of all error codes of the HTTP interface; `/openapi.json` lists it.
//!
//! A code never changes: clients depend on it. Details of a single failure do not belong here.

use axum::http::StatusCode;

/// Generates the enum of the codes with status and title from one table.
macro_rules! codes {
    ($($name:ident, $code:literal, $status:ident, $title:literal;)*) => {
        /// Identifies a kind of problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ErrorCode { $(#[doc = $title] $name,)* }

        impl ErrorCode {
            /// Every code, ordered by status.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code on the wire, `snake_case`.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Path of the page about the code: the `type` of its problems.
            pub(crate) fn page(self) -> String {
                format!("/problems/{}", self.text())
            }

            /// The HTTP status of the code.
            pub(crate) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The title of the problem, for people.
            pub(crate) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    InvalidHost, "invalid_host", BAD_REQUEST, "The request names no host, or several";
    InvalidPath, "invalid_path", BAD_REQUEST, "The path is malformed";
    InvalidQuery, "invalid_query", BAD_REQUEST, "The query is malformed";
    InvalidIfMatch, "invalid_if_match", BAD_REQUEST, "If-Match is malformed";
    InvalidIdempotencyKey, "invalid_idempotency_key", BAD_REQUEST, "The Idempotency-Key is malformed";
    IdempotencyKeyRequired, "idempotency_key_required", BAD_REQUEST, "An Idempotency-Key is missing";
    InvalidCustomer, "invalid_customer", BAD_REQUEST, "The Storefront-Customer is malformed";
    InvalidActor, "invalid_actor", BAD_REQUEST, "The Storefront-Actor is malformed";
    CustomerRequired, "customer_required", BAD_REQUEST, "A Storefront-Customer is missing";
    MalformedJson, "malformed_json", BAD_REQUEST, "The body is not JSON";
    IncompleteBody, "incomplete_body", BAD_REQUEST, "The body did not arrive whole";
    BadSignature, "bad_signature", BAD_REQUEST, "Not the gateway's news";
    SessionRequired, "session_required", UNAUTHORIZED, "A session is missing";
    SessionInvalid, "session_invalid", UNAUTHORIZED, "The session is over";
    ApiKeyInvalid, "api_key_invalid", UNAUTHORIZED, "The API key is not good";
    SignInRefused, "sign_in_refused", UNAUTHORIZED, "Nobody signs in like this";
    PasswordChangeRequired, "password_change_required", FORBIDDEN, "The password must be changed first";
    AccountRequired, "account_required", FORBIDDEN, "A guest cannot do this";
    ScopeMissing, "scope_missing", FORBIDDEN, "The API key is not for this";
    OperatorsOnly, "operators_only", FORBIDDEN, "Only operators may do this";
    ForeignHost, "foreign_host", FORBIDDEN, "The Host is not this server";
    ForeignOrigin, "foreign_origin", FORBIDDEN, "A page of another origin may not do this";
    RouteNotFound, "route_not_found", NOT_FOUND, "No such route";
    ProductNotFound, "product_not_found", NOT_FOUND, "No such product";
    PictureNotFound, "picture_not_found", NOT_FOUND, "The product has no picture";
    OrderNotFound, "order_not_found", NOT_FOUND, "No such order";
    LineNotFound, "line_not_found", NOT_FOUND, "The order has no such line";
    CustomerNotFound, "customer_not_found", NOT_FOUND, "No such customer";
    SessionNotFound, "session_not_found", NOT_FOUND, "No such session";
    AddressNotFound, "address_not_found", NOT_FOUND, "No such saved address";
    ApiKeyNotFound, "api_key_not_found", NOT_FOUND, "No such API key";
    WebhookEndpointNotFound, "webhook_endpoint_not_found", NOT_FOUND, "No such webhook endpoint";
    WalletNotFound, "wallet_not_found", NOT_FOUND, "No such wallet";
    VoucherNotFound, "voucher_not_found", NOT_FOUND, "No such voucher";
    InvoiceNotFound, "invoice_not_found", NOT_FOUND, "No such invoice";
    PaymentNotFound, "payment_not_found", NOT_FOUND, "No such payment";
    ChargeNotFound, "charge_not_found", NOT_FOUND, "No such charge";
    ViewNotFound, "view_not_found", NOT_FOUND, "No such view";
    VersionNotFound, "version_not_found", NOT_FOUND, "The order has no such version";
    ProcessNotFound, "process_not_found", NOT_FOUND, "No such process";
    SequenceNotParked, "sequence_not_parked", NOT_FOUND, "No such sequence is parked";
    LabDisabled, "lab_disabled", NOT_FOUND, "This shop has no lab";
    EventTypeNotFound, "event_type_not_found", NOT_FOUND, "No such type of event";
    ScenarioNotFound, "scenario_not_found", NOT_FOUND, "No such scenario";
    StubNotFound, "stub_not_found", NOT_FOUND, "No such stub";
    MethodNotAllowed, "method_not_allowed", METHOD_NOT_ALLOWED, "The method does not work here";
    NotAcceptable, "not_acceptable", NOT_ACCEPTABLE, "There is no such form of it";
    RequestInProgress, "request_in_progress", CONFLICT, "A request with this Idempotency-Key is running";
    OrderState, "order_state", CONFLICT, "The order's state forbids it";
    ProductWithdrawn, "product_withdrawn", CONFLICT, "The product is no longer sold";
    OutOfStock, "out_of_stock", CONFLICT, "Too few are left";
    TooManyPieces, "too_many_pieces", CONFLICT, "A line has at most 99 pieces";
    TooManyLines, "too_many_lines", CONFLICT, "A basket has at most 50 lines";
    WrongCurrency, "wrong_currency", CONFLICT, "The order is in another currency";
    TotalTooLarge, "total_too_large", CONFLICT, "The total is too large";
    BasketEmpty, "basket_empty", CONFLICT, "The basket is empty";
    ProductTaken, "product_taken", CONFLICT, "The product's id, SKU or name is taken";
    CategoryTaken, "category_taken", CONFLICT, "The category is there already";
    ProductServiceReadOnly, "product_service_read_only", CONFLICT, "The product service takes no changes";
    WithdrawalsState, "withdrawals_state", CONFLICT, "There are no such withdrawals to confirm";
    LinesNotBuyable, "lines_not_buyable", CONFLICT, "Some lines cannot be bought";
    TotalChanged, "total_changed", CONFLICT, "The total has changed";
    OverSpendingLimit, "over_spending_limit", CONFLICT, "The product costs more than the spending limit";
    VoucherNotUsable, "voucher_not_usable", CONFLICT, "The voucher cannot be used";
    NothingToRefund, "nothing_to_refund", CONFLICT, "There is nothing to give back";
    RefundTooLarge, "refund_too_large", CONFLICT, "Less is left of what was paid";
    ChargeInBooks, "charge_in_books", CONFLICT, "The charge belongs to a payment";
    CustomerExists, "customer_exists", CONFLICT, "There is such a customer already";
    OwnOperatorAccount, "own_operator_account", CONFLICT, "Operators keep their own account";
    EmailTaken, "email_taken", CONFLICT, "The mail address has an account already";
    TooManyAddresses, "too_many_addresses", CONFLICT, "There are too many saved addresses";
    TooManyApiKeys, "too_many_api_keys", CONFLICT, "There are too many API keys";
    TooManyWebhookEndpoints, "too_many_webhook_endpoints", CONFLICT, "There are too many webhook endpoints";
    BalanceTooLarge, "balance_too_large", CONFLICT, "The balance would be too large";
    StockState, "stock_state", CONFLICT, "The stock forbids it";
    ProcessNotPaused, "process_not_paused", CONFLICT, "The process is not paused";
    SequenceRetrying, "sequence_retrying", CONFLICT, "The sequence is being retried already";
    ScenarioRunning, "scenario_running", CONFLICT, "A scenario is being played";
    ResetRefused, "reset_refused", CONFLICT, "The shop cannot be started over";
    NothingToStep, "nothing_to_step", CONFLICT, "Nothing waits for a step";
    ScenarioPaused, "scenario_paused", CONFLICT, "What the scenario needs is paused";
    ViewNotPaused, "view_not_paused", CONFLICT, "The view is not paused";
    ViewShared, "view_shared", CONFLICT, "Other servers feed the view too";
    VersionMismatch, "version_mismatch", PRECONDITION_FAILED, "If-Match names another version";
    BodyTooLarge, "body_too_large", PAYLOAD_TOO_LARGE, "A body has at most 65,536 bytes";
    UnsupportedMediaType, "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "The body is not plain JSON";
    NotAPicture, "not_a_picture", UNSUPPORTED_MEDIA_TYPE, "The body is not a PNG";
    InvalidValues, "invalid_values", UNPROCESSABLE_ENTITY, "Some values are not allowed";
    UnknownCategory, "unknown_category", UNPROCESSABLE_ENTITY, "There is no such category";
    IdempotencyKeyReused, "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key names another request";
    TooManyRequests, "too_many_requests", TOO_MANY_REQUESTS, "The client sends too many requests";
    Internal, "internal", INTERNAL_SERVER_ERROR, "The shop made a mistake";
    UnreadableEvent, "unreadable_event", INTERNAL_SERVER_ERROR, "An event of the log cannot be read";
    LogUnavailable, "log_unavailable", SERVICE_UNAVAILABLE, "The event log does not do its work";
    ProductServiceUnavailable, "product_service_unavailable", SERVICE_UNAVAILABLE, "The product service does not answer";
    WebhookSecretMissing, "webhook_secret_missing", SERVICE_UNAVAILABLE, "The server has no webhook secret";
    CardGatewayUnavailable, "card_gateway_unavailable", SERVICE_UNAVAILABLE, "The card gateway does not answer";
    StubsUnreachable, "stubs_unreachable", SERVICE_UNAVAILABLE, "The stubs do not answer";
    ViewPaused, "view_paused", SERVICE_UNAVAILABLE, "The view is paused";
    ViewsBehind, "views_behind", SERVICE_UNAVAILABLE, "The lists have not come that far yet";
    TooManyConnections, "too_many_connections", SERVICE_UNAVAILABLE, "The server has too much to answer";
    ViewsUnavailable, "views_unavailable", SERVICE_UNAVAILABLE, "The lists cannot be read";
    SignInsBusy, "sign_ins_busy", SERVICE_UNAVAILABLE, "Too many people sign in at once";
    Busy, "busy", SERVICE_UNAVAILABLE, "The shop is busy";
    ShopClosed, "shop_closed", SERVICE_UNAVAILABLE, "The shop is being started over, or is closing";
    ShuttingDown, "shutting_down", SERVICE_UNAVAILABLE, "The shop is closing";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_written_alike_and_no_two_are_the_same() {
        for (at, code) in ErrorCode::ALL.iter().enumerate() {
            let text = code.text();
            assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
            assert!(!ErrorCode::ALL[..at].iter().any(|other| other.text() == text), "{text} stands there twice");
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{text}");
        }
    }

    #[test]
    fn the_limit_in_the_title_is_the_limit() {
        assert_eq!(crate::http::body::MAX_BODY_BYTES, 65_536);
    }
}
