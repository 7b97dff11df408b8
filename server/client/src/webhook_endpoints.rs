//! Webhook endpoints.

use reqwest::Method;
use storefront_api::{
    ChangeWebhookEndpoint, CreateWebhookEndpoint, WebhookEndpoint, WebhookEndpointId, WebhookEndpointList,
    WebhookEndpointWithSecret,
};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `POST /v1/webhook-endpoints`: makes an endpoint. The first answer alone has the secret.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn create_webhook_endpoint(
        &self,
        create: &CreateWebhookEndpoint,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<WebhookEndpointWithSecret>, ClientError> {
        self.post(&["v1", "webhook-endpoints"], create, key).await
    }

    /// `GET /v1/webhook-endpoints`: all endpoints, newest first.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn webhook_endpoints(&self) -> Result<WebhookEndpointList, ClientError> {
        self.read(self.get(&["v1", "webhook-endpoints"], &()), None).await
    }

    /// `GET /v1/webhook-endpoints/{id}`: one endpoint.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn webhook_endpoint(&self, id: WebhookEndpointId) -> Result<WebhookEndpoint, ClientError> {
        self.read(self.get(&["v1", "webhook-endpoints", &id.to_string()], &()), None).await
    }

    /// `PATCH /v1/webhook-endpoints/{id}`: changes an endpoint. Repeating is safe.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn change_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        change: &ChangeWebhookEndpoint,
    ) -> Result<WriteResponse<WebhookEndpoint>, ClientError> {
        self.write(self.request(Method::PATCH, &["v1", "webhook-endpoints", &id.to_string()]).json(change)).await
    }

    /// `DELETE /v1/webhook-endpoints/{id}`: deletes an endpoint.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn delete_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
    ) -> Result<WriteResponse<WebhookEndpoint>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "webhook-endpoints", &id.to_string()])).await
    }

    /// `POST /v1/webhook-endpoints/{id}/secret/rotate`: another secret; the first answer alone has it.
    ///
    /// # Errors
    /// See [`Client::sign_in`].
    pub async fn rotate_webhook_secret(
        &self,
        id: WebhookEndpointId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<WebhookEndpointWithSecret>, ClientError> {
        self.post(&["v1", "webhook-endpoints", &id.to_string(), "secret", "rotate"], &(), key).await
    }
}
