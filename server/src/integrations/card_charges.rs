//! What the card gateway has charged, whoever asked for it.

use storefront_api::Timestamp;
use tracing::warn;

use super::card_gateway::{CardGateway, GatewayError};
use super::card_json::{ChargeObject, ListObject};
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges};

/// Maximum number of pages of charges that are read at once.
const MAX_PAGES: u32 = 100;

impl CardGateway {
    /// The charges that took money since a moment, newest first, whoever made them. A charge that cannot be understood is
    /// left out.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_charges(&self, since: Timestamp) -> Result<ListedCharges, GatewayError> {
        let mut charges = Vec::new();
        let mut last = None;
        for _ in 0..MAX_PAGES {
            let page: ListObject<ChargeObject> = self.page("charges", None, last.as_deref()).await?;
            let oldest = page.data.last().map(|charge| (charge.id.clone(), charge.created));
            charges.extend(page.data.into_iter().filter_map(understood));
            match oldest {
                Some((id, created)) if page.has_more && created.saturating_mul(1000) >= since.unix_ms() => {
                    last = Some(id);
                }
                Some(_) | None => {
                    charges.retain(|charge| charge.charged_at >= since);
                    return Ok(ListedCharges { charges, is_complete: true });
                }
            }
        }
        Ok(ListedCharges { charges, is_complete: false })
    }

    /// The charge that took the money of an intent; `None` where none did.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find_charge(&self, payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError> {
        // It lists none of an intent that it does not know, and answers an error.
        if !self.has_intent(payment_reference).await? {
            return Ok(None);
        }
        let charges: Vec<ChargeObject> = self.list("charges", payment_reference).await?;
        Ok(charges.into_iter().filter_map(understood).find(|charge| charge.reference == payment_reference))
    }
}

/// A charge that took money. One that makes no sense here, such as in an unknown currency, is told of in the server's log.
fn understood(charge: ChargeObject) -> Option<ListedCharge> {
    let id = charge.id.clone();
    charge.listed().unwrap_or_else(|why| {
        warn!(charge = id, why, "a charge of the card gateway makes no sense");
        None
    })
}
