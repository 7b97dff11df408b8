//! Products, pictures and categories.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use storefront_api::{
    Category, CategoryList, ChangeProduct, ConfirmedWithdrawals, IDEMPOTENCY_KEY_HEADER, NewCategory, NewProduct,
    OneProductQuery, Product, ProductId, ProductPage, ProductQuery, ProductServiceState, RepriceProduct,
};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/products`: a page of the products for sale.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn products(&self, query: &ProductQuery) -> Result<ProductPage, ClientError> {
        self.read(self.get(&["v1", "products"], query), None).await
    }

    /// `GET /v1/products/{id}`; `None` if there is no such product.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn product(&self, id: &ProductId) -> Result<Option<Product>, ClientError> {
        self.product_with_query(id, &OneProductQuery::default()).await
    }

    /// Like [`Client::product`], with an order to take into account, or a minimum log position.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn product_with_query(
        &self,
        id: &ProductId,
        query: &OneProductQuery,
    ) -> Result<Option<Product>, ClientError> {
        self.find(self.get(&["v1", "products", id.as_str()], query)).await
    }

    /// `GET /v1/products/{id}/picture`: a PNG; `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn picture(&self, id: &ProductId) -> Result<Option<Vec<u8>>, ClientError> {
        let request = self.get(&["v1", "products", id.as_str(), "picture"], &());
        let response = self.send(request, None).await?;
        Ok(self.success_or_not_found(response)?.map(|response| response.body))
    }

    /// `GET /v1/categories`: all categories.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn categories(&self) -> Result<CategoryList, ClientError> {
        self.read(self.get(&["v1", "categories"], &()), None).await
    }

    /// `POST /v1/categories`: creates a category.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable` or a 503, repeat it with the same key. This applies to every POST.
    pub async fn create_category(
        &self,
        category: &NewCategory,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Category>, ClientError> {
        self.post(&["v1", "categories"], category, key).await
    }

    /// `POST /v1/products`: creates a product.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn create_product(
        &self,
        product: &NewProduct,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Product>, ClientError> {
        self.post(&["v1", "products"], product, key).await
    }

    /// `PATCH /v1/products/{id}`: changes the description of a product. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change_product(
        &self,
        id: &ProductId,
        change: &ChangeProduct,
    ) -> Result<WriteResponse<Product>, ClientError> {
        self.write(self.request(Method::PATCH, &["v1", "products", id.as_str()]).json(change)).await
    }

    /// `POST /v1/products/{id}/reprice`: sets the price, with a reason.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn reprice_product(
        &self,
        id: &ProductId,
        reprice: &RepriceProduct,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Product>, ClientError> {
        self.post(&["v1", "products", id.as_str(), "reprice"], reprice, key).await
    }

    /// `POST /v1/products/{id}/withdraw`: withdraws a product from sale.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn withdraw_product(
        &self,
        id: &ProductId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Product>, ClientError> {
        self.write(self.post_without_body(&["v1", "products", id.as_str(), "withdraw"], key)).await
    }

    /// `POST /v1/products/{id}/relist`: puts a withdrawn product on sale again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn relist_product(
        &self,
        id: &ProductId,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Product>, ClientError> {
        self.write(self.post_without_body(&["v1", "products", id.as_str(), "relist"], key)).await
    }

    /// `PUT /v1/products/{id}/picture`: sets the picture, a PNG of at most 64 KiB and 256 × 256 pixels. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_picture(&self, id: &ProductId, png: Vec<u8>) -> Result<WriteResponse<Product>, ClientError> {
        let request = self.request(Method::PUT, &["v1", "products", id.as_str(), "picture"]);
        self.write(request.header(CONTENT_TYPE, "image/png").body(png)).await
    }

    /// `DELETE /v1/products/{id}/picture`: removes the picture. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn remove_picture(&self, id: &ProductId) -> Result<WriteResponse<Product>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "products", id.as_str(), "picture"])).await
    }

    fn post_without_body(&self, path: &[&str], key: &IdempotencyKey) -> reqwest::RequestBuilder {
        self.request(Method::POST, path).header(IDEMPOTENCY_KEY_HEADER, key.as_str())
    }

    /// `GET /v1/product-service`: faults of the product service, and withdrawals that wait for a confirmation.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn product_service(&self) -> Result<ProductServiceState, ClientError> {
        self.read(self.get(&["v1", "product-service"], &()), None).await
    }

    /// `POST /v1/product-service/withdrawals/confirm`: withdraws what the product service no longer lists.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn confirm_withdrawals(
        &self,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ConfirmedWithdrawals>, ClientError> {
        self.write(self.post_without_body(&["v1", "product-service", "withdrawals", "confirm"], key)).await
    }
}
