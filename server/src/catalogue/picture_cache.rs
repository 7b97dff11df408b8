//! The pictures seen lately, so that they are there while the product service is away.
//!
//! Each is asked for again by its entity tag, and sent again only when it is another. Bounded; the oldest goes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use storefront_api::ProductId;

use crate::catalogue::freshness::Freshness;
use crate::integrations::product_service::{ProductService, SeenPicture, ServiceError};

/// All kept pictures together have at most so many bytes.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Pictures from the product service.
#[derive(Debug)]
pub(crate) struct PictureCache {
    service: Arc<ProductService>,
    freshness: Arc<Freshness>,
    kept: Mutex<CachedPicture>,
}

#[derive(Debug)]
struct CachedPicture {
    most_bytes: usize,
    bytes: usize,
    by_id: HashMap<ProductId, Picture>,
    oldest_first: VecDeque<ProductId>,
}

#[derive(Clone, Debug)]
struct Picture {
    png: Arc<Vec<u8>>,
    etag: Option<String>,
}

impl PictureCache {
    pub(crate) fn new(service: Arc<ProductService>, freshness: Arc<Freshness>) -> Self {
        Self::with_room(service, freshness, MOST_BYTES)
    }

    fn with_room(service: Arc<ProductService>, freshness: Arc<Freshness>, most_bytes: usize) -> Self {
        let kept = CachedPicture { most_bytes, bytes: 0, by_id: HashMap::new(), oldest_first: VecDeque::new() };
        Self { service, freshness, kept: Mutex::new(kept) }
    }

    /// A product's picture, as it was last if the service does not answer; `None` where there is none.
    ///
    /// # Errors
    /// When the service does not answer, and the picture was not seen lately.
    pub(crate) async fn get(&self, id: &ProductId) -> Result<Option<Arc<Vec<u8>>>, ServiceError> {
        let known = self.kept().by_id.get(id).cloned();
        if let Some(known) = known.as_ref().filter(|_| self.freshness.stale()) {
            return Ok(Some(known.png.clone()));
        }
        let etag = known.as_ref().and_then(|known| known.etag.as_deref());
        match (self.service.picture(id, etag).await, known) {
            (Ok(SeenPicture::New { png, etag }), _) => {
                let png = Arc::new(png);
                self.kept().put(id, Picture { png: png.clone(), etag });
                Ok(Some(png))
            }
            (Ok(SeenPicture::Known) | Err(_), Some(known)) => Ok(Some(known.png)),
            (Ok(SeenPicture::None | SeenPicture::Known), _) => {
                self.kept().forget(id);
                Ok(None)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, CachedPicture> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CachedPicture {
    fn put(&mut self, id: &ProductId, picture: Picture) {
        self.forget(id);
        self.bytes += picture.png.len();
        self.by_id.insert(id.clone(), picture);
        self.oldest_first.push_back(id.clone());
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.oldest_first.front().cloned()
        {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, id: &ProductId) {
        if let Some(picture) = self.by_id.remove(id) {
            self.bytes -= picture.png.len();
            self.oldest_first.retain(|kept| kept != id);
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

    async fn a_cabinet(most_bytes: usize) -> (ServerGuard, PictureCache, Arc<Freshness>) {
        let server = Server::new_async().await;
        let service = Arc::new(
            ProductService::new(&server.url(), Currency::EUR, Some(storefront_api::VatRate::percent(19))).unwrap(),
        );
        let freshness = Arc::new(Freshness::new(Duration::ZERO));
        freshness.heard(clock::now());
        (server, PictureCache::with_room(service, freshness.clone(), most_bytes), freshness)
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
        let (mut server, picture_cache, _) = a_cabinet(1000).await;
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
        let (mut server, picture_cache, freshness) = a_cabinet(1000).await;
        shows(&mut server, "mug", 100).await;
        size(&picture_cache, "mug").await;
        freshness.lost();
        let asked = server.mock("GET", "/v1/product/mug/picture").with_status(500).expect(0).create_async().await;
        assert_eq!(size(&picture_cache, "mug").await, Some(100));
        asked.assert_async().await;
        server.mock("GET", "/v1/product/cup/picture").with_status(400).create_async().await;
        assert!(picture_cache.get(&product("cup")).await.is_err(), "what was never seen cannot be shown");
    }

    #[tokio::test]
    async fn a_picture_that_was_taken_away_is_forgotten() {
        let (mut server, picture_cache, freshness) = a_cabinet(1000).await;
        shows(&mut server, "mug", 100).await;
        size(&picture_cache, "mug").await;
        server.mock("GET", "/v1/product/mug/picture").with_status(404).create_async().await;
        assert_eq!(size(&picture_cache, "mug").await, None);
        freshness.lost();
        assert_eq!(size(&picture_cache, "mug").await, None);
    }

    #[tokio::test]
    async fn when_there_is_no_room_the_oldest_goes() {
        let (mut server, picture_cache, freshness) = a_cabinet(250).await;
        for id in ["mug", "cup", "pot"] {
            shows(&mut server, id, 100).await;
            size(&picture_cache, id).await;
        }
        assert_eq!(picture_cache.kept().bytes, 200);
        freshness.lost();
        server.mock("GET", "/v1/product/mug/picture").with_status(400).create_async().await;
        assert!(picture_cache.get(&product("mug")).await.is_err());
        assert_eq!(size(&picture_cache, "cup").await, Some(100));
    }
}
