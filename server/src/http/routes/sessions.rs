//! Sessions over HTTP: signing in and out, and the list of one's sessions.

use axum::Json;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use storefront_api::{
    self as api, CustomerId, Problem, Role, SessionId, SessionKind, SessionList, SessionsEnded, SignIn,
    SignedIn as Body, Timestamp, Token, text,
};
use storefront_domain::customer::{Customer, CustomerCommand, CustomerError, PasswordHash, Session};
use storefront_eventlog::Version;

use super::customers::CustomerChange;
use crate::http::command::{Command, EmptyCommand};
use crate::http::error::ApiError;
use crate::http::extract::{PathParams, header_text};
use crate::http::idempotency::{reply, respond_once, respond_once_completed};
use crate::http::principal::{AnySession, Renewing, SignedIn, session_invalid};
use crate::http::state::Shop;
use crate::identity::accounts;
use crate::identity::tokens::{self, Claims, SESSION_LIFE, TOKEN_LIFE};
use crate::store::aggregates::Store;
use crate::store::commands::{self, Context, Done, Failure, Reply};
use crate::store::streams;
use crate::{clock, random};

/// Maximum length of the name of a client in characters.
const MAX_USER_AGENT: usize = 200;

/// Sign in
///
/// Starts a session and gives its token, which is good for an hour. An unknown mail address, a wrong password and a
/// deactivated account are refused alike.
#[utoipa::path(
    post, path = "/v1/sessions", tag = "customers",
    request_body = SignIn,
    responses(
        (status = 201, description = "Signed in", body = Body),
        (status = 401, description = "`sign_in_refused`", body = Problem),
        (status = 503, description = "`sign_ins_busy`", body = Problem),
    )
)]
pub(crate) async fn sign_in(
    State(shop): State<Shop>,
    headers: HeaderMap,
    command: Command<SignIn>,
) -> Result<Response, ApiError> {
    let Command { body, context } = command.with_secrets(&shop);
    let passwords = &shop.identity.passwords;
    // Before the stored answer is looked up, so that a repeat needs the password of now too.
    let (id, password) = accounts::authenticate(&shop.store, passwords, &body.email, &body.password).await?;
    let work = async {
        let mut context = context.clone();
        context.cause.actor = format!("customer:{id}");
        start_session(&shop, id, password, &context, &headers).await
    };
    respond_with_token(&shop, &context, work).await
}

/// Begin as a guest
///
/// Starts the session of a guest, with an id of its own, under which the guest shops. What the guest buys can be seen with
/// this session alone; registering with its token makes the account of that id. Nothing is written: each request starts
/// another session, and an `Idempotency-Key` is not looked at. A guest's session ends 30 days after it was last renewed.
#[utoipa::path(
    post, path = "/v1/sessions/guest", tag = "customers",
    responses(
        (status = 201, description = "The session", body = Body),
    )
)]
pub(crate) async fn begin_as_guest(State(shop): State<Shop>) -> Response {
    let mut body = guest_session(SessionId(random::id()), CustomerId(random::id()));
    sign(&shop, &mut body);
    (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Renew a token
///
/// Gives a new token for the session of the one that is sent, which may have expired, but whose session has not ended.
#[utoipa::path(
    post, path = "/v1/sessions/renew", tag = "customers",
    responses(
        (status = 200, description = "Renewed", body = Body),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
    )
)]
pub(crate) async fn renew(
    State(shop): State<Shop>,
    Renewing(claims): Renewing,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let context = command.into_context();
    let id = claims.customer_id;
    let work = async {
        let reply = match claims.kind {
            SessionKind::Account => {
                let customer = accounts::load(&shop.store, id).await?;
                if !live(&customer).iter().any(|session| session.id == claims.session_id) {
                    return Err(session_invalid());
                }
                signed_in_reply(StatusCode::OK, id, &customer, claims.session_id)?
            }
            SessionKind::Guest => {
                if !guest_session_lives(&shop.store, &claims).await? {
                    return Err(session_invalid());
                }
                reply(StatusCode::OK, &guest_session(claims.session_id, id)).map_err(Failure::from)?
            }
        };
        Ok(commands::store_reply(&shop.store, &context, reply).await?)
    };
    respond_with_token(&shop, &context, work).await
}

