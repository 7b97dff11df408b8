//! The products as the shop knows them, for lists, searches and prices.

use std::collections::BTreeMap;

use storefront_api::{self as api, Category, ProductId, ProductPage, ProductQuery, Timestamp};
use storefront_domain::category::Categories;
use storefront_domain::product::Product;
use storefront_eventlog::Position;
#[cfg(test)]
use {
    crate::store::aggregates::{self, LoadError},
    crate::store::streams,
    storefront_domain::product::{self, ProductEvent},
    storefront_eventlog::Recorded,
};

use super::search::SearchIndex;
use super::stock_levels::StockView;
use crate::views::search::terms;

/// Every product by id.
#[derive(Debug, Default)]
pub(crate) struct CatalogueView {
    by_id: BTreeMap<ProductId, Entry>,
    /// Those that are for sale.
    index: SearchIndex,
    /// Those that were taken off the shelf.
    withdrawn: SearchIndex,
    categories: Categories,
}

/// What two products may not share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Sku,
    Name,
}

#[derive(Debug)]
struct Entry {
    product: Product,
    listed_at: Timestamp,
}

impl CatalogueView {
    /// Has a product be known as this.
    pub(super) fn put(&mut self, id: ProductId, product: Product, listed_at: Timestamp, listed: Position) {
        let (one, other) = match product.active() {
            true => (&mut self.index, &mut self.withdrawn),
            false => (&mut self.withdrawn, &mut self.index),
        };
        other.remove(&id);
        match product.facts() {
            Some(facts) => one.put(&id, facts, listed.0),
            None => one.remove(&id),
        }
        self.by_id.insert(id, Entry { product, listed_at });
    }

    pub(super) fn remove(&mut self, id: &ProductId) {
        self.by_id.remove(id);
        self.index.remove(id);
        self.withdrawn.remove(id);
    }

    /// Has the products of each be the other's.
    pub(super) fn swap_products(&mut self, other: &mut Self) {
        let Self { by_id, index, withdrawn, categories: _ } = self;
        std::mem::swap(by_id, &mut other.by_id);
        std::mem::swap(index, &mut other.index);
        std::mem::swap(withdrawn, &mut other.withdrawn);
    }

    /// Has the categories of each be the other's.
    pub(super) fn swap_categories(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.categories, &mut other.categories);
    }

    /// Has these be the categories that were set up.
    pub(super) fn set_categories(&mut self, categories: Categories) {
        self.categories = categories;
    }

    /// Takes an event in, without a database.
    #[cfg(test)]
    pub(crate) fn apply(&mut self, recorded: &Recorded) -> Result<(), LoadError> {
        let Some(id) = streams::id_in::<ProductId>("product", recorded.stream()) else { return Ok(()) };
        let event = aggregates::decode_shared::<ProductEvent>(recorded)?;
        let (state, at) = match self.by_id.remove(&id) {
            Some(entry) => (entry.product, entry.listed_at),
            None => (Product::default(), Timestamp::from_unix_ms(recorded.time_ms)),
        };
        self.put(id, product::evolve(state, &event), at, recorded.position);
        Ok(())
    }

    /// So many of a product can be reserved now.
    pub(crate) fn set_available(&mut self, id: &ProductId, available: u32) {
        self.index.set_in_stock(id, available > 0);
        self.withdrawn.set_in_stock(id, available > 0);
    }

    /// What is known of a product.
    pub(crate) fn state(&self, id: &ProductId) -> Option<&Product> {
        self.by_id.get(id).map(|entry| &entry.product)
    }

    /// Another product than `except` that has an article number or a name which differs at most in case and Unicode form.
    pub(crate) fn product_with_sku_or_name(
        &self,
        sku: Option<&str>,
        name: Option<&str>,
        except: Option<&ProductId>,
    ) -> Option<(&ProductId, Field)> {
        let (sku, name) = (sku.map(terms::identity), name.map(terms::identity));
        let others = self.by_id.iter().filter(|(id, _)| Some(*id) != except);
        let mut described = others.filter_map(|(id, entry)| Some((id, entry.product.facts()?)));
        described.find_map(|(id, facts)| {
            if sku.as_ref().is_some_and(|sku| *sku == terms::identity(&facts.sku)) {
                return Some((id, Field::Sku));
            }
            let same_name = name.as_ref().is_some_and(|name| *name == terms::identity(&facts.name));
            same_name.then_some((id, Field::Name))
        })
    }

    /// The ids of all products that were ever listed.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ProductId> {
        self.by_id.keys()
    }

    /// Whether a product can be bought.
    pub(crate) fn is_for_sale(&self, id: &ProductId) -> bool {
        self.state(id).is_some_and(Product::active)
    }

    /// One product as the wire shows it; withdrawn ones too.
    pub(crate) fn get(&self, id: &ProductId, stock: &StockView, stale: bool) -> Option<api::Product> {
        self.by_id.get(id).and_then(|entry| entry.body(id, stock, stale))
    }

    /// One page of the products that a query wants; `None` for a cursor that is none of ours.
    pub(crate) fn page(
        &self,
        query: &ProductQuery,
        limit: usize,
        stock: &StockView,
        stale: bool,
    ) -> Option<ProductPage> {
        let index = if query.withdrawn == Some(true) { &self.withdrawn } else { &self.index };
        let found = index.search(query, limit)?;
        let items = found.ids.iter().filter_map(|id| self.get(id, stock, stale)).collect();
        let suggestion = if found.total == 0 { index.suggestion(query) } else { None };
        Some(ProductPage { items, next_cursor: found.next_cursor, total: found.total, suggestion })
    }

    /// Every category by name, with how many products it has for sale; those that were set up and have none yet too.
    pub(crate) fn categories(&self) -> Vec<Category> {
        let mut counts: BTreeMap<&str, u32> = self.categories.names().map(|name| (name, 0)).collect();
        counts.extend(self.index.categories());
        counts.into_iter().map(|(name, products)| Category { name: name.to_owned(), products }).collect()
    }
}

