//! Withdrawals: products that the product service no longer lists. When they are most of the range, they wait for an operator.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use storefront_api::ProductId;
use storefront_domain::withdrawals::{self, Withdrawals, WithdrawalsCommand, WithdrawalsEvent};
use storefront_eventlog::Version;

use super::operator_changes::ChangeError;
use super::{CatalogueSync, LOCK_TIMEOUT, Missing, count, feed_cause};
use crate::clock;
use crate::integrations::product_service::Listing;
use crate::integrations::product_writes::WriteError;
use crate::store::aggregates;
use crate::store::aggregates::AppendBuilder;
use crate::store::commands;
use crate::store::commands::{Context, Done, Failure, Reply, retrying};
use crate::store::streams;

impl CatalogueSync {
    /// Whether withdrawals wait for an operator, as of the last comparison on this server.
    pub(crate) fn holds_withdrawals(&self) -> bool {
        self.holds.load(Ordering::Relaxed)
    }

    /// Withdraws what the product service does not list now, although it is most of the range, and answers what became of
    /// it. Any server does it; the one that follows compares again later.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(crate) async fn confirm_withdrawals(
        &self,
        context: &Context,
        reply: impl Fn(u32) -> Result<Reply, serde_json::Error> + Send + Sync,
    ) -> Result<Done, ChangeError> {
        let _place = clock::timeout(LOCK_TIMEOUT, self.place.lock()).await.ok_or(Failure::Busy)?;
        let listing = self.service.list().await.map_err(WriteError::from)?;
        let Missing { missing, .. } = self.missing_in(&listing).await?;
        let confirm = WithdrawalsCommand::Confirm { missing: count(missing.len()) };
        let (state, version) = self.withdrawals().await?;
        context.condition.check(version)?;
        let events = withdrawals::decide(state, &confirm)?;
        self.withdraw(&missing, &context.cause).await?;
        let mut batch = AppendBuilder::new(clock::now(), context.cause.clone());
        batch.add(streams::withdrawals(), version, &events);
        let reply = reply(count(missing.len())).map_err(Failure::from)?;
        Ok(commands::write(&self.store, batch, context, reply).await?)
    }

    /// Withdrawals that wait for an operator, and the version of that.
    pub(crate) async fn withdrawals(&self) -> Result<(Withdrawals, Version), Failure> {
        Ok(aggregates::load::<WithdrawalsEvent>(&self.store, &streams::withdrawals()).await?)
    }

    /// Judges what is missing, and says whether it is held back.
    pub(super) async fn hold(&self, compare: &WithdrawalsCommand) -> Result<bool, Failure> {
        let held = retrying(|| async {
            let (state, version) = self.withdrawals().await?;
            let events = withdrawals::decide(state, compare)?;
            let after = events.iter().fold(state, withdrawals::evolve);
            let mut batch = AppendBuilder::new(clock::now(), feed_cause());
            batch.add(streams::withdrawals(), version, &events);
            self.write(batch).await?;
            Ok(after != Withdrawals::Usual)
        });
        let held = held.await?;
        self.holds.store(held, Ordering::Relaxed);
        Ok(held)
    }

    /// What the shop sells that a list has not, as of now: the views may be on their way there still. What the list has and
    /// cannot be read is there all the same.
    pub(super) async fn missing_in(&self, listing: &Listing) -> Result<Missing, Failure> {
        let readable = listing.products.iter().map(|product| &product.id);
        let unreadable = listing.unreadable.iter().filter_map(|unreadable| unreadable.id.as_ref());
        let present: HashSet<&ProductId> = readable.chain(unreadable).collect();
        let head = self.store.head().await?;
        let sold = self.basket_lookup.sold(head).await?;
        let before = sold.len();
        Ok(Missing { missing: sold.into_iter().filter(|id| !present.contains(id)).collect(), sold: before })
    }
}
