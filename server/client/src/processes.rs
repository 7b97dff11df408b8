//! The shop's own processes, for operators.

use storefront_api::{Page, ParkedQuery, ParkedSequence, ProcessList, ProcessMode, Repeats, SequenceReleased};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/processes`: every process by name, and where it stands.
    ///
    /// # Errors
    /// See [`ClientError`]; so for every method.
    pub async fn processes(&self) -> Result<ProcessList, ClientError> {
        self.read(self.get(&["v1", "processes"], &()), None).await
    }

    /// `GET /v1/processes/repeats`: what came again and changed nothing, since the server was started.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn repeats(&self) -> Result<Repeats, ClientError> {
        self.read(self.get(&["v1", "processes", "repeats"], &()), None).await
    }

    /// `POST /v1/processes/{name}/pause`: it finishes what it has begun and begins nothing more.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it under the same key. So for every method that takes a key.
    pub async fn pause_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.steer(&[name, "pause"], key).await
    }

    /// `POST /v1/processes/{name}/resume`: it goes on by itself.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn resume_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.steer(&[name, "resume"], key).await
    }

    /// `POST /v1/processes/{name}/step`: a paused process begins exactly one event.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn step_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.steer(&[name, "step"], key).await
    }

    /// `GET /v1/processes/{name}/parked`: one page of the sequences that wait for somebody to look.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn parked(&self, name: &str, query: &ParkedQuery) -> Result<Page<ParkedSequence>, ClientError> {
        self.read(self.get(&["v1", "processes", name, "parked"], query), None).await
    }

    /// `POST /v1/processes/{name}/parked/{sequence}/retry`: its event is tried again, and then what waits behind it.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn retry_parked(
        &self,
        name: &str,
        sequence: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SequenceReleased>, ClientError> {
        self.steer(&[name, "parked", sequence, "retry"], key).await
    }

    /// `POST /v1/processes/{name}/parked/{sequence}/skip`: its event is dropped for good; what waits behind it goes on.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn skip_parked(
        &self,
        name: &str,
        sequence: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SequenceReleased>, ClientError> {
        self.steer(&[name, "parked", sequence, "skip"], key).await
    }

    async fn steer<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<T>, ClientError> {
        let path = [&["v1", "processes"], path].concat();
        self.post(&path, &serde_json::Map::new(), key).await
    }
}
