//! Control of the processes of the server, for operators.

use storefront_api::{Page, ParkedQuery, ParkedSequence, ProcessList, ProcessMode, Repeats, SequenceReleased};

use crate::{Client, ClientError, IdempotencyKey, WriteResponse};

impl Client {
    /// `GET /v1/processes`: every process by name, with its progress.
    ///
    /// # Errors
    /// See [`ClientError`]; this applies to every method.
    pub async fn processes(&self) -> Result<ProcessList, ClientError> {
        self.read(self.get(&["v1", "processes"], &()), None).await
    }

    /// `GET /v1/processes/repeats`: repeated inputs that changed nothing, since the start of the server.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn repeats(&self) -> Result<Repeats, ClientError> {
        self.read(self.get(&["v1", "processes", "repeats"], &()), None).await
    }

    /// `POST /v1/processes/{name}/pause`: pauses a process after the event that it handles.
    ///
    /// # Errors
    /// See [`ClientError`]; after `Unreachable`, repeat it with the same key. This applies to every method with a key.
    pub async fn pause_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.control(&[name, "pause"], key).await
    }

    /// `POST /v1/processes/{name}/resume`: resumes a paused process.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn resume_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.control(&[name, "resume"], key).await
    }

    /// `POST /v1/processes/{name}/step`: lets a paused process handle one event.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn step_process(
        &self,
        name: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<ProcessMode>, ClientError> {
        self.control(&[name, "step"], key).await
    }

    /// `GET /v1/processes/{name}/parked`: a page of the parked sequences.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn parked(&self, name: &str, query: &ParkedQuery) -> Result<Page<ParkedSequence>, ClientError> {
        self.read(self.get(&["v1", "processes", name, "parked"], query), None).await
    }

    /// `POST /v1/processes/{name}/parked/{sequence}/retry`: handles its event again, and then the waiting events.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn retry_parked(
        &self,
        name: &str,
        sequence: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SequenceReleased>, ClientError> {
        self.control(&[name, "parked", sequence, "retry"], key).await
    }

    /// `POST /v1/processes/{name}/parked/{sequence}/skip`: drops its event for good, and handles the waiting events.
    ///
    /// # Errors
    /// See [`ClientError`] and [`Client::pause_process`].
    pub async fn skip_parked(
        &self,
        name: &str,
        sequence: &str,
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<SequenceReleased>, ClientError> {
        self.control(&[name, "parked", sequence, "skip"], key).await
    }

    async fn control<T: serde::de::DeserializeOwned>(
        &self,
        path: &[&str],
        key: &IdempotencyKey,
    ) -> Result<WriteResponse<T>, ClientError> {
        let path = [&["v1", "processes"], path].concat();
        self.post(&path, &serde_json::Map::new(), key).await
    }
}
