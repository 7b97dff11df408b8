//! What the processes ask of the systems around the shop, and no more: so that others can stand in their place.
//!
//! The clients of this folder are the real ones; the simulation has its own. One method is one attempt, as the clients have
//! it: whoever asks decides whether to ask again.

use async_trait::async_trait;

use super::card_gateway::{CardGateway, Charge, ChargeOutcome, GatewayError, Refund, RefundOutcome};
use super::mailer::{Mail, MailError, Mailer};
use super::product_service::{Changes, Listing, ProductService, ServiceError};

/// Moves money by card.
#[async_trait]
pub(crate) trait Cards: Send + Sync {
    /// Takes money; see [`CardGateway::charge`].
    async fn charge(&self, charge: &Charge) -> Result<ChargeOutcome, GatewayError>;

    /// Gives money back; see [`CardGateway::refund`].
    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError>;
}

/// Takes mail in.
#[async_trait]
pub(crate) trait Post: Send + Sync {
    /// Hands a mail in; see [`Mailer::send`].
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}

/// Tells which products there are.
#[async_trait]
pub(crate) trait Products: Send + Sync {
    /// All products as they are now; see [`ProductService::list`].
    async fn list(&self) -> Result<Listing, ServiceError>;

    /// What changed after a position of the service's own feed; see [`ProductService::changes`].
    async fn changes(&self, after: u64, wait_seconds: u32) -> Result<Changes, ServiceError>;
}

#[async_trait]
impl Cards for CardGateway {
    async fn charge(&self, charge: &Charge) -> Result<ChargeOutcome, GatewayError> {
        self.charge(charge).await
    }

    async fn refund(&self, refund: &Refund) -> Result<RefundOutcome, GatewayError> {
        self.refund(refund).await
    }
}

#[async_trait]
impl Post for Mailer {
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
}
