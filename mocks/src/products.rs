//! The product service stub: an external system that owns names, descriptions, prices and pictures.
//!
//! Its state is a list of products and of changes. Every change gets the next number and wakes the readers of the feed.
//! It knows no stock, no baskets and no orders.

mod demo;
mod keys;
mod model;
mod pictures;
mod routes;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex},
};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use unicode_normalization::UnicodeNormalization as _;

use keys::{CreatedObject, KeyedRequest};
pub use model::{Change, ChangeKind, NewProduct, Product, ProductError, ProductPatch};
pub(crate) use routes::{fault_response, router};

use crate::{
    fault_switches::lock,
    journal::{Journal, JournalEntry},
};

/// Maximum number of changes; beyond it only the latest of each product are kept.
const MAX_CHANGES: usize = 10_000;

/// Maximum number of products.
const MAX_PRODUCTS: usize = 5_000;

/// Maximum number of categories.
const MAX_CATEGORIES: usize = 200;

/// Handle to the product service inside the process. Cheap to clone; all clones share one service.
#[derive(Clone)]
pub struct ProductService {
    catalogue: Arc<Mutex<Catalogue>>,
    head: Arc<watch::Sender<u64>>,
    journal: Journal,
}

/// The state of the service. Products keep the order in which they were created.
#[derive(Default)]
struct Catalogue {
    ids: Vec<String>,
    products: HashMap<String, Product>,
    changes: Vec<Change>,
    head: u64,
    categories: BTreeSet<String>,
    /// Created objects by idempotency key. A key belongs to one product or category, so there are never more of them.
    kept: BTreeMap<String, CreatedObject>,
    /// Pictures that were uploaded (`Some`) or removed (`None`); all others are drawn from the demo art.
    pictures: BTreeMap<String, Option<Vec<u8>>>,
}

/// A line of the state file: the changes of one request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ProductEntry {
    changes: Vec<Change>,
    /// A category that was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// The idempotency key of the request, and what it created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<(String, CreatedObject)>,
    /// The picture that was set or removed, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    picture: Option<PictureEntry>,
}

impl JournalEntry for ProductEntry {
    const STUB: &'static str = "product";
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct PictureEntry {
    product_id: String,
    png: Option<String>,
}

impl fmt::Debug for ProductService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProductService").field("head", &self.head()).finish_non_exhaustive()
    }
}

impl ProductService {
    /// Loads a service from entries, and the demo products that the entries do not contain.
    pub(crate) fn load(entries: Vec<ProductEntry>, with_demo_products: bool) -> ProductService {
        let mut catalogue = Catalogue::default();
        for entry in entries {
            catalogue.apply(entry);
        }
        if with_demo_products {
            for product in demo::products() {
                let is_new = !catalogue.products.contains_key(&product.id);
                if is_new && catalogue.check_unique(&product.id, &product.sku, &product.name).is_ok() {
                    let change = catalogue.next_change(ChangeKind::Created, product, None, None);
                    catalogue.apply(ProductEntry { changes: vec![change], ..ProductEntry::default() });
                }
            }
        }
        let head = Arc::new(watch::Sender::new(catalogue.head));
        ProductService { catalogue: Arc::new(Mutex::new(catalogue)), head, journal: Journal::default() }
    }

    /// Resets the service, with the demo products or without.
    pub(crate) fn reset(&self, with_demo_products: bool) {
        let first_day = ProductService::load(Vec::new(), with_demo_products);
        *lock(&self.catalogue) = std::mem::take(&mut *lock(&first_day.catalogue));
        self.head.send_replace(first_day.head());
    }

    /// The entries from which the service can be loaded again.
    pub(crate) fn entries(&self) -> Vec<ProductEntry> {
        let catalogue = lock(&self.catalogue);
        let pictures = catalogue.pictures.iter().map(|(product_id, png)| ProductEntry {
            picture: Some(PictureEntry {
                product_id: product_id.clone(),
                png: png.as_deref().map(pictures::to_base64),
            }),
            ..ProductEntry::default()
        });
        let entry = |change: &Change| ProductEntry { changes: vec![change.clone()], ..ProductEntry::default() };
        let categories = catalogue.categories.iter().map(|name| ProductEntry::of_category(name));
        let kept = catalogue
            .kept
            .iter()
            .map(|(key, kept)| ProductEntry { kept: Some((key.clone(), kept.clone())), ..ProductEntry::default() });
        categories.chain(catalogue.changes.iter().map(entry)).chain(pictures).chain(kept).collect()
    }

