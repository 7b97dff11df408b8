//! Listing the charges at the card gateway, also those that this shop did not request.

use storefront_api::Timestamp;
use tracing::warn;

use super::card_gateway::{CardGateway, GatewayError};
use super::card_json::{ChargeObject, ListObject};
use crate::integrations::gateway_lists::{ListedCharge, ListedCharges};

/// Maximum number of pages of charges per listing.
const MAX_PAGES: u32 = 100;

impl CardGateway {
    /// Lists the charges that took money since a time, newest first, whoever made them. Unreadable charges are skipped.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn list_charges(&self, since: Timestamp) -> Result<ListedCharges, GatewayError> {
        let mut charges = Vec::new();
        let mut last = None;
        for _ in 0..MAX_PAGES {
            let page: ListObject<ChargeObject> = self.fetch_page("charges", None, last.as_deref()).await?;
            let oldest = page.data.last().map(|charge| (charge.id.clone(), charge.created));
            charges.extend(page.data.into_iter().filter_map(to_listed_charge));
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

    /// Finds the charge that took the money of an intent; `None` when there is none.
    ///
    /// # Errors
    /// See [`CardGateway::create`].
    pub(crate) async fn find_charge(&self, payment_reference: &str) -> Result<Option<ListedCharge>, GatewayError> {
        // Listing the charges of an unknown intent is an error at the gateway.
        if !self.has_intent(payment_reference).await? {
            return Ok(None);
        }
        let charges: Vec<ChargeObject> = self.fetch_all("charges", payment_reference).await?;
        Ok(charges.into_iter().filter_map(to_listed_charge).find(|charge| charge.reference == payment_reference))
    }
}

/// Converts a charge that took money. An unreadable one, such as in an unknown currency, is logged and skipped.
fn to_listed_charge(charge: ChargeObject) -> Option<ListedCharge> {
    let id = charge.id.clone();
    charge.into_listed().unwrap_or_else(|why| {
        warn!(charge = id, why, "skipped an unreadable charge of the card gateway");
        None
    })
}