impl Entry {
    fn body(&self, id: &ProductId, stock: &StockView, stale: bool) -> Option<api::Product> {
        body(id, &self.product, self.listed_at, stock.available(id), stale)
    }
}

/// A product as the wire shows it; `None` for one that was never listed.
pub(crate) fn body(
    id: &ProductId,
    product: &Product,
    listed_at: Timestamp,
    available: u32,
    stale: bool,
) -> Option<api::Product> {
    let facts = product.facts()?;
    Some(api::Product {
        id: id.clone(),
        sku: facts.sku.clone(),
        name: facts.name.clone(),
        description: facts.description.clone(),
        category: facts.category.clone(),
        price: facts.price,
        compare_at_price: facts.compare_at_price,
        vat_rate_percent: facts.vat_rate_percent,
        attributes: facts.attributes.clone(),
        active: product.active(),
        available,
        // The catalogue knows no baskets: who asks adds that.
        in_baskets: 0,
        has_picture: facts.picture.is_some(),
        stale,
        listed_at,
    })
}

#[cfg(test)]
mod tests {
    use storefront_api::ProductSort;
    use storefront_domain::stock::StockEvent;

    use super::*;
    use crate::testing::{Log, euro, facts, listed, product};

    /// A catalogue of products by id, name, category and price, of which the first two are on the shelf.
    fn a_shop() -> (CatalogueView, StockView) {
        let mut log = Log::default();
        let (mut catalogue, mut stock) = (CatalogueView::default(), StockView::default());
        catalogue.set_available(&product("pot"), 3);
        for (id, name, category, price) in [
            ("mug", "Enamel Mug", "Kitchen", 1200),
            ("pot", "Tea Pot", "Kitchen", 3500),
            ("rug", "Small Rug", "Home", 3500),
            ("cap", "Mug Cap", "Clothes", 900),
        ] {
            catalogue.apply(&log.write(&streams::product(&product(id)), &listed(name, category, price))).unwrap();
        }
        for id in ["mug", "pot"] {
            let received = StockEvent::Received { quantity: 3 };
            stock.apply(&log.write(&streams::stock(&product(id)), &received)).unwrap();
            catalogue.set_available(&product(id), 3);
        }
        (catalogue, stock)
    }

    fn found(query: &ProductQuery) -> Vec<String> {
        let (catalogue, stock) = a_shop();
        let page = catalogue.page(query, 100, &stock, false).expect("the cursor is good");
        page.items.iter().map(|product| product.id.to_string()).collect()
    }

    fn search(words: &str) -> Vec<String> {
        found(&ProductQuery { q: Some(words.to_owned()), ..ProductQuery::default() })
    }

    #[test]
    fn a_search_ranks_names_before_categories_before_descriptions() {
        assert_eq!(search("mug"), ["mug", "cap"], "both by name, then A to Z");
        assert_eq!(search("kit"), ["mug", "pot"]);
        assert_eq!(search("fine"), ["mug", "cap", "rug", "pot"]);
        assert_eq!(search("sku-tea"), ["pot"]);
    }

