//! Sales: stores the statistics.

use crate::state::counter::{Figures, Sales};
use crate::state::{Failure, Load};

/// Stores the statistics; returns whether the fetch failed.
pub(super) fn on_sales(sales: &mut Sales, sequence: u64, result: Result<Box<Figures>, Failure>) -> bool {
    if sequence != sales.sequence {
        return false;
    }
    match result {
        Ok(figures) => {
            sales.figures = Some(*figures);
            sales.load = Load::Ready;
            sales.scroll = sales.scroll.min(sales.lines().saturating_sub(1));
            false
        }
        Err(failure) => {
            if sales.figures.is_none() {
                sales.load = Load::Failed(failure);
            }
            true
        }
    }
}
