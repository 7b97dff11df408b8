//! The simulated product service.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use storefront_api::{Currency, Money, ProductId, VatRate};
use storefront_domain::product::ProductFacts;

use super::coverage::Coverage;
use super::points;
use super::rng_clock;
use super::server::{Failed, Server};
use crate::integrations::ports::Products;
use crate::integrations::product_service::{Change, Changes, Listing, SeenProduct, ServiceError};
use crate::integrations::product_writes::{ProductWrite, WriteError};

/// The products of the product service, with its feed of changes.
#[derive(Default)]
pub(super) struct Catalogue {
    pub(super) products: BTreeMap<ProductId, SeenProduct>,
    changes: Vec<Change>,
    pub(super) closed: bool,
}

impl Catalogue {
    /// Sets a product, and adds a change to the feed.
    pub(super) fn set(&mut self, product: SeenProduct) {
        let sequence = self.changes.len() as u64 + 1;
        let (kind, product_id) = ("changed".to_owned(), product.id.clone());
        self.changes.push(Change { sequence, kind, product_id, product: Some(product.clone()) });
        self.products.insert(product.id.clone(), SeenProduct { reason: None, ..product });
    }

    fn after(&self, after: u64) -> Changes {
        let skip = usize::try_from(after).unwrap_or(usize::MAX);
        let head = self.changes.len() as u64;
        Changes {
            changes: self.changes.iter().skip(skip).cloned().collect(),
            unreadable: Vec::new(),
            next_after: head,
            head,
        }
    }
}

/// A product of the simulated range.
pub(super) fn a_product(id: &str, price: i64, active: bool) -> SeenProduct {
    let facts = ProductFacts {
        sku: id.to_uppercase(),
        name: id.to_owned(),
        description: format!("A {id}."),
        category: "Things".to_owned(),
        price: Money::new(price, Currency::EUR),
        compare_at_price: None,
        vat_rate_percent: VatRate::percent(19),
        attributes: BTreeMap::new(),
        picture: None,
    };
    SeenProduct { id: id.parse().expect("it is an id"), facts, active, reason: None, has_own_vat_rate: true }
}

/// The connection of one server to the product service.
pub(super) struct Range(pub(super) Arc<Server>);

impl Range {
    async fn reach(&self) -> Result<(), ServiceError> {
        let down = |detail: &str| ServiceError::Unavailable { detail: detail.to_owned() };
        let trouble = rng_clock::fault_plan().outside_fails;
        self.0.point(points::PRODUCTS, trouble).await.map_err(|Failed| down("the connection was refused"))?;
        if self.0.world.catalogue().closed {
            rng_clock::mark(Coverage::ProductServiceDown);
            return Err(down("the service is closed"));
        }
        Ok(())
    }
}

#[async_trait]
impl Products for Range {
    async fn list(&self) -> Result<Listing, ServiceError> {
        self.reach().await?;
        let products = self.0.world.catalogue().products.values().cloned().collect();
        Ok(Listing { products, unreadable: Vec::new() })
    }

    async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError> {
        self.reach().await?;
        let news = self.0.world.catalogue().after(after);
        if wait_seconds == 0 || !news.changes.is_empty() || news.head < after {
            return Ok(news);
        }
        // A long poll: changes that come meanwhile are returned at its end.
        rng_clock::sleep(Duration::from_millis(rng_clock::between(200..u64::from(wait_seconds) * 1000))).await;
        self.reach().await?;
        Ok(self.0.world.catalogue().after(after))
    }

    async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError> {
        self.reach().await?;
        Ok(self.0.world.catalogue().products.get(id).cloned())
    }

    async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError> {
        self.reach().await?;
        Ok(Some(vec!["Things".to_owned()]))
    }

    async fn write(&self, _write: &ProductWrite, _key: &str) -> Result<Option<ProductId>, WriteError> {
        Err(WriteError::Unsupported)
    }
}
