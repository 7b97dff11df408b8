//! Orders as clients see them. While `in_progress`, an order is the basket.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::{or_unknown, states};
use crate::{
    Currency, CustomerId, Dispute, Money, OrderId, PaymentId, ProductId, Refund, Timestamp, VatRate, VoucherCode,
};

states!(OrderStatus, PaymentStatus);

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// A basket, which can be changed.
    InProgress,
    /// Checked out; stock, payment and confirmation are in progress.
    CheckedOut,
    /// Paid; waits for shipping.
    Confirmed,
    /// Shipped by a carrier.
    Shipped,
    /// Delivered to a recipient.
    Delivered,
    /// Cancelled before it was shipped.
    Cancelled,
    /// A basket that was not changed for its maximum lifetime.
    Expired,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// The status of the payment of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// No payment was requested.
    None,
    /// Requested; the outcome is not known yet.
    Pending,
    /// The bank asks the cardholder to authenticate; see `payment_action` of the order.
    AuthenticationRequired,
    /// Paid, and not refunded in full.
    Paid,
    /// Declined by the gateway or the wallet.
    Declined,
    /// A refund is in progress.
    Refunding,
    /// Refunded in full, or lost in a dispute.
    Refunded,
    /// Disputed by the cardholder; not decided yet.
    Disputed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// What the shopper has to do before the payment continues.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentAction {
    /// URL of the page of the bank, for a browser.
    pub url: String,
    /// Time until which the order waits; after that it is a basket again.
    pub expires_at: Timestamp,
}

/// Why a checkout failed and the order became a basket again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ReopenReason {
    /// Products without enough stock.
    OutOfStock {
        /// Ids of the products without enough stock.
        product_ids: Vec<ProductId>,
    },
    /// The payment was declined.
    PaymentDeclined {
        /// The decline code of the gateway, such as `insufficient_funds`.
        reason: String,
        /// The reason, for people.
        message: String,
    },
    /// The voucher can no longer be used, for example because another order uses it. It was removed from the basket.
    VoucherUnavailable {
        /// The code of the voucher.
        voucher: VoucherCode,
    },
    /// The payment had no outcome before the reservation of the stock expired. Money that arrives later is refunded.
    ReservationExpired,
}

/// The payment method of a checkout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum PaymentMethod {
    /// A card, by a token of the gateway; card numbers are refused.
    Card {
        /// The gateway's token for the card, 1 to 255 characters.
        #[schema(min_length = 1, max_length = 255)]
        token: String,
    },
    /// The wallet of the customer.
    Wallet,
    /// No payment; for demos.
    None,
}

/// A shipping address. Its texts must not contain control, invisible or text-direction characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The recipient, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Street and number, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub street: String,
    /// Further details, such as a flat or a company, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub line2: Option<String>,
    /// Postal code, at most 20 characters; empty or left out where the country has none.
    #[serde(default)]
    #[schema(max_length = 20)]
    pub postal_code: String,
    /// Town, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub city: String,
    /// State, province, prefecture or county, 1 to 100 characters, where addresses of the country name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 code, such as `DE`.
    #[schema(min_length = 2, max_length = 2, pattern = "^[A-Z]{2}$", example = "DE")]
    pub country: String,
    /// A telephone number for the carrier, 1 to 30 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 30)]
    pub phone: Option<String>,
}

impl Address {
    /// The address as it is written on a parcel, a line each, with the country's name; without the telephone number.
    pub fn lines(&self) -> Vec<String> {
        let Self { name, street, line2, postal_code, city, state, country, phone: _ } = self;
        let words = |words: &[&str]| -> String {
            let there: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
            there.join(" ")
        };
        let state = state.as_deref().unwrap_or_default();
        // English-speaking countries and their neighbours write the code last, most others first.
        let town = match country.as_str() {
            "AU" | "CA" | "GB" | "IE" | "IN" | "NZ" | "US" | "ZA" => words(&[city, state, postal_code]),
            _ => words(&[postal_code, city, state]),
        };
        let country = crate::Country::by_code(country).map_or(country.as_str(), |country| country.name);
        let lines = [name, street, line2.as_deref().unwrap_or_default(), &town, country];
        lines.into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// Add a product to the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// The id of the product.
    pub product_id: ProductId,
    /// Number of pieces to add, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: u32,
}

/// Change the quantity of a line of the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuantity {
    /// Number of pieces, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: u32,
}

/// Apply a voucher to the basket; it replaces the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyVoucher {
    /// The code of the voucher.
    pub code: VoucherCode,
}

/// Check the basket out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkout {
    /// The total that the shopper was shown. If the total has changed, the checkout is refused.
    pub expected_total: Money,
    /// Mail address for messages about the order.
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    pub email: String,
    /// Where the goods are sent.
    pub shipping_address: Address,
    /// How the order is paid: by card token or from the wallet.
    pub payment: PaymentMethod,
}

/// Change the mail address of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The new mail address.
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    pub email: String,
}

