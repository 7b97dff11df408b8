//! What every handler of a request needs: the log, the views, and what is known of the product service.

use std::sync::{Arc, OnceLock};

use storefront_api::{Currency, Money};
use storefront_eventlog::Position;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalogue::freshness::Freshness;
use crate::catalogue::picture_cache::PictureCache;
use crate::catalogue::sync::CatalogueSync;
use crate::config::{Secret, Terms};
use crate::documents::FontShelf;
use crate::http::idempotency::InFlightKeys;
use crate::http::order_watch::OrderWatch;
use crate::http::origin::Access;
use crate::http::traffic::Traffic;
use crate::integrations::ports::PaymentGateway;
use crate::integrations::product_service::ProductService;
use crate::lab::Lab;
use crate::operations::progress::Progress;
use crate::payments::reconciliation::Reconciliation;
use crate::store::aggregates::Store;
use crate::store::log_health::LogHealth;
use crate::views::Views;

/// The running shop, as requests see it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) store: Store,
    pub(crate) log_health: LogHealth,
    pub(crate) views: Views,
    pub(crate) products: Arc<ProductService>,
    pub(crate) catalogue_sync: Arc<CatalogueSync>,
    pub(crate) picture_cache: Arc<PictureCache>,
    /// What documents are set in.
    pub(crate) fonts: FontShelf,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) running: InFlightKeys,
    /// The workshop lab, where there is one.
    pub(crate) lab: Option<Arc<Lab>>,
    /// Who waits for which order.
    pub(crate) order_watch: OrderWatch,
    /// How far the processes are.
    pub(crate) progress: Progress,
    /// What was asked of the server so far.
    pub(crate) traffic: Arc<Traffic>,
    /// Where the log stood when the shop was opened; before the views have come there they are not fit to be shown.
    pub(crate) opened_at: Position,
    /// What was confirmed up to here gets no invoice: the shop wrote none then.
    pub(crate) before_invoices: Position,
    /// Another one since each time that the log was set back.
    pub(crate) epoch: Option<Uuid>,
    /// What an operator should know of a log that was set back.
    pub(crate) set_back: Option<String>,
    /// The id of the log's first event, once it is known.
    pub(crate) log_id: Arc<OnceLock<Uuid>>,
    /// Whether other servers may use the same log and views.
    pub(crate) shared_log: bool,
    /// The card gateway, for questions about what it has told.
    pub(crate) cards: Arc<dyn PaymentGateway>,
    /// What the card gateway charged and the log does not know.
    pub(crate) reconciliation: Reconciliation,
    pub(crate) card_webhook_secret: Option<Secret>,
    /// The one currency of the shop.
    pub(crate) currency: Currency,
    pub(crate) terms: Terms,
    /// Whose web pages may ask, and under which names.
    pub(crate) access: Arc<Access>,
    /// Ends waiting requests when the server is told to stop.
    pub(crate) stop: CancellationToken,
}

impl Shop {
    /// An amount of minor units of the shop's currency.
    pub(crate) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }
}
