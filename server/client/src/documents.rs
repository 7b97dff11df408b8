//! Invoices and credit notes as people keep them.

use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, HeaderValue};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/invoices/{number}` as plain text, at most 78 columns wide; also of a credit note. `None` where there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document_text(&self, number: &str) -> Result<Option<String>, ClientError> {
        let answer = self.send(self.document(number, HeaderValue::from_static("text/plain")), None).await?;
        self.found(answer)?.map(|answer| self.text(answer)).transpose()
    }

    /// `GET /v1/invoices/{number}` as PDF; also of a credit note. `None` where there is none.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn document_pdf(&self, number: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let answer = self.send(self.document(number, HeaderValue::from_static("application/pdf")), None).await?;
        Ok(self.found(answer)?.map(|answer| answer.body))
    }

    fn document(&self, number: &str, accept: HeaderValue) -> RequestBuilder {
        // In place of the JSON that a request asks for otherwise.
        let headers = [(ACCEPT, accept)].into_iter().collect();
        self.get(&["v1", "invoices", number], &()).headers(headers)
    }
}
