//! Stock, for operators.

use storefront_api::{AdjustStock, Page, ProductId, ReceiveStock, SetStock, SetThreshold, StockItem, StockQuery};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/stock`: a page of what is in the house.
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method.
    pub async fn stock(&self, query: &StockQuery) -> Result<Page<StockItem>, ClientError> {
        self.read(self.get(&["v1", "stock"], query), None).await
    }

    /// `GET /v1/stock/{product_id}`, as of a log position at least if one is given; `None` where there is no such product.
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

    /// `POST /v1/stock/{product_id}/receive`: goods came in.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it under the same key.
    pub async fn receive_stock(
        &self,
        product_id: &ProductId,
        receive: &ReceiveStock,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        self.post(&["v1", "stock", product_id.as_str(), "receive"], receive, key).await
    }

    /// `POST /v1/stock/{product_id}/adjust`: somebody counted, or something broke.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it under the same key.
    pub async fn adjust_stock(
        &self,
        product_id: &ProductId,
        adjust: &AdjustStock,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<StockItem>, ClientError> {
        self.post(&["v1", "stock", product_id.as_str(), "adjust"], adjust, key).await
    }

    /// `PUT /v1/stock/{product_id}`: so many were counted. Repeating is safe.
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

    /// `PUT /v1/stock/{product_id}/threshold`: runs low at or below this many available. Repeating is safe.
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