/// The body of `POST /v1/orders/{id}/cancel`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// Refund an order in full or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// The amount; without it, all that can still be refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::money_limits::PositiveMoney>)]
    pub amount: Option<Money>,
    /// The reason, 1 to 200 characters.
    #[schema(min_length = 1, max_length = 200)]
    pub reason: String,
}

/// The body of `POST /v1/orders/{id}/ship`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    /// The carrier, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub carrier: String,
    /// The tracking number of the carrier, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub tracking_number: String,
    /// Estimated time of delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<Timestamp>,
}

/// Record the delivery of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// The person who received it, 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub recipient: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderItem {
    /// The id of the product.
    pub product_id: ProductId,
    /// The article number of the seller.
    pub sku: String,
    /// The name of the product when it was added.
    pub name: String,
    /// Price of one piece, VAT included.
    pub unit_price: Money,
    /// Number of pieces, 1 to 99.
    #[schema(minimum = 1, maximum = 99)]
    pub quantity: u32,
    /// Unit price times quantity.
    pub line_total: Money,
    /// A notice for the shopper, such as a changed price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// The VAT of a total at one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// The VAT rate in percent.
    pub rate_percent: VatRate,
    /// The VAT of this rate after the discount, rounded half up once per rate.
    pub amount: Money,
}

/// The shipment of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    /// Name of the carrier.
    pub carrier: String,
    /// The tracking number of the carrier.
    pub tracking_number: String,
    /// Estimated time of delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<Timestamp>,
    /// When the shipment was recorded.
    pub shipped_at: Timestamp,
    /// Time of delivery; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// The person who received it; absent before the delivery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

/// An order from its first item on: a basket until it is checked out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// The id, chosen by the client.
    pub id: OrderId,
    /// The order number for people, such as `95EG-YSMH`; absent until the order is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The status of the order.
    #[serde(deserialize_with = "or_unknown")]
    pub status: OrderStatus,
    /// The status of the payment.
    #[serde(deserialize_with = "or_unknown")]
    pub payment_status: PaymentStatus,
    /// What the shopper has to do before the payment continues; absent when there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_action: Option<PaymentAction>,
    /// The payment of the latest checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// The customer who owns the order; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The version of the stream of the order; also its `ETag`.
    pub version: u64,
    /// The currency of all amounts.
    pub currency: Currency,
    /// The lines, in the order in which they were added.
    pub items: Vec<OrderItem>,
    /// The sum of the lines.
    pub subtotal: Money,
    /// The discount by the voucher; at most the subtotal.
    pub discount: Money,
    /// The amount to pay: subtotal less discount.
    pub total: Money,
    /// The VAT that the total includes, by rate.
    pub tax: Vec<TaxLine>,
    /// The voucher of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherCode>,
    /// Mail address for messages about the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the goods are sent; absent before the checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// The shipment; absent until the order is shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// The number of the invoice, which is issued soon after the confirmation; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// Why the last checkout failed, while the order is a basket again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_because: Option<ReopenReason>,
    /// Time of the first item.
    pub started_at: Timestamp,
    /// Time of the latest checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_out_at: Option<Timestamp>,
    /// Time of the confirmation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// Time of the cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// Reason of the cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_because: Option<String>,
    /// The refunds of the payment, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// The disputes of the payment, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSummary {
    /// The id of the order.
    pub id: OrderId,
    /// The order number for people, such as `95EG-YSMH`; absent until the order is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The status of the order.
    #[serde(deserialize_with = "or_unknown")]
    pub status: OrderStatus,
    /// The status of the payment.
    #[serde(deserialize_with = "or_unknown")]
    pub payment_status: PaymentStatus,
    /// Number of pieces on all lines.
    pub pieces: u32,
    /// Name of the product of the first line; absent for an empty basket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_item: Option<String>,
    /// The name of its second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_item: Option<String>,
    /// How many lines it has: products, each counted once.
    #[serde(default)]
    pub lines: u32,
    /// The amount to pay.
    pub total: Money,
    /// Time of the first item.
    pub started_at: Timestamp,
    /// Time of the latest change.
    pub changed_at: Timestamp,
}

/// What `GET /v1/orders/lookup` is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderLookupQuery {
    /// The order number, such as `MJVS-JTAY`; case and dash do not matter.
    #[param(min_length = 8, max_length = 9, pattern = "^[0-9A-TV-Za-tv-z]{4}-?[0-9A-TV-Za-tv-z]{4}$")]
    pub number: String,
    /// The mail address of the order.
    #[param(format = "email", max_length = 254)]
    pub email: String,
}

/// Which state of an order to read: the present one, or that at `version` or `at`, of which at most one may be given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// The state at this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The state at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// With `If-None-Match`: seconds to wait for a change, 0 to 30; default 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 30)]
    pub wait: Option<u32>,
}

/// Filter and page of the list of orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderListQuery {
    /// Only orders with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub status: Option<OrderStatus>,
    /// Only orders of this customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Only orders whose id, number, mail address or product names have words with these beginnings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Maximum number of items in the page, 1 to 100; default 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `next_cursor` of the previous page; without it the list starts at its beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The answer waits until the list includes the events up to this position of the log (`Storefront-Position` of a
    /// write), at most 5 s; then it is 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}
