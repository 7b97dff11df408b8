//! Products, pictures and categories.

use storefront_api::{CategoryList, Page, Product, ProductId, ProductQuery};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/products`: one page of what the shop sells.
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method.
    pub async fn products(&self, query: &ProductQuery) -> Result<Page<Product>, ClientError> {
        self.read(self.get(&["v1", "products"], query), None).await
    }

    /// `GET /v1/products/{id}`; `None` where there is no such product.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn product(&self, id: &ProductId) -> Result<Option<Product>, ClientError> {
        self.find(self.get(&["v1", "products", id.as_str()], &())).await
    }

    /// `GET /v1/products/{id}/picture`: a PNG; `None` where there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn picture(&self, id: &ProductId) -> Result<Option<Vec<u8>>, ClientError> {
        let request = self.get(&["v1", "products", id.as_str(), "picture"], &());
        let answer = self.send(request, None).await?;
        Ok(self.found(answer)?.map(|answer| answer.body))
    }

    /// `GET /v1/categories`: the shelves of the shop.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn categories(&self) -> Result<CategoryList, ClientError> {
        self.read(self.get(&["v1", "categories"], &()), None).await
    }
}
