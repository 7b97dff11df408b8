//! Caches product pictures, so that they are available while the product service is not.
//!
//! A cached picture is revalidated by its entity tag. The cache is bounded by size; what is seldom asked for is evicted.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use storefront_api::ProductId;

use crate::catalogue::freshness::Freshness;
use crate::integrations::product_service::{ProductService, SeenPicture, ServiceError};

/// Maximum size of all cached pictures, in bytes.
const MAX_CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Expected number of pictures; sizes the cache's tables.
const EXPECTED_PICTURES: usize = 1000;

/// Product pictures from the product service, with a cache.
#[derive(Debug)]
pub(crate) struct PictureCache {
    service: Arc<ProductService>,
    freshness: Arc<Freshness>,
    cache: Cache<ProductId, CachedPicture, PngBytes>,
}

#[derive(Clone, Debug)]
struct CachedPicture {
    png: Arc<Vec<u8>>,
    etag: Option<String>,
}

/// Weighs a picture by the length of its PNG.
#[derive(Clone, Debug)]
struct PngBytes;

impl Weighter<ProductId, CachedPicture> for PngBytes {
    fn weight(&self, _: &ProductId, picture: &CachedPicture) -> u64 {
        picture.png.len() as u64
    }
}

impl PictureCache {
    pub(crate) fn new(service: Arc<ProductService>, freshness: Arc<Freshness>) -> Self {
        Self::with_capacity(service, freshness, MAX_CACHE_BYTES)
    }

    fn with_capacity(service: Arc<ProductService>, freshness: Arc<Freshness>, max_bytes: u64) -> Self {
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(EXPECTED_PICTURES).weight_capacity(max_bytes).shards(1);
        let options = options.build().unwrap_or_else(|_| unreachable!("both capacities are set"));
        let cache = Cache::with_options(options, PngBytes, DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self { service, freshness, cache }
    }

    /// Returns a product's picture; the cached one if the service does not answer; `None` when the product has none.
    ///
    /// # Errors
    /// When the service does not answer and the picture is not cached.
    pub(crate) async fn get(&self, id: &ProductId) -> Result<Option<Arc<Vec<u8>>>, ServiceError> {
        let cached = self.cache.get(id);
        if let Some(cached) = cached.as_ref().filter(|_| self.freshness.is_stale()) {
            return Ok(Some(cached.png.clone()));
        }
        let etag = cached.as_ref().and_then(|cached| cached.etag.as_deref());
        match (self.service.picture(id, etag).await, cached) {
            (Ok(SeenPicture::New { png, etag }), _) => {
                let png = Arc::new(png);
                self.cache.insert(id.clone(), CachedPicture { png: png.clone(), etag });
                Ok(Some(png))
            }
            (Ok(SeenPicture::Known) | Err(_), Some(cached)) => Ok(Some(cached.png)),
            (Ok(SeenPicture::None | SeenPicture::Known), _) => {
                self.cache.remove(id);
                Ok(None)
            }
            (Err(failure), None) => Err(failure),
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

    async fn a_cache(max_bytes: u64) -> (ServerGuard, PictureCache, Arc<Freshness>) {
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
    async fn when_there_is_no_room_a_picture_goes() {
        let (mut server, picture_cache, _) = a_cache(250).await;
        for id in ["mug", "cup", "pot"] {
            shows(&mut server, id, 100).await;
            assert_eq!(size(&picture_cache, id).await, Some(100));
        }
        assert_eq!(picture_cache.cache.weight(), 200);
    }
}
