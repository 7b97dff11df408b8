//! State of the screen Shop: loaded products, pictures, search and filters.

use std::collections::{HashMap, VecDeque};

use storefront_api::{Category, OrderId, Product, ProductId, ProductQuery, ProductSort, Timestamp};
use tui_input::Input;

use crate::settings::Settings;
use crate::state::{PAGE, PagedList};

/// Maximum number of pictures that are kept.
const MAX_PICTURES: usize = 200;

/// A picture as RGBA pixels, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<[u8; 4]>,
}

/// Loading state of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PictureState {
    Loading,
    Here(Picture),
    Missing,
}

/// The latest pictures.
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
        if self.oldest_first.len() > MAX_PICTURES
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_id.remove(&oldest);
        }
    }

    pub(crate) fn forget(&mut self, id: &ProductId) {
        self.by_id.remove(id);
        self.oldest_first.retain(|kept| kept != id);
    }

    /// Drops pictures that never arrived, so that they are requested again.
    pub(crate) fn forget_unfinished(&mut self) {
        self.by_id.retain(|_, picture| matches!(picture, PictureState::Here(_)));
        let Self { by_id, oldest_first } = self;
        oldest_first.retain(|id| by_id.contains_key(id));
    }
}

/// Sort orders, in the order in which a key steps through them.
pub(crate) const SORTS: [(ProductSort, &str); 4] = [
    (ProductSort::Relevance, "by name"),
    (ProductSort::Price, "cheapest first"),
    (ProductSort::PriceDesc, "dearest first"),
    (ProductSort::Newest, "newest first"),
];

/// The screen Shop.
#[derive(Debug)]
pub(crate) struct Shop {
    pub(crate) products: PagedList<Product>,
    /// Suggestion for a search without results.
    pub(crate) suggestion: Option<String>,
    /// The product to select once it is loaded: the last one of the previous run.
    pub(crate) wanted: Option<ProductId>,
    /// Whether the running request is for another list, whose first line is to be selected.
    pub(crate) from_top: bool,
    /// Whether products are shown as cards where there is room, instead of a list.
    pub(crate) cards: bool,
    /// Whether the page of the selected product is open.
    pub(crate) page: bool,
    pub(crate) search: Input,
    pub(crate) typing: bool,
    /// When to search for the typed text.
    pub(crate) search_at: Option<Timestamp>,
    pub(crate) categories: Vec<Category>,
    pub(crate) category: Option<String>,
    pub(crate) in_stock: bool,
    pub(crate) sort: usize,
    pub(crate) pictures: Pictures,
}

/// The cards that fit on the screen at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

impl Grid {
    pub(crate) const fn len(self) -> usize {
        self.columns * self.rows
    }
}

impl Shop {
    /// Columns and rows of a card.
    pub(crate) const CARD: (u16, u16) = (20, 12);
    /// Width of the screen from which there are cards.
    const CARDS_MIN_WIDTH: u16 = 100;
    /// Width of the screen from which there is a column of categories.
    pub(crate) const CATEGORIES_MIN_WIDTH: u16 = 116;
    /// Width of the screen from which the basket is beside the products, and the width of that column.
    pub(crate) const BASKET_MIN_WIDTH: u16 = 140;
    pub(crate) const BASKET_WIDTH: u16 = 36;

    /// The cards for which there is room on a screen of a size.
    pub(crate) fn room_for_cards((width, height): (u16, u16)) -> Option<Grid> {
        /// Header, filters, what is known about the chosen product, and footer.
        const OTHER_ROWS: u16 = 10;
        let rows = height.saturating_sub(OTHER_ROWS) / Self::CARD.1;
        if width < Self::CARDS_MIN_WIDTH || rows == 0 {
            return None;
        }
        let mut room = width - 4;
        if width >= Self::CATEGORIES_MIN_WIDTH {
            room -= 23;
        }
        if width >= Self::BASKET_MIN_WIDTH {
            room -= Self::BASKET_WIDTH + 3;
        }
        Some(Grid { columns: usize::from(room / Self::CARD.0), rows: usize::from(rows) })
    }

    /// The cards on a screen of a size; `None`: there is a list.
    pub(crate) fn grid(&self, size: (u16, u16)) -> Option<Grid> {
        Self::room_for_cards(size).filter(|_| self.cards)
    }

    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            products: PagedList::default(),
            suggestion: None,
            wanted: settings.product.clone(),
            from_top: false,
            cards: !settings.products_as_list,
            page: false,
            search: Input::default(),
            typing: false,
            search_at: None,
            categories: Vec::new(),
            category: None,
            in_stock: false,
            sort: 0,
            pictures: Pictures::default(),
        }
    }

    /// The product under the cursor, if it is loaded.
    pub(crate) fn selected(&self) -> Option<&Product> {
        self.products.selected()
    }

    /// Name of the sort order.
    pub(crate) fn sort_name(&self) -> &'static str {
        let (sort, name) = SORTS[self.sort % SORTS.len()];
        if sort == ProductSort::Relevance && !self.search.value().trim().is_empty() { "best match first" } else { name }
    }

    /// Whether a search or filter is active.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.category.is_some() || self.in_stock || !self.search.value().trim().is_empty()
    }

    /// The query of a page, as seen by the order of the basket.
    pub(crate) fn query(&self, cursor: Option<String>, min_position: Option<u64>, order: OrderId) -> ProductQuery {
        let words = self.search.value().trim();
        ProductQuery {
            q: (!words.is_empty()).then(|| words.to_owned()),
            category: self.category.clone(),
            in_stock: self.in_stock.then_some(true),
            sort: Some(SORTS[self.sort % SORTS.len()].0),
            limit: u32::try_from(PAGE).ok(),
            cursor,
            min_position,
            order: Some(order),
            ..ProductQuery::default()
        }
    }

    /// Moves by `by` categories; the first one is "all".
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
