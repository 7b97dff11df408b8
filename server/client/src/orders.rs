//! Orders with their baskets, payments, invoices and timelines.

use reqwest::header::IF_NONE_MATCH;
use reqwest::{Method, StatusCode};
use storefront_api::{
    AddItem, ApplyVoucher, Cancel, ChangeEmail, ChangeQuantity, Checkout, Deliver, DiffQuery, DocumentSummary, Invoice,
    InvoiceListQuery, Order, OrderDiff, OrderId, OrderListQuery, OrderLookupQuery, OrderQuery, OrderSummary, Page,
    Payment, PaymentId, ProductId, RefundOrder, Ship, Timeline, TimelineQuery, Voucher, VoucherCode,
};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/orders/{id}`; `None` before its first item.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn order(&self, id: OrderId) -> Result<Option<Order>, ClientError> {
        self.order_with_query(id, &OrderQuery::default()).await
    }

    /// `GET /v1/orders/{id}?version=N`: the order at a version; `None` if there is no such version.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn order_at_version(&self, id: OrderId, version: u64) -> Result<Option<Order>, ClientError> {
        self.order_with_query(id, &OrderQuery { version: Some(version), ..OrderQuery::default() }).await
    }

    /// `GET /v1/orders/{id}` as a long poll: waits up to `wait_seconds` (0 to 30) until the order has another version than
    /// the known one; `None` if it has not.
    ///
    /// # Errors
    /// See [`ClientError`]; an unknown order is a problem with status 404.
    pub async fn order_after_version(
        &self,
        id: OrderId,
        known_version: u64,
        wait_seconds: u32,
    ) -> Result<Option<Order>, ClientError> {
        let query = OrderQuery { wait: Some(wait_seconds), ..OrderQuery::default() };
        let request =
            self.get(&["v1", "orders", &id.to_string()], &query).header(IF_NONE_MATCH, format!("\"{known_version}\""));
        let response = self.send(request, Some(wait_seconds)).await?;
        if response.status == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        self.success(response).and_then(|response| self.json(&response)).map(Some)
    }

    /// `GET /v1/orders/{id}/diff`: the changes between two versions or times of an order, and the order at the later one.
    ///
    /// # Errors
    /// See [`ClientError`]; an unknown order or version is a problem with status 404.
    pub async fn order_diff(&self, id: OrderId, query: &DiffQuery) -> Result<OrderDiff, ClientError> {
        self.read(self.get(&["v1", "orders", &id.to_string(), "diff"], query), None).await
    }

    /// `GET /v1/orders/{id}/diagram`: the order's timeline as Markdown with a Mermaid sequence diagram.
    ///
    /// # Errors
    /// See [`ClientError`]; an unknown order is a problem with status 404.
    pub async fn order_diagram(&self, id: OrderId) -> Result<String, ClientError> {
        let response = self.send(self.get(&["v1", "orders", &id.to_string(), "diagram"], &()), None).await?;
        self.success(response).and_then(|response| self.text(response))
    }

    /// `GET /v1/orders`: a page, newest first.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn orders(&self, query: &OrderListQuery) -> Result<Page<OrderSummary>, ClientError> {
        self.read(self.get(&["v1", "orders"], query), None).await
    }

    /// `GET /v1/orders/lookup`: the order with a number and a mail address; `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn look_up_order(&self, query: &OrderLookupQuery) -> Result<Option<Order>, ClientError> {
        self.find(self.get(&["v1", "orders", "lookup"], query)).await
    }

    /// `POST /v1/orders/{id}/items`: adds an item to the basket; the first item starts the order.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it with the same key. This applies to every method with a key.
    pub async fn add_item(
        &self,
        id: OrderId,
        item: &AddItem,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "items"], item, key).await
    }

    /// `PUT /v1/orders/{id}/items/{product_id}`: sets the quantity of a line, 1 to 99. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change_quantity(
        &self,
        id: OrderId,
        product_id: &ProductId,
        quantity: u32,
    ) -> Result<WriteResponse<Order>, ClientError> {
        let path = ["v1", "orders", &id.to_string(), "items", product_id.as_str()];
        self.write(self.request(Method::PUT, &path).json(&ChangeQuantity { quantity })).await
    }

    /// `DELETE /v1/orders/{id}/items/{product_id}`: removes a line from the basket.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn remove_item(&self, id: OrderId, product_id: &ProductId) -> Result<WriteResponse<Order>, ClientError> {
        let path = ["v1", "orders", &id.to_string(), "items", product_id.as_str()];
        self.write(self.request(Method::DELETE, &path)).await
    }

    /// `DELETE /v1/orders/{id}/items`: empties the basket.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn clear(&self, id: OrderId) -> Result<WriteResponse<Order>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "orders", &id.to_string(), "items"])).await
    }

    /// `PUT /v1/orders/{id}/voucher`: uses a voucher, in place of an earlier one. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn apply_voucher(&self, id: OrderId, code: &VoucherCode) -> Result<WriteResponse<Order>, ClientError> {
        let body = ApplyVoucher { code: code.clone() };
        self.write(self.request(Method::PUT, &["v1", "orders", &id.to_string(), "voucher"]).json(&body)).await
    }

    /// `DELETE /v1/orders/{id}/voucher`: uses no voucher. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn remove_voucher(&self, id: OrderId) -> Result<WriteResponse<Order>, ClientError> {
        self.write(self.request(Method::DELETE, &["v1", "orders", &id.to_string(), "voucher"])).await
    }

    /// `GET /v1/orders/{id}/voucher-issued`: the voucher that was issued for the order; `None` if there is none (yet).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn voucher_issued(&self, id: OrderId) -> Result<Option<Voucher>, ClientError> {
        self.find(self.get(&["v1", "orders", &id.to_string(), "voucher-issued"], &())).await
    }

    /// `POST /v1/orders/{id}/checkout`: buys the basket. The response is the order as `checked_out`; its timeline shows
    /// the progress of the checkout.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::add_item`].
    pub async fn checkout(
        &self,
        id: OrderId,
        checkout: &Checkout,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "checkout"], checkout, key).await
    }

    /// `POST /v1/orders/{id}/cancel`: cancels the order.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::add_item`].
    pub async fn cancel(
        &self,
        id: OrderId,
        cancel: &Cancel,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "cancel"], cancel, key).await
    }

    /// `POST /v1/orders/{id}/refunds`: refunds a part of the payment, or what is left of it.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::add_item`].
    pub async fn refund(
        &self,
        id: OrderId,
        refund: &RefundOrder,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "refunds"], refund, key).await
    }

    /// `GET /v1/payments/{id}`: a payment with its refunds; `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn payment(&self, id: PaymentId) -> Result<Option<Payment>, ClientError> {
        self.find(self.get(&["v1", "payments", &id.to_string()], &())).await
    }

    /// `GET /v1/invoices`: a page of invoices and credit notes, newest first: of the customer, or of all customers without
    /// one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn invoices(&self, query: &InvoiceListQuery) -> Result<Page<DocumentSummary>, ClientError> {
        self.read(self.get(&["v1", "invoices"], query), None).await
    }

    /// `GET /v1/invoices/{number}`: an invoice with its credit notes; `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn invoice(&self, number: &str) -> Result<Option<Invoice>, ClientError> {
        self.find(self.get(&["v1", "invoices", number], &())).await
    }

    /// `PUT /v1/orders/{id}/email`: corrects the address for mail about the order, and sends parked mail again.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn change_email(&self, id: OrderId, change: &ChangeEmail) -> Result<WriteResponse<Order>, ClientError> {
        self.write(self.request(Method::PUT, &["v1", "orders", &id.to_string(), "email"]).json(change)).await
    }

    /// `POST /v1/orders/{id}/ship`: records the shipment.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::add_item`].
    pub async fn ship(
        &self,
        id: OrderId,
        ship: &Ship,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "ship"], ship, key).await
    }

    /// `POST /v1/orders/{id}/deliver`: records the delivery.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::add_item`].
    pub async fn deliver(
        &self,
        id: OrderId,
        deliver: &Deliver,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Order>, ClientError> {
        self.post(&["v1", "orders", &id.to_string(), "deliver"], deliver, key).await
    }

    /// `GET /v1/orders/{id}/timeline`: the events about the order after a position, and the stage of its checkout.
    /// Waits up to `wait` seconds for an event.
    ///
    /// # Errors
    /// See [`ClientError`]; an unknown order is a problem with status 404.
    pub async fn timeline(&self, id: OrderId, query: &TimelineQuery) -> Result<Timeline, ClientError> {
        self.read(self.get(&["v1", "orders", &id.to_string(), "timeline"], query), query.wait).await
    }

    async fn order_with_query(&self, id: OrderId, query: &OrderQuery) -> Result<Option<Order>, ClientError> {
        self.find(self.get(&["v1", "orders", &id.to_string()], query)).await
    }
}
