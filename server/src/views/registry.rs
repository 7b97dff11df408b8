//! The list of all views.

use super::engine::view::View;
use super::{categories, customers, invoices, orders, products, statistics, stock, vouchers};

/// Every view, in the order in which their checkpoints are taken.
pub(crate) const VIEWS: &[&dyn View] = &[
    &categories::CategoriesView,
    &customers::Customers,
    &invoices::Invoices,
    &orders::Orders,
    &products::Products,
    &statistics::StatisticsView,
    &stock::Stocks,
    &vouchers::Vouchers,
];
