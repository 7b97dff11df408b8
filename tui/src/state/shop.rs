//! What the shop sells, as far as it has been fetched, and how the shopper looks at it.

use std::collections::{HashMap, VecDeque};

use storefront_api::{Category, Product, ProductId, ProductQuery, ProductSort, Timestamp};
use tui_input::Input;

use crate::settings::Settings;
use crate::state::{List, Load, PAGE, Pages};

/// How many pictures are kept.
const PICTURES_KEPT: usize = 200;

/// A picture as pixels, row by row; red, green, blue, alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<[u8; 4]>,
}

/// How far a picture has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PictureState {
    Loading,
    Here(Picture),
    Missing,
}

/// The pictures seen lately.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    by_id: HashMap<ProductId, PictureState>,
    oldest_first: VecDeque<ProductId>,
}

impl Pictures {
    pub(crate) fn get(&self, id: &ProductId) -> Option<&PictureState> {
        self.by_id.get(id)
    }

    pub(crate) fn put(&mut self, id: ProductId, picture: PictureState) {
        if self.by_id.insert(id.clone(), picture).is_none() {
            self.oldest_first.push_back(id);
        }
        if self.oldest_first.len() > PICTURES_KEPT
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    pub(crate) fn forget(&mut self, id: &ProductId) {
        self.by_id.remove(id);
        self.oldest_first.retain(|kept| kept != id);
    }

    /// Forgets what never arrived, so that it is asked for again.
    pub(crate) fn forget_unfinished(&mut self) {
        self.by_id.retain(|_, picture| matches!(picture, PictureState::Here(_)));
        let Self { by_id, oldest_first } = self;
        oldest_first.retain(|id| by_id.contains_key(id));
    }
}

/// The ways to sort, in the order in which a key goes through them.
pub(crate) const SORTS: [(ProductSort, &str); 4] = [
    (ProductSort::Relevance, "by name"),
    (ProductSort::Price, "cheapest first"),
    (ProductSort::PriceDesc, "dearest first"),
    (ProductSort::Newest, "newest first"),
];

/// The screen Shop.
#[derive(Debug)]
pub(crate) struct Shop {
    /// Those of `total` products that are near the cursor.
    pub(crate) items: Pages<Product>,
    pub(crate) total: usize,
    /// What may have been meant by a search that found nothing.
    pub(crate) suggestion: Option<String>,
    pub(crate) load: Load,
    /// A request for products is under way.
    pub(crate) asking: bool,
    /// The number of the latest request; answers to earlier ones are dropped.
    pub(crate) sequence: u64,
    pub(crate) list: List,
    /// The product to stand on once it is there: the last one of the last run.
    pub(crate) wanted: Option<ProductId>,
    /// The answer on its way is another list: the cursor starts at its top.
    pub(crate) from_top: bool,
    /// How many the next "add" adds.
    pub(crate) quantity: u32,
    pub(crate) search: Input,
    pub(crate) typing: bool,
    /// When to ask for what was typed.
    pub(crate) search_at: Option<Timestamp>,
    /// When to look again because something changed in the shop.
    pub(crate) refresh_at: Option<Timestamp>,
    pub(crate) categories: Vec<Category>,
    pub(crate) category: Option<String>,
    pub(crate) in_stock: bool,
    pub(crate) sort: usize,
    pub(crate) pictures: Pictures,
}

impl Shop {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            items: Pages::default(),
            total: 0,
            suggestion: None,
            load: Load::Loading,
            asking: false,
            sequence: 0,
            list: List::default(),
            wanted: settings.product.clone(),
            from_top: false,
            quantity: 1,
            search: Input::default(),
            typing: false,
            search_at: None,
            refresh_at: None,
            categories: Vec::new(),
            category: None,
            in_stock: false,
            sort: 0,
            pictures: Pictures::default(),
        }
    }

    /// The product under the cursor, if it has arrived.
    pub(crate) fn selected(&self) -> Option<&Product> {
        self.items.get(self.list.cursor)
    }

    /// How the list is sorted.
    pub(crate) fn sort_name(&self) -> &'static str {
        let (sort, name) = SORTS[self.sort % SORTS.len()];
        if sort == ProductSort::Relevance && !self.search.value().trim().is_empty() { "best match first" } else { name }
    }

    /// Whether anything narrows the list.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.category.is_some() || self.in_stock || !self.search.value().trim().is_empty()
    }

    /// What is wanted now, from its first page.
    pub(crate) fn query(&self, min_position: Option<u64>) -> ProductQuery {
        let words = self.search.value().trim();
        ProductQuery {
            q: (!words.is_empty()).then(|| words.to_owned()),
            category: self.category.clone(),
            in_stock: self.in_stock.then_some(true),
            sort: Some(SORTS[self.sort % SORTS.len()].0),
            limit: u32::try_from(PAGE).ok(),
            min_position,
            ..ProductQuery::default()
        }
    }

    /// Goes to the category so many places on; the first place is "all".
    pub(crate) fn step_category(&mut self, by: isize) {
        let places = self.categories.len() + 1;
        let here = self
            .category
            .as_ref()
            .and_then(|name| self.categories.iter().position(|category| category.name == *name))
            .map_or(0, |place| place + 1);
        let there = (here + places).saturating_add_signed(by) % places;
        self.category = there.checked_sub(1).and_then(|place| self.categories.get(place)).map(|c| c.name.clone());
    }
}
