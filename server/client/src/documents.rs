//! Invoices and credit notes as documents, and charges at the gateway that no payment of the shop matches.

use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, RequestBuilder};
use storefront_api::{IDEMPOTENCY_KEY_HEADER, Payment, UnmatchedCharges};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/invoices/{number}` as plain text, at most 78 columns wide; also of a credit note. `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document_text(&self, number: &str) -> Result<Option<String>, ClientError> {
        let response = self.send(self.document(number, HeaderValue::from_static("text/plain")), None).await?;
        self.success_or_not_found(response)?.map(|response| self.text(response)).transpose()
    }

    /// `GET /v1/invoices/{number}` as PDF; also of a credit note. `None` if there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document_pdf(&self, number: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let response = self.send(self.document(number, HeaderValue::from_static("application/pdf")), None).await?;
        Ok(self.success_or_not_found(response)?.map(|response| response.body))
    }

    /// `GET /v1/payments/unmatched`: charges at the card gateway that no payment of the shop matches.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn unmatched_charges(&self) -> Result<UnmatchedCharges, ClientError> {
        self.read(self.get(&["v1", "payments", "unmatched"], &()), None).await
    }

    /// `POST /v1/payments/unmatched/{reference}/refunds`: refunds what is left of such a charge.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it with the same key.
    pub async fn refund_unmatched(
        &self,
        reference: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<Payment>, ClientError> {
        let request = self.request(Method::POST, &["v1", "payments", "unmatched", reference, "refunds"]);
        self.write(request.header(IDEMPOTENCY_KEY_HEADER, key.as_str())).await
    }

    fn document(&self, number: &str, accept: HeaderValue) -> RequestBuilder {
        // Replaces the default `Accept: application/json`.
        let headers = [(ACCEPT, accept)].into_iter().collect();
        self.get(&["v1", "invoices", number], &()).headers(headers)
    }
}
