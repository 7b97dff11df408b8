//! The views that are kept in memory beside their rows, because they must be asked without waiting or whole.

use super::catalogue::CatalogueView;
use super::stock_levels::StockView;

/// The views that are kept in memory too, as of one position.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) stock: StockView,
    pub(crate) catalogue: CatalogueView,
}
