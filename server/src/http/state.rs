//! The state that request handlers share: the log, the views, and clients of external systems.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use storefront_api::{Currency, Money};
use storefront_eventlog::Position;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::catalogue::freshness::Freshness;
use crate::catalogue::picture_cache::PictureCache;
use crate::catalogue::sync::CatalogueSync;
use crate::config::{Secret, Terms};
use crate::documents::LazyFonts;
use crate::http::idempotency::InFlightKeys;
use crate::http::order_watch::OrderWatch;
use crate::http::origin::Access;
use crate::http::rate_limit::RateLimiter;
use crate::http::traffic::Traffic;
use crate::identity::Identity;
use crate::integrations::ports::PaymentGateway;
use crate::integrations::product_service::ProductService;
use crate::integrations::webhook_targets::TargetRules;
use crate::lab::Lab;
use crate::operations::progress::Progress;
use crate::payments::unmatched_charges::Reconciliation;
use crate::store::aggregates::Store;
use crate::store::log_health::LogHealth;
use crate::store::order_owners::OrderOwners;
use crate::store::personal_data::ProtectedLog;
use crate::views::Views;

/// Shared state of the request handlers. Cheap to clone, and small: each request holds several.
#[derive(Clone)]
pub(crate) struct Shop(Arc<ShopState>);

/// What a [`Shop`] has.
pub(crate) struct ShopState {
    pub(crate) store: Store,
    /// The log behind `store`, for exports and erasures.
    pub(crate) protected_log: ProtectedLog,
    pub(crate) log_health: LogHealth,
    pub(crate) views: Views,
    pub(crate) products: Arc<ProductService>,
    pub(crate) catalogue_sync: Arc<CatalogueSync>,
    pub(crate) picture_cache: Arc<PictureCache>,
    /// Fonts for PDF documents.
    pub(crate) fonts: LazyFonts,
    pub(crate) freshness: Arc<Freshness>,
    pub(crate) in_flight_keys: InFlightKeys,
    pub(crate) identity: Arc<Identity>,
    /// Whether everything but what is public needs a session.
    pub(crate) secured: bool,
    /// The workshop lab, when enabled.
    pub(crate) lab: Option<Arc<Lab>>,
    /// Requests that wait for a change of an order.
    pub(crate) order_watch: OrderWatch,
    /// Whose the orders are, for those who see their own events alone.
    pub(crate) order_owners: OrderOwners,
    /// Progress of the processes.
    pub(crate) progress: Progress,
    pub(crate) traffic: Arc<Traffic>,
    /// Head of the log when the shop was opened. The views answer only after they have reached it.
    pub(crate) opened_at: Position,
    /// Orders confirmed at or before this position have no invoice: the shop did not issue any then.
    pub(crate) before_invoices: Position,
    /// Changes each time that the log is restored to an earlier state.
    pub(crate) epoch: Option<Uuid>,
    /// Message for operators when the log was restored to an earlier state.
    pub(crate) set_back: Option<String>,
    /// The id of the log's first event, once known.
    pub(crate) log_id: Arc<OnceLock<Uuid>>,
    /// Whether other servers may use the same log and views.
    pub(crate) shared_log: bool,
    /// The card gateway, for lookups that webhooks need.
    pub(crate) cards: Arc<dyn PaymentGateway>,
    /// Finds charges at the card gateway that the log does not have.
    pub(crate) reconciliation: Reconciliation,
    pub(crate) card_webhook_secret: Option<Secret>,
    /// The one currency of the shop.
    pub(crate) currency: Currency,
    pub(crate) terms: Terms,
    /// Accepted hosts and web origins.
    pub(crate) access: Arc<Access>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    /// To which addresses webhooks may be sent.
    pub(crate) webhook_rules: TargetRules,
    /// Cancelled at shutdown; ends waiting requests.
    pub(crate) stop: CancellationToken,
}

impl From<ShopState> for Shop {
    fn from(state: ShopState) -> Self {
        Self(Arc::new(state))
    }
}

impl Deref for Shop {
    type Target = ShopState;

    fn deref(&self) -> &ShopState {
        &self.0
    }
}

impl ShopState {
    /// An amount of minor units of the shop's currency.
    pub(crate) fn money(&self, amount: i64) -> Money {
        Money::new(amount, self.currency)
    }
}
