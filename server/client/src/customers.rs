//! Customers, their wallets and their vouchers.

use reqwest::Method;
use storefront_api::{
    Customer, CustomerId, Money, Movement, MovementsQuery, Page, RegisterCustomer, RegistrationAccepted, RevokeVoucher,
    SetLimit, TopUp, Voucher, VoucherCode, VoucherList, Wallet,
};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `POST /v1/customers`: registers a customer, for whom [`Client::of_customer`] then sends requests; not in secured mode, for
    /// which there is [`Client::register_account`].
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method. After `Unreachable`, repeat it with the same key.
    pub async fn register(
        &self,
        register: &RegisterCustomer,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Customer>, ClientError> {
        self.post(&["v1", "customers"], register, key).await
    }

    /// `POST /v1/customers` for an account, in secured mode too: there the response does not tell whether the address had an
    /// account before, and only who signs in with [`Client::sign_in`] has one.
    ///
    /// # Errors
    /// See [`Client::register`].
    pub async fn register_account(
        &self,
        register: &RegisterCustomer,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<RegistrationAccepted>, ClientError> {
        self.post(&["v1", "customers"], register, key).await
    }

    /// `PUT /v1/customers/{id}/limit`: sets the highest unit price that a customer may buy at; for operators.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_limit(&self, id: CustomerId, limit: Money) -> Result<WriteResponse<Customer>, ClientError> {
        let path = ["v1", "customers", &id.to_string(), "limit"];
        self.write(self.request(Method::PUT, &path).json(&SetLimit { spending_limit: limit })).await
    }

    /// `GET /v1/wallet`: the customer's wallet; `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`]; a guest's request is a problem with status 400.
    pub async fn wallet(&self) -> Result<Option<Wallet>, ClientError> {
        self.find(self.get(&["v1", "wallet"], &())).await
    }

    /// `GET /v1/wallet/movements`: one page, newest first.
    ///
    /// # Errors
    /// See [`Client::wallet`].
    pub async fn movements(&self, query: &MovementsQuery) -> Result<Page<Movement>, ClientError> {
        self.read(self.get(&["v1", "wallet", "movements"], query), None).await
    }

    /// `POST /v1/wallets/{customer}/top-ups`: adds money to a wallet; for operators.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::register`].
    pub async fn top_up(
        &self,
        customer: CustomerId,
        top_up: &TopUp,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Wallet>, ClientError> {
        self.post(&["v1", "wallets", &customer.to_string(), "top-ups"], top_up, key).await
    }

    /// `POST /v1/vouchers/{code}/revoke`: makes an unused voucher invalid; for operators. A repeat changes nothing.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::register`].
    pub async fn revoke_voucher(
        &self,
        code: &VoucherCode,
        revoke: &RevokeVoucher,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Voucher>, ClientError> {
        self.post(&["v1", "vouchers", code.as_str(), "revoke"], revoke, key).await
    }

    /// `GET /v1/vouchers`: the customer's vouchers, newest first.
    ///
    /// # Errors
    /// See [`Client::wallet`].
    pub async fn vouchers(&self) -> Result<VoucherList, ClientError> {
        self.vouchers_as_of(None).await
    }

    /// Like [`Client::vouchers`], with a minimum log position.
    ///
    /// # Errors
    /// See [`Client::wallet`].
    pub async fn vouchers_as_of(&self, min_position: Option<u64>) -> Result<VoucherList, ClientError> {
        let query = min_position.map(|position| [("min_position", position)]);
        self.read(self.get(&["v1", "vouchers"], &query), None).await
    }
}