    pub(crate) fn with_journal(self, journal: Journal) -> ProductService {
        ProductService { journal, ..self }
    }

    /// All products, also withdrawn ones, in the order of their creation.
    pub fn list(&self) -> Vec<Product> {
        let catalogue = lock(&self.catalogue);
        catalogue.ids.iter().filter_map(|id| catalogue.products.get(id)).cloned().collect()
    }

    pub fn get(&self, id: &str) -> Option<Product> {
        lock(&self.catalogue).products.get(id).cloned()
    }

    /// The number of the latest change; 0 before the first.
    pub fn head(&self) -> u64 {
        *self.head.borrow()
    }

    /// Up to `limit` changes after the given number, in order. A number beyond the head means that the service was
    /// reset since, so the reader gets everything from the beginning.
    pub fn changes_after(&self, after: u64, limit: usize) -> Vec<Change> {
        let catalogue = lock(&self.catalogue);
        let after = if after > catalogue.head { 0 } else { after };
        let from = catalogue.changes.partition_point(|change| change.sequence <= after);
        catalogue.changes[from..].iter().take(limit).cloned().collect()
    }

    /// Waits until there are changes after the given number.
    pub async fn wait_for_change_after(&self, after: u64) {
        // The sender lives as long as `self`, so the wait cannot fail.
        let _ = self.head.subscribe().wait_for(|head| *head != after && *head > 0).await;
    }

    /// Creates a product.
    ///
    /// # Errors
    /// When a value is not valid, or when the id, the SKU or the name is taken.
    pub fn create(&self, new: NewProduct) -> Result<Product, ProductError> {
        self.create_once(new, None).map(|(product, _)| product)
    }

    /// As [`ProductService::create`], once per idempotency key; also returns whether an earlier request created it.
    fn create_once(&self, new: NewProduct, keyed: Option<KeyedRequest>) -> Result<(Product, bool), ProductError> {
        let mut catalogue = lock(&self.catalogue);
        if let Some(CreatedObject::Product { product, .. }) = catalogue.created_under(keyed.as_ref())? {
            return Ok((product.as_ref().clone(), true));
        }
        let product = new.into_product()?;
        if catalogue.ids.len() >= MAX_PRODUCTS {
            return Err(ProductError::Invalid(format!("There is room for {MAX_PRODUCTS} products and no more.")));
        }
        catalogue.check_unique(&product.id, &product.sku, &product.name)?;
        catalogue.check_category(&product.category)?;
        let change = catalogue.next_change(ChangeKind::Created, product.clone(), None, None);
        let kept = keyed.map(|keyed| {
            (keyed.key, CreatedObject::Product { request: keyed.request, product: Box::new(product.clone()) })
        });
        self.commit(catalogue, ProductEntry { changes: vec![change], kept, ..ProductEntry::default() });
        Ok((product, false))
    }

    /// Every category, also empty ones, by name.
    pub fn categories(&self) -> Vec<String> {
        lock(&self.catalogue).categories.iter().cloned().collect()
    }

    /// Creates a category.
    ///
    /// # Errors
    /// When a category with this name exists, in any case, or the name is not 1 to 50 characters.
    pub fn create_category(&self, name: &str) -> Result<String, ProductError> {
        self.create_category_once(name, None).map(|(name, _)| name)
    }

