//! Requests about the API keys of programs; for operators.

use reqwest::Method;
use storefront_api::{ApiKey, ApiKeyId, ApiKeyList, CreateApiKey, CreatedApiKey};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `POST /v1/api-keys`: makes a key. The first answer alone has the key itself.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn create_api_key(
        &self,
        create: &CreateApiKey,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<CreatedApiKey>, ClientError> {
        self.post(&["v1", "api-keys"], create, key).await
    }

    /// `GET /v1/api-keys`: the keys that were not revoked, newest first.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn api_keys(&self) -> Result<ApiKeyList, ClientError> {
        self.read(self.get(&["v1", "api-keys"], &()), None).await
    }

    /// `DELETE /v1/api-keys/{id}`: revokes a key.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<WriteResponse<ApiKey>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "api-keys", &id.to_string()])).await
    }
}
