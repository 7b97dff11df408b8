//! Requests about accounts and sessions.
//!
//! All but signing in need a client with the token of a session.

use reqwest::Method;
use storefront_api::{
    ChangePassword, ChangeProfile, Customer, CustomerId, CustomerListQuery, CustomerSummary, DeleteAccount, Page,
    PasswordReset, SessionId, SessionList, SessionsEnded, SignIn, SignedIn,
};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `POST /v1/sessions`: signs in. Send its token with [`Client::with_token`].
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method. What is refused is a problem with status 401.
    pub async fn sign_in(
        &self,
        sign_in: &SignIn,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SignedIn>, ClientError> {
        self.post(&["v1", "sessions"], sign_in, key).await
    }

    /// `POST /v1/sessions/guest`: the session of a guest, who has no account. Needs no session.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn begin_as_guest(&self) -> Result<SignedIn, ClientError> {
        Ok(self.write(self.request(Method::POST, &["v1", "sessions", "guest"])).await?.value)
    }

    /// `POST /v1/sessions/renew`: another token for the session of this client's token, which may have expired.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn renew_session(&self, key: &IdempotencyKey) -> Result<WriteResponse<SignedIn>, ClientError> {
        self.post(&["v1", "sessions", "renew"], &serde_json::json!({}), key).await
    }

    /// `GET /v1/sessions`: the sessions of who is signed in.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn sessions(&self) -> Result<SessionList, ClientError> {
        self.read(self.get(&["v1", "sessions"], &()), None).await
    }

    /// `DELETE /v1/sessions/current`: signs out.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn sign_out(&self) -> Result<WriteResponse<SessionsEnded>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "sessions", "current"])).await
    }

    /// `DELETE /v1/sessions/{id}`: ends one of the own sessions.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn end_session(&self, id: SessionId) -> Result<WriteResponse<SessionsEnded>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "sessions", &id.to_string()])).await
    }

    /// `DELETE /v1/sessions/others`: ends the own sessions but this one.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn end_other_sessions(&self) -> Result<WriteResponse<SessionsEnded>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "sessions", "others"])).await
    }

    /// `GET /v1/customers/me`: who is signed in.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn me(&self) -> Result<Customer, ClientError> {
        self.read(self.get(&["v1", "customers", "me"], &()), None).await
    }

    /// `PATCH /v1/customers/me`: changes the own name.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn change_profile(&self, change: &ChangeProfile) -> Result<WriteResponse<Customer>, ClientError> {
        self.write(self.request(Method::PATCH, &["v1", "customers", "me"]).json(change)).await
    }

    /// `PUT /v1/customers/me/password`: changes the own password, and ends the other sessions.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn change_password(&self, change: &ChangePassword) -> Result<WriteResponse<SignedIn>, ClientError> {
        self.write(self.request(Method::PUT, &["v1", "customers", "me", "password"]).json(change)).await
    }

    /// `DELETE /v1/customers/me`: deletes the own account for good.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn delete_account(&self, delete: &DeleteAccount) -> Result<WriteResponse<SessionsEnded>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "customers", "me"]).json(delete)).await
    }

    /// `GET /v1/customers/{id}`: a customer, `None` if there is none; for operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn customer(&self, id: CustomerId) -> Result<Option<Customer>, ClientError> {
        self.find(self.get(&["v1", "customers", &id.to_string()], &())).await
    }

    /// `GET /v1/customers`: one page of the customers, the latest registration first; for operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn customers(&self, query: &CustomerListQuery) -> Result<Page<CustomerSummary>, ClientError> {
        self.read(self.get(&["v1", "customers"], query), None).await
    }

    /// `POST /v1/customers/{id}/deactivate`: ends every session of a customer, who can no longer sign in; for operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn deactivate(
        &self,
        id: CustomerId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Customer>, ClientError> {
        self.post(&["v1", "customers", &id.to_string(), "deactivate"], &serde_json::json!({}), key).await
    }

    /// `POST /v1/customers/{id}/one-time-password`: takes a customer's password away and has a one-time password mailed to them; for
    /// operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn reset_password(
        &self,
        id: CustomerId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<PasswordReset>, ClientError> {
        self.post(&["v1", "customers", &id.to_string(), "one-time-password"], &serde_json::json!({}), key).await
    }

    /// `POST /v1/customers/{id}/erase`: deletes a customer and makes unreadable who it was; for operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn erase(
        &self,
        id: CustomerId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SessionsEnded>, ClientError> {
        self.post(&["v1", "customers", &id.to_string(), "erase"], &serde_json::json!({}), key).await
    }

    /// `POST /v1/customers/{id}/reactivate`: a customer can sign in again; for operators.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn reactivate(
        &self,
        id: CustomerId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Customer>, ClientError> {
        self.post(&["v1", "customers", &id.to_string(), "reactivate"], &serde_json::json!({}), key).await
    }
}