/// List the own sessions
///
/// Those that have not ended, newest first.
#[utoipa::path(
    get, path = "/v1/sessions", tag = "customers",
    responses(
        (status = 200, description = "The sessions", body = SessionList),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
    )
)]
pub(crate) async fn list_sessions(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
) -> Result<Json<SessionList>, ApiError> {
    let customer = accounts::load(&shop.store, claims.customer_id).await?;
    let wire = |session: Session| api::Session {
        current: session.id == claims.session_id,
        id: session.id,
        started_at: session.started_at,
        expires_at: session.expires_at,
        user_agent: session.user_agent,
    };
    Ok(Json(SessionList { items: live(&customer).into_iter().rev().map(wire).collect() }))
}

/// Sign out
///
/// Ends the session of the request. Its tokens are refused from then on.
#[utoipa::path(
    delete, path = "/v1/sessions/current", tag = "customers",
    responses(
        (status = 200, description = "Ended", body = SessionsEnded),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`session_not_found`; `customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn sign_out(
    State(shop): State<Shop>,
    AnySession(claims): AnySession,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let session_id = claims.session_id;
    let end = match claims.kind {
        SessionKind::Account => CustomerCommand::EndSession { session_id },
        SessionKind::Guest => CustomerCommand::EndGuestSession { session_id },
    };
    end_sessions(&shop, &claims, &command.into_context(), end, 1).await
}

/// End the other sessions
///
/// Ends every session of the customer but that of the request.
#[utoipa::path(
    delete, path = "/v1/sessions/others", tag = "customers",
    responses(
        (status = 200, description = "Ended", body = SessionsEnded),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn end_others(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let customer = accounts::load(&shop.store, claims.customer_id).await?;
    let others = live(&customer).iter().filter(|session| session.id != claims.session_id).count();
    let end = CustomerCommand::EndOtherSessions { keep: claims.session_id };
    end_sessions(&shop, &claims, &command.into_context(), end, others).await
}

/// End a session
///
/// Ends one session of the customer who is signed in, such as that of a lost device.
#[utoipa::path(
    delete, path = "/v1/sessions/{id}", tag = "customers",
    params(("id" = SessionId, Path, description = "The session")),
    responses(
        (status = 200, description = "Ended", body = SessionsEnded),
        (status = 401, description = "`session_required`; `session_invalid`", body = Problem),
        (status = 404, description = "`session_not_found`; `customer_not_found`", body = Problem),
    )
)]
pub(crate) async fn end_session(
    State(shop): State<Shop>,
    SignedIn(claims): SignedIn,
    PathParams(session_id): PathParams<SessionId>,
    command: EmptyCommand,
) -> Result<Response, ApiError> {
    let end = CustomerCommand::EndSession { session_id };
    end_sessions(&shop, &claims, &command.into_context(), end, 1).await
}

async fn end_sessions(
    shop: &Shop,
    claims: &Claims,
    context: &Context,
    command: CustomerCommand,
    count: usize,
) -> Result<Response, ApiError> {
    let ended = u32::try_from(count).unwrap_or(u32::MAX);
    let change = CustomerChange::of(claims.customer_id, command);
    let work = change.append(shop, context, |_, _| Ok(reply(StatusCode::OK, &SessionsEnded { ended })?));
    respond_once(shop, context, work).await
}

async fn start_session(
    shop: &Shop,
    id: CustomerId,
    password: PasswordHash,
    context: &Context,
    headers: &HeaderMap,
) -> Result<Done, ApiError> {
    let now = clock::now();
    let session_id = SessionId(random::id());
    let session = Session {
        id: session_id,
        started_at: now,
        expires_at: Timestamp::from_unix_ms(now.unix_ms() + clock::as_ms(SESSION_LIFE)),
        user_agent: header_text(headers, &USER_AGENT).and_then(user_agent),
    };
    let reply = |customer: &Customer, _: Version| signed_in_reply(StatusCode::CREATED, id, customer, session_id);
    CustomerChange::of(id, CustomerCommand::StartSession { session, password }).append(shop, context, reply).await
}

/// The name of a client without invisible characters, cut to its maximum length.
fn user_agent(header: &str) -> Option<String> {
    let name: String = text::cleaned(header, false).chars().take(MAX_USER_AGENT).collect();
    Some(name).filter(|name| !name.trim().is_empty())
}

/// What is answered to a guest. The token is left out; see [`sign`].
fn guest_session(session_id: SessionId, id: CustomerId) -> Body {
    let after = |life| Timestamp::from_unix_ms(clock::now().unix_ms() + clock::as_ms(life));
    Body {
        token: Token(String::new()),
        expires_at: after(TOKEN_LIFE),
        session_id,
        session_expires_at: after(SESSION_LIFE),
        customer_id: id,
        kind: SessionKind::Guest,
        role: Role::Customer,
        must_change_password: false,
    }
}

/// Whether the session of a guest can be renewed. Its stream is empty until the session ends, also by registering.
async fn guest_session_lives(store: &Store, claims: &Claims) -> Result<bool, Failure> {
    let since_expiry_ms = clock::now().unix_ms() - claims.expires_at.unix_ms();
    if since_expiry_ms > clock::as_ms(SESSION_LIFE - TOKEN_LIFE) {
        return Ok(false);
    }
    Ok(store.read_stream(&streams::customer(claims.customer_id), Version(1), 1).await?.is_empty())
}

/// The sessions that live now, oldest first.
pub(super) fn live(customer: &Customer) -> Vec<Session> {
    match customer {
        Customer::Registered(registered) => registered.live_sessions(clock::now()).cloned().collect(),
        Customer::Unknown | Customer::Deleted | Customer::Erased => Vec::new(),
    }
}

/// The reply to who is signed in with a session. The token is left out, because replies are stored; see
/// [`respond_with_token`].
pub(super) fn signed_in_reply(
    status: StatusCode,
    id: CustomerId,
    customer: &Customer,
    session_id: SessionId,
) -> Result<Reply, Failure> {
    let session = live(customer).into_iter().find(|session| session.id == session_id);
    let session = session.ok_or(CustomerError::NoSuchSession)?;
    let account = accounts::account(customer).ok_or(CustomerError::NoAccount)?;
    let token_expires_at = Timestamp::from_unix_ms(clock::now().unix_ms() + clock::as_ms(TOKEN_LIFE));
    let body = Body {
        token: Token(String::new()),
        expires_at: token_expires_at.min(session.expires_at),
        session_id,
        session_expires_at: session.expires_at,
        customer_id: id,
        kind: SessionKind::Account,
        role: account.role,
        must_change_password: account.must_change,
    };
    Ok(reply(status, &body)?)
}

/// Responds once, with the token that the stored reply says what it is for. The same reply gives the same token.
pub(super) async fn respond_with_token(
    shop: &Shop,
    context: &Context,
    work: impl Future<Output = Result<Done, ApiError>>,
) -> Result<Response, ApiError> {
    respond_once_completed(shop, context, work, |stored| {
        let mut body: Body = serde_json::from_value(stored)?;
        sign(shop, &mut body);
        serde_json::to_value(body)
    })
    .await
}

/// Adds the token to an answer that says what it is for.
fn sign(shop: &Shop, body: &mut Body) {
    let claims = Claims {
        session_id: body.session_id,
        customer_id: body.customer_id,
        kind: body.kind,
        role: body.role,
        must_change_password: body.must_change_password,
        expires_at: body.expires_at,
    };
    body.token = Token(tokens::sign(&shop.identity.keys, &claims));
}

#[cfg(test)]
mod tests {
    use storefront_domain::customer::CustomerEvent;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{a_log, at_second, write};

    #[tokio::test]
    async fn the_session_of_a_guest_can_be_renewed_for_30_days_unless_it_has_ended() {
        let (store, session_id) = (a_log(), SessionId(Uuid::from_u128(1)));
        let expired = |days_ago: i64| Claims {
            session_id,
            customer_id: CustomerId(Uuid::from_u128(2)),
            kind: SessionKind::Guest,
            role: Role::Customer,
            must_change_password: false,
            expires_at: Timestamp::from_unix_ms(clock::now().unix_ms() - days_ago * 24 * 60 * 60 * 1000),
        };
        for (days_ago, lives) in [(-1, true), (0, true), (29, true), (30, false), (400, false)] {
            assert_eq!(guest_session_lives(&store, &expired(days_ago)).await.unwrap(), lives, "{days_ago} days ago");
        }
        let stream = streams::customer(expired(0).customer_id);
        write(&store, at_second(1), "test", stream, &[CustomerEvent::SessionEnded { session_id }]).await;
        assert!(!guest_session_lives(&store, &expired(0)).await.unwrap());
    }

    #[test]
    fn the_name_of_a_client_is_cut_and_has_no_invisible_characters() {
        assert_eq!(user_agent("curl/8.5").as_deref(), Some("curl/8.5"));
        assert_eq!(user_agent("  "), None);
        assert_eq!(user_agent(&"x".repeat(5000)).unwrap().len(), MAX_USER_AGENT);
        assert!(!user_agent("a\u{202e}b").unwrap().contains('\u{202e}'));
    }
}
