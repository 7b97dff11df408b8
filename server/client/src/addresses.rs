//! The address book of who is signed in. All requests need a client with the token of an account.

use reqwest::Method;
use storefront_api::{AddressId, AddressList, SaveAddress, SavedAddress};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

const PATH: [&str; 4] = ["v1", "customers", "me", "addresses"];

impl Client {
    /// `GET /v1/customers/me/addresses`: the saved addresses.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn addresses(&self) -> Result<AddressList, ClientError> {
        self.read(self.get(&PATH, &()), None).await
    }

    /// `POST /v1/customers/me/addresses`: saves an address.
    ///
    /// # Errors
    /// See [`Client::addresses`].
    pub async fn add_address(
        &self,
        address: &SaveAddress,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SavedAddress>, ClientError> {
        self.post(&PATH, address, key).await
    }

    /// `PUT /v1/customers/me/addresses/{id}`: changes a saved address.
    ///
    /// # Errors
    /// See [`Client::addresses`].
    pub async fn change_address(
        &self,
        id: AddressId,
        address: &SaveAddress,
    ) -> Result<WriteResponse<SavedAddress>, ClientError> {
        let [v1, customers, me, addresses] = PATH;
        let path = [v1, customers, me, addresses, &id.to_string()];
        self.write(self.request(Method::PUT, &path).json(address)).await
    }

    /// `DELETE /v1/customers/me/addresses/{id}`: removes a saved address, and returns it.
    ///
    /// # Errors
    /// See [`Client::addresses`].
    pub async fn remove_address(&self, id: AddressId) -> Result<WriteResponse<SavedAddress>, ClientError> {
        let [v1, customers, me, addresses] = PATH;
        self.write(self.request(Method::DELETE, &[v1, customers, me, addresses, &id.to_string()])).await
    }

    /// `PUT /v1/customers/me/addresses/{id}/default`: makes a saved address the default one.
    ///
    /// # Errors
    /// See [`Client::addresses`].
    pub async fn set_default_address(&self, id: AddressId) -> Result<WriteResponse<SavedAddress>, ClientError> {
        let [v1, customers, me, addresses] = PATH;
        let path = [v1, customers, me, addresses, &id.to_string(), "default"];
        self.write(self.request(Method::PUT, &path).json(&serde_json::json!({}))).await
    }
}
