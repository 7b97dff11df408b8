//! Traits for the external systems, as processes and operators use them.
//!
//! The clients in this folder implement them; the simulation has its own implementations. Unless the client's method
//! says otherwise, one call is one attempt and the caller decides about retries.

use async_trait::async_trait;
use storefront_api::{Money, PaymentId, ProductId, Timestamp};

use super::card_gateway::{CardGateway, GatewayError};
use super::card_intents::{CancelOutcome, CardIntent, Charge, CreateOutcome};
use super::card_refunds::{Refund, RefundOutcome};
use super::gateway_lists::{ListedCharge, ListedCharges, ListedDispute, ListedRefund};
use super::mailer::{Mail, MailError, Mailer};
use super::product_service::{Changes, Listing, ProductService, SeenProduct, ServiceError};
use super::product_writes::{ProductWrite, WriteError};

#[async_trait]
pub(crate) trait PaymentGateway: Send + Sync {
    /// Creates an intent, which moves no money; see [`CardGateway::create`].
    async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError>;

    /// Confirms an intent, which may move money; see [`CardGateway::confirm`].
    async fn confirm(&self, reference: &str, amount: Money, key: &str) -> Result<CardIntent, GatewayError>;

    /// Finds an intent; see [`CardGateway::find`].
    async fn find(&self, reference: &str, amount: Money) -> Result<Option<CardIntent>, GatewayError>;

    /// Cancels an intent; see [`CardGateway::cancel`].
    async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError>;

    /// Makes a refund; see [`CardGateway::refund`].
    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError>;

    /// Finds a refund; see [`CardGateway::find_refund`].
    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError>;

    /// Lists all refunds of a payment; see [`CardGateway::list_refunds`].
    async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError>;

    /// Lists all disputes of a payment; see [`CardGateway::list_disputes`].
    async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError>;

    /// Lists the charges since a time; see [`CardGateway::list_charges`].
    async fn list_charges(&self, since: Timestamp) -> Result<ListedCharges, GatewayError>;

    /// Finds the charge of an intent; see [`CardGateway::find_charge`].
    async fn find_charge(&self, payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError>;

    /// Returns the id of our payment behind an intent; see [`CardGateway::payment_of`].
    async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError>;
}

#[async_trait]
pub(crate) trait MailSender: Send + Sync {
    /// Sends a mail; see [`Mailer::send`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Reads and changes of the products.
#[async_trait]
pub(crate) trait Products: Send + Sync {
    /// Lists all products; see [`ProductService::list`].
    async fn list(&self) -> Result<Listing, ServiceError>;

    /// Reads the changes after a position of the service's feed; see [`ProductService::changes`].
    async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError>;

    /// Reads one product; see [`ProductService::get`].
    async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError>;

    /// Lists the names of all categories; see [`ProductService::categories`].
    async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError>;

    /// Makes an operator's change; see [`ProductService::write`].
    async fn write(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError>;
}

#[async_trait]
impl PaymentGateway for CardGateway {
    async fn create(&self, charge: &Charge) -> Result<CreateOutcome, GatewayError> {
        self.create(charge).await
    }

    async fn confirm(&self, reference: &str, amount: Money, key: &str) -> Result<CardIntent, GatewayError> {
        self.confirm(reference, amount, key).await
    }

    async fn find(&self, reference: &str, amount: Money) -> Result<Option<CardIntent>, GatewayError> {
        self.find(reference, amount).await
    }

    async fn cancel(&self, reference: &str) -> Result<CancelOutcome, GatewayError> {
        self.cancel(reference).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.refund(refund).await
    }

    async fn find_refund(&self, reference: &str) -> Result<Option<ListedRefund>, GatewayError> {
        self.find_refund(reference).await
    }

    async fn list_refunds(&self, payment_reference: &str) -> Result<Vec<ListedRefund>, GatewayError> {
        self.list_refunds(payment_reference).await
    }

    async fn list_disputes(&self, payment_reference: &str) -> Result<Vec<ListedDispute>, GatewayError> {
        self.list_disputes(payment_reference).await
    }

    async fn list_charges(&self, since: Timestamp) -> Result<ListedCharges, GatewayError> {
        self.list_charges(since).await
    }

    async fn find_charge(&self, payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError> {
        self.find_charge(payment_reference).await
    }

    async fn payment_of(&self, reference: &str) -> Result<Option<PaymentId>, GatewayError> {
        self.payment_of(reference).await
    }
}

#[async_trait]
impl MailSender for Mailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        self.send(mail).await
    }
}

#[async_trait]
impl Products for ProductService {
    async fn list(&self) -> Result<Listing, ServiceError> {
        self.list().await
    }

    async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError> {
        self.changes(after, wait_seconds).await
    }

    async fn get(&self, id: &ProductId) -> Result<Option<SeenProduct>, ServiceError> {
        self.get(id).await
    }

    async fn categories(&self) -> Result<Option<Vec<String>>, ServiceError> {
        self.categories().await
    }

    async fn write(&self, write: &ProductWrite, key: &str) -> Result<Option<ProductId>, WriteError> {
        self.write(write, key).await
    }
}