    #[test]
    fn every_word_of_a_search_must_fit_and_case_and_blanks_do_not_matter() {
        assert_eq!(search("  MUG  enamel "), ["mug"]);
        assert_eq!(search("mug tea"), [""; 0]);
        assert_eq!(search("").len(), 4);
    }

    #[test]
    fn lists_are_filtered_and_sorted() {
        let with = |query: ProductQuery| found(&query);
        let all = ProductQuery::default;
        assert_eq!(with(all()), ["mug", "cap", "rug", "pot"], "by name");
        assert_eq!(with(ProductQuery { sort: Some(ProductSort::Price), ..all() }), ["cap", "mug", "pot", "rug"]);
        assert_eq!(with(ProductQuery { sort: Some(ProductSort::PriceDesc), ..all() }), ["pot", "rug", "mug", "cap"]);
        assert_eq!(with(ProductQuery { sort: Some(ProductSort::Newest), ..all() }), ["cap", "rug", "pot", "mug"]);
        assert_eq!(with(ProductQuery { category: Some("kitchen".to_owned()), ..all() }), ["mug", "pot"]);
        assert_eq!(with(ProductQuery { price_min: Some(1200), price_max: Some(1200), ..all() }), ["mug"]);
        assert_eq!(with(ProductQuery { in_stock: Some(false), ..all() }), ["cap", "rug"]);
        assert_eq!(with(ProductQuery { on_sale: Some(true), ..all() }), [""; 0]);
    }

    #[test]
    fn pages_join_in_every_order_even_when_the_last_product_of_one_has_gone() {
        let (mut catalogue, stock) = a_shop();
        for sort in [ProductSort::Name, ProductSort::Price, ProductSort::PriceDesc, ProductSort::Newest] {
            let whole = found(&ProductQuery { sort: Some(sort), ..ProductQuery::default() });
            let mut paged = Vec::new();
            let mut query = ProductQuery { sort: Some(sort), ..ProductQuery::default() };
            loop {
                let page = catalogue.page(&query, 1, &stock, false).unwrap();
                assert_eq!(page.total, 4);
                paged.extend(page.items.iter().map(|product| product.id.to_string()));
                query.cursor = page.next_cursor;
                if query.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(paged, whole, "{sort:?}");
        }

        let first = ProductQuery { limit: Some(2), ..ProductQuery::default() };
        let cursor = catalogue.page(&first, 2, &stock, false).unwrap().next_cursor;
        let mut log = Log::default();
        catalogue.apply(&log.write(&streams::product(&product("cap")), &ProductEvent::Withdrawn)).unwrap();
        let rest = catalogue.page(&ProductQuery { cursor, ..first }, 100, &stock, false).unwrap();
        assert_eq!(rest.items.iter().map(|product| product.id.as_str()).collect::<Vec<_>>(), ["rug", "pot"]);
    }

    #[test]
    fn a_cursor_that_the_shop_did_not_issue_is_refused() {
        let (catalogue, stock) = a_shop();
        for cursor in ["", "no-such-thing", "a b"] {
            let query = ProductQuery { cursor: Some(cursor.to_owned()), ..ProductQuery::default() };
            assert!(catalogue.page(&query, 100, &stock, false).is_none(), "{cursor:?}");
        }
    }

    #[test]
    fn what_is_withdrawn_is_not_listed_but_can_be_looked_at() {
        let (mut catalogue, stock) = a_shop();
        let mut log = Log::default();
        catalogue.apply(&log.write(&streams::product(&product("mug")), &ProductEvent::Withdrawn)).unwrap();
        assert!(!catalogue.is_for_sale(&product("mug")));
        assert!(!catalogue.get(&product("mug"), &stock, false).unwrap().active);
        let kitchen = catalogue.categories().into_iter().find(|category| category.name == "Kitchen").unwrap();
        assert_eq!(kitchen.products, 1);
        catalogue.apply(&log.write(&streams::product(&product("mug")), &ProductEvent::Relisted)).unwrap();
        assert!(catalogue.is_for_sale(&product("mug")));
        assert_eq!(catalogue.state(&product("mug")).unwrap().facts().unwrap().price, euro(1200));
    }

    #[test]
    fn a_search_finds_a_product_by_its_new_name() {
        let (mut catalogue, stock) = a_shop();
        let changed = ProductEvent::Changed(facts("Camping Cup", "Kitchen"));
        catalogue.apply(&Log::default().write(&streams::product(&product("mug")), &changed)).unwrap();
        let search = |words: &str| {
            let query = ProductQuery { q: Some(words.to_owned()), ..ProductQuery::default() };
            catalogue.page(&query, 100, &stock, false).unwrap().total
        };
        assert_eq!((search("camping"), search("enamel")), (1, 0));
    }
}
