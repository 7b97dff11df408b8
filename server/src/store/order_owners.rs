//! To whom the events of the log belong: to the owner of the order that their correlation id names, or to the customer whose
//! stream they are in. Owners of orders are cached, because they never change; the cache is bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use storefront_api::{CustomerId, OrderId};
use storefront_domain::order::OrderEvent;
use storefront_eventlog::{Recorded, Version};

use crate::store::aggregates::{self, LoadError, Store};
use crate::store::streams;

/// Maximum number of orders in each of the two halves of the cache, about 2 MB.
const MAX_HALF: usize = 20_000;

/// The owners of orders. Clones share the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct OrderOwners(Arc<Mutex<Halves>>);

/// When the newer half is full, it becomes the older one, which is dropped.
#[derive(Debug, Default)]
struct Halves {
    newer: HashMap<OrderId, Option<CustomerId>>,
    older: HashMap<OrderId, Option<CustomerId>>,
}

/// Whose an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Belonging {
    To(CustomerId),
    /// To nobody, or to a guest without a session.
    Nobody,
    /// The owner of this order, who is not in the cache.
    OwnerOf(OrderId),
}

impl OrderOwners {
    /// Whose an event is, as far as it is known without the log.
    pub(crate) fn known(&self, recorded: &Recorded) -> Belonging {
        let stream = recorded.stream();
        for kind in ["customer", "wallet"] {
            if let Some(id) = streams::id_in::<CustomerId>(kind, stream) {
                return Belonging::To(id);
            }
        }
        let correlation = recorded.correlation_id();
        // A client may have sent a UUID in other letters as the id of a request.
        let order = correlation.parse::<OrderId>().ok().filter(|id| id.to_string() == correlation);
        let Some(id) = order else { return Belonging::Nobody };
        match self.halves().get(id) {
            Some(Some(owner)) => Belonging::To(owner),
            Some(None) => Belonging::Nobody,
            None => Belonging::OwnerOf(id),
        }
    }

    /// Looks up the owner of an order in the log; `None` for one of a guest without a session, and one that never began.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn look_up(&self, store: &Store, id: OrderId) -> Result<Option<CustomerId>, LoadError> {
        let first = store.read_stream(&streams::order(id), Version(1), 1).await?;
        let Some(first) = first.first() else { return Ok(None) };
        let owner = match aggregates::decode::<OrderEvent>(first)? {
            OrderEvent::Started { customer_id, .. } => customer_id,
            _ => None,
        };
        self.halves().insert(id, owner);
        Ok(owner)
    }

    fn halves(&self) -> std::sync::MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Halves {
    fn get(&mut self, id: OrderId) -> Option<Option<CustomerId>> {
        if let Some(owner) = self.newer.get(&id) {
            return Some(*owner);
        }
        let owner = self.older.remove(&id)?;
        self.insert(id, owner);
        Some(owner)
    }

    fn insert(&mut self, id: OrderId, owner: Option<CustomerId>) {
        if self.newer.len() >= MAX_HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(id, owner);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::{a_log, at_second, order, write};

    fn customer(number: u128) -> CustomerId {
        CustomerId(Uuid::from_u128(number))
    }

    async fn first(store: &Store, id: OrderId) -> Recorded {
        store.read_stream(&streams::order(id), Version(1), 1).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn an_event_belongs_to_the_owner_of_its_order_who_is_read_once() {
        let (store, owners) = (a_log(), OrderOwners::default());
        for (number, owner) in [(1, Some(customer(7))), (2, None)] {
            let started = OrderEvent::Started { customer_id: owner, currency: crate::testing::euro(0).currency };
            write(&store, at_second(1), &order(number).to_string(), streams::order(order(number)), &[started]).await;
        }
        let event = first(&store, order(1)).await;
        assert_eq!(owners.known(&event), Belonging::OwnerOf(order(1)));
        assert_eq!(owners.look_up(&store, order(1)).await.unwrap(), Some(customer(7)));
        assert_eq!(owners.known(&event), Belonging::To(customer(7)));
        assert_eq!(owners.look_up(&store, order(2)).await.unwrap(), None);
        assert_eq!(owners.known(&first(&store, order(2)).await), Belonging::Nobody);
        // One that never began may begin later, for anybody.
        assert_eq!(owners.look_up(&store, order(3)).await.unwrap(), None);
        assert!(owners.halves().get(order(3)).is_none());
    }

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let mut halves = Halves::default();
        let id = |number: usize| OrderId(Uuid::from_u128(number as u128));
        for number in 0..5 * MAX_HALF {
            halves.insert(id(number), Some(customer(1)));
            assert_eq!(halves.get(id(0)), Some(Some(customer(1))), "{number}");
            assert!(halves.newer.len() <= MAX_HALF && halves.older.len() <= MAX_HALF);
        }
        assert_eq!(halves.get(id(MAX_HALF)), None);
    }
}
