//! The secrets of webhook endpoints. They stand beside the log like the keys of personal data, so that no event and no answer
//! has them; their ids are UUIDs of version 4, which exports leave out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use storefront_api::{WebhookSecret, WebhookSecretId};
use storefront_eventlog::{DataKey, StoreError};

use crate::random;
use crate::store::aggregates::Store;

/// Makes a secret, which is on disk when this returns.
///
/// # Errors
/// When the log fails.
pub(crate) async fn make(store: &Store) -> Result<(WebhookSecretId, WebhookSecret), StoreError> {
    let id = uuid::Builder::from_random_bytes(random::secret()).into_uuid();
    let secret = random::secret::<32>();
    store.add_data_keys(&[DataKey { id, secret }]).await?;
    Ok((WebhookSecretId(id), WebhookSecret(format!("whsec_{}", STANDARD.encode(secret)))))
}

/// The secrets with these ids, in their order; what is not stored is left out.
///
/// # Errors
/// When the log fails.
pub(crate) async fn find(store: &Store, ids: &[WebhookSecretId]) -> Result<Vec<[u8; 32]>, StoreError> {
    let uuids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let known = store.data_keys(&uuids).await?;
    let secret_of = |id: &WebhookSecretId| known.iter().find(|key| key.id == id.0).map(|key| key.secret);
    Ok(ids.iter().filter_map(secret_of).collect())
}
