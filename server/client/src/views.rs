//! Control of read models, and the statistics.

use reqwest::Method;
use storefront_api::{Statistics, View, ViewList};

use crate::{Client, ClientError};

impl Client {
    /// `GET /v1/views`: every read model with its progress.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn views(&self) -> Result<ViewList, ClientError> {
        self.read(self.get(&["v1", "views"], &()), None).await
    }

    /// `POST /v1/views/{name}/rebuild`: starts to rebuild a read model beside its present rows. Repeating is safe.
    ///
    /// # Errors
    /// See [`ClientError`]; an unknown name is a problem with status 404.
    pub async fn rebuild_view(&self, name: &str) -> Result<View, ClientError> {
        self.read(self.request(Method::POST, &["v1", "views", name, "rebuild"]), None).await
    }

    /// `POST /v1/views/{name}/pause`: pauses a read model. Repeating is safe.
    ///
    /// # Errors
    /// See [`Client::rebuild_view`].
    pub async fn pause_view(&self, name: &str) -> Result<View, ClientError> {
        self.read(self.request(Method::POST, &["v1", "views", name, "pause"]), None).await
    }

    /// `POST /v1/views/{name}/resume`: resumes a paused read model. Repeating is safe.
    ///
    /// # Errors
    /// See [`Client::rebuild_view`].
    pub async fn resume_view(&self, name: &str) -> Result<View, ClientError> {
        self.read(self.request(Method::POST, &["v1", "views", name, "resume"]), None).await
    }

    /// `POST /v1/views/{name}/step`: lets a paused read model apply its next event.
    ///
    /// # Errors
    /// See [`Client::rebuild_view`]; one that is not paused is a problem with status 409.
    pub async fn step_view(&self, name: &str) -> Result<View, ClientError> {
        self.read(self.request(Method::POST, &["v1", "views", name, "step"]), None).await
    }

    /// `GET /v1/statistics`: revenue and sales, with a minimum log position.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn statistics(&self, min_position: Option<u64>) -> Result<Statistics, ClientError> {
        let query: Vec<(&str, u64)> = min_position.map(|position| ("min_position", position)).into_iter().collect();
        self.read(self.get(&["v1", "statistics"], &query), None).await
    }
}