    fn create_category_once(&self, name: &str, keyed: Option<KeyedRequest>) -> Result<(String, bool), ProductError> {
        let catalogue = lock(&self.catalogue);
        if let Some(CreatedObject::Category { name, .. }) = catalogue.created_under(keyed.as_ref())? {
            return Ok((name.clone(), true));
        }
        if name.trim().is_empty() || name.chars().count() > 50 || catalogue.categories.len() >= MAX_CATEGORIES {
            let detail = format!("`name` is 1 to 50 characters, and there are at most {MAX_CATEGORIES} categories.");
            return Err(ProductError::Invalid(detail));
        }
        if catalogue.categories.iter().any(|known| identity(known) == identity(name)) {
            return Err(ProductError::Taken(format!("There is already a category named {name}.")));
        }
        let kept =
            keyed.map(|keyed| (keyed.key, CreatedObject::Category { request: keyed.request, name: name.to_owned() }));
        self.commit(catalogue, ProductEntry { kept, ..ProductEntry::of_category(name) });
        Ok((name.to_owned(), false))
    }

    /// Changes fields of a product. Each kind of change (fields, price, withdrawal) is a change of its own in the feed;
    /// equal values are none.
    ///
    /// # Errors
    /// When there is no such product, a value is not valid, or the new SKU or name is taken.
    pub fn change(&self, id: &str, patch: ProductPatch) -> Result<Product, ProductError> {
        let mut catalogue = lock(&self.catalogue);
        let before = catalogue.products.get(id).cloned().ok_or_else(|| ProductError::unknown(id))?;
        let reason = patch.reason.clone();
        let after = patch.apply_to(&before)?;
        catalogue.check_unique_except(id, &after.sku, &after.name)?;
        catalogue.check_category(&after.category)?;
        let mut changes = Vec::new();
        for kind in model::kinds_of_change(&before, &after) {
            let old_price = (kind == ChangeKind::Repriced).then_some(before.price);
            changes.push(catalogue.next_change(kind, after.clone(), reason.clone(), old_price));
        }
        if !changes.is_empty() {
            self.commit(catalogue, ProductEntry { changes, ..ProductEntry::default() });
        }
        Ok(after)
    }

    /// Sets the price in minor units.
    ///
    /// # Errors
    /// As for [`ProductService::change`].
    pub fn reprice(&self, id: &str, price: i64, reason: &str) -> Result<Product, ProductError> {
        self.change(id, ProductPatch { price: Some(price), reason: Some(reason.to_owned()), ..ProductPatch::default() })
    }

    /// Withdraws a product; it is still listed.
    ///
    /// # Errors
    /// As for [`ProductService::change`].
    pub fn withdraw(&self, id: &str, reason: &str) -> Result<Product, ProductError> {
        self.change(
            id,
            ProductPatch { active: Some(false), reason: Some(reason.to_owned()), ..ProductPatch::default() },
        )
    }

    /// Makes a withdrawn product available again.
    ///
    /// # Errors
    /// As for [`ProductService::change`].
    pub fn relist(&self, id: &str) -> Result<Product, ProductError> {
        self.change(id, ProductPatch { active: Some(true), ..ProductPatch::default() })
    }

    /// A product's picture as PNG, if it has one.
    pub fn picture(&self, id: &str) -> Option<Vec<u8>> {
        let catalogue = lock(&self.catalogue);
        catalogue.products.get(id)?.picture.as_ref()?;
        match catalogue.pictures.get(id) {
            Some(picture) => picture.clone(),
            None => pictures::demo_png(id),
        }
    }

    /// Sets a product's picture.
    ///
    /// # Errors
    /// When there is no such product, or when the bytes are not a PNG of at most 256 × 256 pixels.
    pub fn set_picture(&self, id: &str, png: Vec<u8>) -> Result<Product, ProductError> {
        pictures::check(&png)?;
        self.replace_picture(id, Some(png))
    }

    /// Removes a product's picture.
    ///
    /// # Errors
    /// When there is no such product.
    pub fn remove_picture(&self, id: &str) -> Result<Product, ProductError> {
        self.replace_picture(id, None)
    }

    fn replace_picture(&self, id: &str, png: Option<Vec<u8>>) -> Result<Product, ProductError> {
        let mut catalogue = lock(&self.catalogue);
        let mut product = catalogue.products.get(id).cloned().ok_or_else(|| ProductError::unknown(id))?;
        // Each picture has an address of its own, so that no cache shows an old one.
        product.picture = png.is_some().then(|| format!("{}?v={}", model::picture_path(id), catalogue.head + 1));
        let change = catalogue.next_change(ChangeKind::PictureChanged, product.clone(), None, None);
        let picture = PictureEntry { product_id: id.to_owned(), png: png.as_deref().map(pictures::to_base64) };
        self.commit(
            catalogue,
            ProductEntry { changes: vec![change], picture: Some(picture), ..ProductEntry::default() },
        );
        Ok(product)
    }

