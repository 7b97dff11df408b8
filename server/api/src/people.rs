//! Bodies of the routes for accounts and sessions: what is sent, and what is answered.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CustomerId, SessionId, Timestamp};

/// What somebody may do in the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys, and sees their own orders, documents and wallet.
    Customer,
    /// Keeps the shop, and sees and changes what belongs to anybody.
    Operator,
}

/// Whose a session is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Somebody with an account, who signed in.
    #[default]
    Account,
    /// Somebody without an account. The orders of the session come along when its owner registers.
    Guest,
}

/// A password in the clear. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = Password)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The token of a session; who has it is signed in. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The address and the password with which somebody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The mail address of the account.
    pub email: String,
    /// The password of the account.
    pub password: Password,
}

/// A token, and what it is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// Sent as `Authorization: Bearer TOKEN`.
    pub token: Token,
    /// The token is refused after this time; `POST /v1/sessions/renew` gives another one.
    pub expires_at: Timestamp,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    /// The session ends at this time, and can no longer be renewed.
    pub session_expires_at: Timestamp,
    /// The customer who is signed in. A guest has an id too, and keeps it on registering.
    pub customer_id: CustomerId,
    /// Whose the session is.
    #[serde(default)]
    pub kind: SessionKind,
    /// What the customer may do.
    pub role: Role,
    /// Whether the password must be changed before anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change_password: bool,
}

/// A session of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The id of the session.
    pub id: SessionId,
    /// Start of the session.
    pub started_at: Timestamp,
    /// The session ends at this time.
    pub expires_at: Timestamp,
    /// The name that the client gave itself at the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Whether the request that was answered belongs to this session.
    pub current: bool,
}

/// The sessions of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionList {
    /// The sessions that have not ended, newest first.
    pub items: Vec<Session>,
}

/// What a request that ends sessions has done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// Number of sessions that were ended; 0 when none was left.
    pub ended: u32,
}

/// That a one-time password is on its way to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasswordReset {
    /// The one-time password is refused from this time on.
    pub expires_at: Timestamp,
    /// Number of sessions that were ended.
    pub ended: u32,
}

/// Change the own profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProfile {
    /// The new name, 1 to 50 characters.
    #[schema(min_length = 1, max_length = 50)]
    pub name: String,
}

/// Change the own password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password of now.
    pub current_password: Password,
    /// The new password, 8 to 128 characters of any kind.
    #[schema(value_type = String, format = "password", min_length = 8, max_length = 128)]
    pub new_password: Password,
}

/// Delete the own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteAccount {
    /// The password of now.
    pub current_password: Password,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_output_shows_a_password_or_a_token() {
        let sign_in = SignIn { email: "ada@example.com".to_owned(), password: Password("tea at five".to_owned()) };
        let shown = format!("{sign_in:?} {:?}", Token("st1.secret".to_owned()));
        assert!(!shown.contains("tea") && !shown.contains("secret"), "{shown}");
    }
}
