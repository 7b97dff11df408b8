//! Sales figures and bars. Bars are scaled in whole numbers; money is never divided.

use jiff::civil::Date;
use storefront_api::{Money, OrderStatus, Statistics};

use crate::state::Load;

/// Order states of the statistics, in the order of an order's life.
pub(crate) const STATES: [OrderStatus; 7] = [
    OrderStatus::InProgress,
    OrderStatus::CheckedOut,
    OrderStatus::Confirmed,
    OrderStatus::Shipped,
    OrderStatus::Delivered,
    OrderStatus::Cancelled,
    OrderStatus::Expired,
];

/// The statistics.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figures {
    pub(crate) statistics: Statistics,
    /// Number of orders in each of [`STATES`].
    pub(crate) states: [u64; STATES.len()],
}

/// The part Sales.
#[derive(Debug, Default)]
pub(crate) struct Sales {
    pub(crate) figures: Option<Figures>,
    pub(crate) load: Load,
    pub(crate) sequence: u64,
    /// Number of lines scrolled past.
    pub(crate) scroll: usize,
}

/// A day of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) day: Date,
    pub(crate) revenue: Money,
}

impl Sales {
    /// Number of lines in the narrow layout: four figures, the days, the states, the products and the gaps between
    /// them.
    pub(crate) fn lines(&self) -> usize {
        self.figures.as_ref().map_or(0, |figures| 11 + STATES.len() + figures.statistics.top_products.len())
    }

    /// The latest `count` days, oldest first, up to `today` or the last day with events; days without revenue included.
    pub(crate) fn bars(&self, count: usize, today: Date) -> Vec<Bar> {
        let Some(Figures { statistics, .. }) = &self.figures else { return Vec::new() };
        let known: Vec<(Date, Money)> =
            statistics.days.iter().filter_map(|day| Some((day.day.parse().ok()?, day.revenue))).collect();
        let newest = known.iter().map(|(day, _)| *day).max().unwrap_or(today).max(today);
        let nothing = Money::zero(statistics.revenue.currency);
        let days = std::iter::successors(Some(newest), |day| day.yesterday().ok());
        let mut bars: Vec<Bar> = days
            .take(count)
            .map(|day| {
                let found = known.iter().find(|(known, _)| *known == day);
                Bar { day, revenue: found.map_or(nothing, |(_, revenue)| *revenue) }
            })
            .collect();
        bars.reverse();
        bars
    }
}
