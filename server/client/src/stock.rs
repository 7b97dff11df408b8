//! Stock, for operators.

use storefront_api::{AdjustStock, Page, ProductId, ReceiveStock, SetStock, SetThreshold, StockItem, StockQuery};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/stock`: a page of the stock.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn stock(&self, query: &StockQuery) -> Result<Page<StockItem>, ClientError> {
        self.read(self.get(&["v1", "stock"], query), None).await
    }

    /// `GET /v1/stock/{product_id}`, with an optional minimum log position; `None` if there is no such product.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn stock_of(
        &self,
        product_id: &ProductId,
        min_position: Option<u64>,
    ) -> Result<Option<StockItem>, ClientError> {
        self.find(self.get(&["v1", "stock", product_id.as_str()], &[("min_position", min_position)])).await
    }

    /// `POST /v1/stock/{product_id}/receive`: adds received goods.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it with the same key.
    pub async fn receive_stock(
        &self,
        product_id: &ProductId,
        receive: &ReceiveStock,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        self.post(&["v1", "stock", product_id.as_str(), "receive"], receive, key).await
    }

    /// `POST /v1/stock/{product_id}/adjust`: corrects the number on hand by a difference.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it with the same key.
    pub async fn adjust_stock(
        &self,
        product_id: &ProductId,
        adjust: &AdjustStock,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        self.post(&["v1", "stock", product_id.as_str(), "adjust"], adjust, key).await
    }

    /// `PUT /v1/stock/{product_id}`: sets the counted number on hand. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_stock(
        &self,
        product_id: &ProductId,
        set: &SetStock,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        self.write(self.request(reqwest::Method::PUT, &["v1", "stock", product_id.as_str()]).json(set)).await
    }

    /// `PUT /v1/stock/{product_id}/threshold`: sets the threshold for low stock. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn set_threshold(
        &self,
        product_id: &ProductId,
        threshold: u32,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        let path = ["v1", "stock", product_id.as_str(), "threshold"];
        self.write(self.request(reqwest::Method::PUT, &path).json(&SetThreshold { threshold })).await
    }
}