    /// Writes an entry to the state file, applies it, and wakes waiting requests.
    fn commit(&self, mut catalogue: std::sync::MutexGuard<'_, Catalogue>, entry: ProductEntry) {
        self.journal.append(&entry);
        catalogue.apply(entry);
        self.head.send_replace(catalogue.head);
    }
}

impl ProductEntry {
    fn of_category(name: &str) -> ProductEntry {
        ProductEntry { category: Some(name.to_owned()), ..ProductEntry::default() }
    }
}

impl Catalogue {
    fn next_change(
        &mut self,
        kind: ChangeKind,
        product: Product,
        reason: Option<String>,
        old_price: Option<i64>,
    ) -> Change {
        self.head += 1;
        Change { sequence: self.head, product_id: product.id.clone(), kind, product, reason, old_price }
    }

    fn apply(&mut self, entry: ProductEntry) {
        for change in entry.changes {
            if !self.products.contains_key(&change.product_id) {
                self.ids.push(change.product_id.clone());
            }
            self.categories.insert(change.product.category.clone());
            self.products.insert(change.product_id.clone(), change.product.clone());
            self.head = self.head.max(change.sequence);
            self.changes.push(change);
        }
        self.categories.extend(entry.category);
        self.kept.extend(entry.kept);
        if let Some(PictureEntry { product_id, png }) = entry.picture {
            self.pictures.insert(product_id, png.and_then(|text| pictures::from_base64(&text)));
        }
        if self.changes.len() > MAX_CHANGES {
            self.keep_latest_changes();
        }
    }

    /// What an earlier request with this key created.
    fn created_under(&self, keyed: Option<&KeyedRequest>) -> Result<Option<&CreatedObject>, ProductError> {
        match keyed.and_then(|keyed| Some((keyed, self.kept.get(&keyed.key)?))) {
            Some((keyed, kept)) if *kept.request() != keyed.request => {
                Err(ProductError::KeyReused("The Idempotency-Key was used for a request with another body.".to_owned()))
            }
            found => Ok(found.map(|(_, kept)| kept)),
        }
    }

    fn check_category(&self, category: &str) -> Result<(), ProductError> {
        if self.categories.contains(category) {
            return Ok(());
        }
        Err(ProductError::UnknownCategory(format!("There is no category `{category}`. Create it first.")))
    }

    fn keep_latest_changes(&mut self) {
        let latest: HashMap<String, u64> =
            self.changes.iter().map(|change| (change.product_id.clone(), change.sequence)).collect();
        self.changes.retain(|change| latest.get(&change.product_id) == Some(&change.sequence));
    }

    fn check_unique(&self, id: &str, sku: &str, name: &str) -> Result<(), ProductError> {
        if self.products.contains_key(id) {
            return Err(ProductError::Taken(format!("There is already a product with the id `{id}`.")));
        }
        self.check_unique_except("", sku, name)
    }

    fn check_unique_except(&self, id: &str, sku: &str, name: &str) -> Result<(), ProductError> {
        let mut others = self.products.values().filter(|product| product.id != id);
        let (same_sku, same_name) = (identity(sku), identity(name));
        match others.find(|other| identity(&other.sku) == same_sku || identity(&other.name) == same_name) {
            None => Ok(()),
            Some(other) if identity(&other.sku) == same_sku => {
                Err(ProductError::Taken(format!("The SKU {sku} belongs to {}.", other.name)))
            }
            Some(_) => Err(ProductError::Taken(format!("There is already a product named {name}."))),
        }
    }
}

/// A name in the form by which duplicates are found: lower case and Unicode-normalised.
fn identity(name: &str) -> String {
    name.trim().nfkc().flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
#[path = "products/tests.rs"]
mod tests;
