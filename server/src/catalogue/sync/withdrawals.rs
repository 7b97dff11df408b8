//! Withdrawals: products that the product service no longer lists. When they are most of the range, they wait for an operator.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use storefront_api::ProductId;
use storefront_domain::withdrawals::{self, Withdrawals, WithdrawalsCommand, WithdrawalsEvent};
use storefront_eventlog::Version;

use super::operator_changes::ChangeError;
use super::{CatalogueSync, LOCK_TIMEOUT, MissingProducts, count, feed_cause};
use crate::clock;
use crate::integrations::product_service::Listing;
use crate::integrations::product_writes::WriteError;
use crate::store::aggregates;
use crate::store::aggregates::AppendBuilder;
use crate::store::commands;
use crate::store::commands::{Condition, Context, Done, Failure, Reply, decide_change, retry_on_conflict};
use crate::store::streams;

impl CatalogueSync {
    /// Returns whether withdrawals wait for an operator, as of the last comparison on this server.
    pub(crate) fn holds_withdrawals(&self) -> bool {
        self.holds_withdrawals.load(Ordering::Relaxed)
    }

    /// Withdraws every product that the service does not list now, on an operator's confirmation, even if that is
    /// most of the range. `reply` receives the number of products. Any server may do this; the one that follows the
    /// service compares again later.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub(crate) async fn confirm_withdrawals(
        &self,
        context: &Context,
        reply: impl Fn(u32) -> Result<Reply, serde_json::Error> + Send + Sync,
    ) -> Result<Done, ChangeError> {
        let _lock = clock::timeout(LOCK_TIMEOUT, self.feed_position.lock()).await.ok_or(Failure::Busy)?;
        let listing = self.service.list().await.map_err(WriteError::from)?;
        // The view of products may be paused: the operator is told so, and others are not kept waiting for the lock.
        let found = clock::timeout(LOCK_TIMEOUT, self.find_missing(&listing)).await.ok_or(Failure::Busy)?;
        let MissingProducts { missing, .. } = found?;
        let confirm = WithdrawalsCommand::Confirm { missing: count(missing.len()) };
        let (state, version) = self.withdrawals().await?;
        context.condition.check(version)?;
        let events = withdrawals::decide(state, &confirm)?;
        self.withdraw_products(&missing, &context.cause).await?;
        let mut batch = AppendBuilder::new(clock::now(), context.cause.clone());
        batch.add(streams::withdrawals(), version, &events);
        let reply = reply(count(missing.len())).map_err(Failure::from)?;
        Ok(commands::append_with_reply(&self.store, batch, context, reply).await?)
    }

    /// Loads whether withdrawals wait for an operator, and the version of that stream.
    pub(crate) async fn withdrawals(&self) -> Result<(Withdrawals, Version), Failure> {
        let (state, version) = aggregates::load::<WithdrawalsEvent>(&self.store, &streams::withdrawals()).await?;
        Ok((*state, version))
    }

    /// Records the outcome of a comparison. Returns `true` when the withdrawals are held until an operator confirms
    /// them.
    pub(super) async fn hold_if_most_missing(&self, compare: &WithdrawalsCommand) -> Result<bool, Failure> {
        let held = retry_on_conflict(|| async {
            let (stream, cause) = (streams::withdrawals(), feed_cause());
            let decide = |state: &Withdrawals| withdrawals::decide(*state, compare);
            let change = decide_change(&self.store, &stream, &Condition::Any, &cause, decide).await?;
            let after = change.after();
            change.batch.append_if_any(&self.store, None).await?;
            Ok(after != Withdrawals::Usual)
        });
        let held = held.await?;
        self.holds_withdrawals.store(held, Ordering::Relaxed);
        Ok(held)
    }

    /// Returns the products for sale that a listing lacks, as of the end of the log. A listed product that cannot be
    /// read is not missing.
    pub(super) async fn find_missing(&self, listing: &Listing) -> Result<MissingProducts, Failure> {
        let readable = listing.products.iter().map(|product| &product.id);
        let unreadable = listing.unreadable.iter().filter_map(|unreadable| unreadable.id.as_ref());
        let present: HashSet<&ProductId> = readable.chain(unreadable).collect();
        let head = self.store.head().await?;
        let for_sale = self.basket_lookup.products_for_sale(head).await?;
        let count = for_sale.len();
        Ok(MissingProducts {
            missing: for_sale.into_iter().filter(|id| !present.contains(id)).collect(),
            for_sale: count,
        })
    }
}
