//! Sales: stores the statistics.

use crate::state::counter::Figures;
use crate::state::{Failure, Load, Model};
use crate::update::Effect;
use crate::update::counter::retry_later;

pub(in crate::update) fn on_sales(model: &mut Model, sequence: u64, result: Result<Figures, Failure>) -> Vec<Effect> {
    let sales = &mut model.counter.sales;
    if sequence != sales.sequence {
        return Vec::new();
    }
    let lost = result.is_err();
    match result {
        Ok(figures) => {
            sales.figures = Some(figures);
            sales.load = Load::Ready;
            sales.scroll = sales.scroll.min(sales.lines().saturating_sub(1));
        }
        Err(failure) => {
            if sales.figures.is_none() {
                sales.load = Load::Failed(failure);
            }
        }
    }
    retry_later(model, lost)
}
