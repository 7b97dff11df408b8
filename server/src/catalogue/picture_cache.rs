//! Caches product pictures, so that they are available while the product service is not.
//!
//! A cached picture is revalidated by its entity tag. The cache is bounded by size; the oldest picture is evicted
//! first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use storefront_api::ProductId;

use crate::catalogue::freshness::Freshness;
use crate::integrations::product_service::{ProductService, SeenPicture, ServiceError};

/// Maximum size of all cached pictures, in bytes.
const MAX_CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Product pictures from the product service, with a cache.
#[derive(Debug)]
pub(crate) struct PictureCache {
    service: Arc<ProductService>,
    freshness: Arc<Freshness>,
    cache: Mutex<Cache>,
}

#[derive(Debug)]
struct Cache {
    max_bytes: usize,
    bytes: usize,
    by_id: HashMap<ProductId, CachedPicture>,
    oldest_first: VecDeque<ProductId>,
}

#[derive(Clone, Debug)]
struct CachedPicture {
    png: Arc<Vec<u8>>,
    etag: Option<String>,
}

impl PictureCache {
    pub(crate) fn new(service: Arc<ProductService>, freshness: Arc<Freshness>) -> Self {
        Self::with_capacity(service, freshness, MAX_CACHE_BYTES)
    }

    fn with_capacity(service: Arc<ProductService>, freshness: Arc<Freshness>, max_bytes: usize) -> Self {
        let cache = Cache { max_bytes, bytes: 0, by_id: HashMap::new(), oldest_first: VecDeque::new() };
        Self { service, freshness, cache: Mutex::new(cache) }
    }

    /// Returns a product's picture; the cached one if the service does not answer; `None` when the product has none.
    ///
    /// # Errors
    /// When the service does not answer and the picture is not cached.
    pub(crate) async fn get(&self, id: &ProductId) -> Result<Option<Arc<Vec<u8>>>, ServiceError> {
        let cached = self.cache().by_id.get(id).cloned();
        if let Some(cached) = cached.as_ref().filter(|_| self.freshness.is_stale()) {
            return Ok(Some(cached.png.clone()));
        }
        let etag = cached.as_ref().and_then(|cached| cached.etag.as_deref());
        match (self.service.picture(id, etag).await, cached) {
            (Ok(SeenPicture::New { png, etag }), _) => {
                let png = Arc::new(png);
                self.cache().insert(id, CachedPicture { png: png.clone(), etag });
                Ok(Some(png))
            }
            (Ok(SeenPicture::Known) | Err(_), Some(cached)) => Ok(Some(cached.png)),
            (Ok(SeenPicture::None | SeenPicture::Known), _) => {
                self.cache().remove_picture(id);
                Ok(None)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn insert(&mut self, id: &ProductId, picture: CachedPicture) {
        self.remove_picture(id);
        self.bytes += picture.png.len();
        self.by_id.insert(id.clone(), picture);
        self.oldest_first.push_back(id.clone());
        while self.bytes > self.max_bytes
            && let Some(oldest) = self.oldest_first.front().cloned()
        {
            self.remove_picture(&oldest);
        }
    }

    fn remove_picture(&mut self, id: &ProductId) {
        if let Some(picture) = self.by_id.remove(id) {
            self.bytes -= picture.png.len();
            self.oldest_first.retain(|cached| cached != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mockito::{Mock, Server, ServerGuard};
    use storefront_api::Currency;

    use super::*;
    use crate::clock;
    use crate::testing::product;

    fn png(bytes: usize) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        png.resize(bytes, 0);
        png
    }

    async fn a_cache(max_bytes: usize) -> (ServerGuard, PictureCache, Arc<Freshness>) {
        let server = Server::new_async().await;
        let service = Arc::new(
            ProductService::new(&server.url(), Currency::EUR, Some(storefront_api::VatRate::percent(19))).unwrap(),
        );
        let freshness = Arc::new(Freshness::new(Duration::ZERO));
        freshness.mark_connected(clock::now());
        (server, PictureCache::with_capacity(service, freshness.clone(), max_bytes), freshness)
    }

    async fn shows(server: &mut ServerGuard, id: &str, bytes: usize) -> Mock {
        let mock = server.mock("GET", format!("/v1/product/{id}/picture").as_str());
        mock.with_header("etag", "\"1\"").with_body(png(bytes)).create_async().await
    }

    async fn size(picture_cache: &PictureCache, id: &str) -> Option<usize> {
        picture_cache.get(&product(id)).await.unwrap().map(|png| png.len())
    }

    #[tokio::test]
    async fn a_picture_is_sent_once_and_asked_after_by_its_tag() {
        let (mut server, picture_cache, _) = a_cache(1000).await;
        let first = shows(&mut server, "mug", 100).await.expect(1);
        assert_eq!(size(&picture_cache, "mug").await, Some(100));
        let unchanged = server.mock("GET", "/v1/product/mug/picture").match_header("if-none-match", "\"1\"");
        let unchanged = unchanged.with_status(304).expect(1).create_async().await;
        assert_eq!(size(&picture_cache, "mug").await, Some(100));
        first.assert_async().await;
        unchanged.assert_async().await;
    }

    #[tokio::test]
    async fn while_the_service_is_away_what_was_seen_is_shown_and_nobody_waits_for_it() {
        let (mut server, picture_cache, freshness) = a_cache(1000).await;
        shows(&mut server, "mug", 100).await;
        size(&picture_cache, "mug").await;
        freshness.mark_disconnected();
        let asked = server.mock("GET", "/v1/product/mug/picture").with_status(500).expect(0).create_async().await;
        assert_eq!(size(&picture_cache, "mug").await, Some(100));
        asked.assert_async().await;
        server.mock("GET", "/v1/product/cup/picture").with_status(400).create_async().await;
        assert!(picture_cache.get(&product("cup")).await.is_err(), "what was never seen cannot be shown");
    }

    #[tokio::test]
    async fn a_picture_that_was_taken_away_is_forgotten() {
        let (mut server, picture_cache, freshness) = a_cache(1000).await;
        shows(&mut server, "mug", 100).await;
        size(&picture_cache, "mug").await;
        server.mock("GET", "/v1/product/mug/picture").with_status(404).create_async().await;
        assert_eq!(size(&picture_cache, "mug").await, None);
        freshness.mark_disconnected();
        assert_eq!(size(&picture_cache, "mug").await, None);
    }

    #[tokio::test]
    async fn when_there_is_no_room_the_oldest_goes() {
        let (mut server, picture_cache, freshness) = a_cache(250).await;
        for id in ["mug", "cup", "pot"] {
            shows(&mut server, id, 100).await;
            size(&picture_cache, id).await;
        }
        assert_eq!(picture_cache.cache().bytes, 200);
        freshness.mark_disconnected();
        server.mock("GET", "/v1/product/mug/picture").with_status(400).create_async().await;
        assert!(picture_cache.get(&product("mug")).await.is_err());
        assert_eq!(size(&picture_cache, "cup").await, Some(100));
    }
}
