//! Orders as clients see them. While `in_progress`, an order is the basket.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::unknown::or_unknown;
use crate::{
    Currency, CustomerId, Dispute, Money, OrderId, PaymentId, ProductId, Refund, Timestamp, VatRate, VoucherCode,
};

/// Where an order is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// A basket.
    InProgress,
    /// Bought, and on its way through the checkout.
    CheckedOut,
    /// Paid, and promised.
    Confirmed,
    /// On its way.
    Shipped,
    /// With its recipient.
    Delivered,
    /// Given up.
    Cancelled,
    /// A basket in which nothing happened for too long.
    Expired,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// Where the money of an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing has been asked for yet.
    None,
    /// Asked for; the answer is not in.
    Pending,
    /// The card's bank wants to hear from its owner; `payment_action` of the order says where, and until when.
    AuthenticationRequired,
    /// Received.
    Paid,
    /// Refused.
    Declined,
    /// On its way back.
    Refunding,
    /// Given back: all of it, or lost in a dispute.
    Refunded,
    /// Disputed by the cardholder, and not decided yet.
    Disputed,
    /// One of a later version, which this one does not know; only in answers that are read.
    #[serde(skip)]
    Unknown,
}

/// What the shopper has to do before a payment goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentAction {
    /// The page on which to answer the card's bank, for a browser.
    pub url: String,
    /// Until when the order waits for it; then it is a basket again.
    pub expires_at: Timestamp,
}

/// Why a checkout failed and the order became a basket again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ReopenReason {
    /// These products had too few left.
    OutOfStock {
        /// The products.
        product_ids: Vec<ProductId>,
    },
    /// The payment was refused.
    PaymentDeclined {
        /// Why, for programs: the gateway's decline code, such as `insufficient_funds`.
        reason: String,
        /// Why, for people.
        message: String,
    },
    /// The voucher could not be used any more, such as because another order has it. It was taken off the basket.
    VoucherUnavailable {
        /// The voucher.
        voucher: VoucherCode,
    },
    /// The payment had no outcome for as long as the goods are kept. Should the money come all the same, it goes back.
    ReservationExpired,
}

/// How to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum PaymentMethod {
    /// By card, through the gateway's token; card numbers never come here.
    Card {
        /// The gateway's token for the card.
        token: String,
    },
    /// From the customer's wallet.
    Wallet,
    /// Without money; only in open mode, for demos.
    None,
}

/// Where to send the goods. No text may have control, invisible or text-direction characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who receives it, 1 to 100 characters.
    pub name: String,
    /// Street and number, 1 to 100 characters.
    pub street: String,
    /// What else helps to find the door, such as a flat or a company, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line2: Option<String>,
    /// Postal code, at most 20 characters; empty or left out where the country has none.
    #[serde(default)]
    pub postal_code: String,
    /// Town, 1 to 100 characters.
    pub city: String,
    /// State, province, prefecture or county, 1 to 100 characters, where addresses of the country name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2 code, such as `DE`.
    pub country: String,
    /// A telephone number for the carrier, 1 to 30 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// Put something into the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddItem {
    /// The product.
    pub product_id: ProductId,
    /// How many more, 1 to 99.
    pub quantity: u32,
}

/// Have so many of something in the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeQuantity {
    /// How many, 1 to 99.
    pub quantity: u32,
}

/// Use a voucher for the basket; it takes the place of the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyVoucher {
    /// The voucher's code.
    pub code: VoucherCode,
}

/// Buy the basket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkout {
    /// The total that the shopper was shown; if it is another by now, nothing happens.
    pub expected_total: Money,
    /// Where to send mail about the order.
    pub email: String,
    /// Where to send the goods.
    pub shipping_address: Address,
    /// How to pay.
    pub payment: PaymentMethod,
}

/// Send mail about an order to another address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// Where.
    pub email: String,
}

/// Give an order up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Cancel {
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Give back some of what was paid for an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// How much; without it, all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Why, 1 to 200 characters.
    pub reason: String,
}

/// Send an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ship {
    /// Who carries it, 1 to 100 characters.
    pub carrier: String,
    /// The carrier's number for it, 1 to 100 characters.
    pub tracking_number: String,
    /// When it should arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<Timestamp>,
}

/// An order has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// Who took it, 1 to 100 characters.
    pub recipient: String,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderItem {
    /// The product.
    pub product_id: ProductId,
    /// The shopkeeper's number for it.
    pub sku: String,
    /// Its name when it was put in.
    pub name: String,
    /// What one costs.
    pub unit_price: Money,
    /// How many, 1 to 99.
    pub quantity: u32,
    /// Unit price times quantity.
    pub line_total: Money,
    /// Something that the shopper should know about this line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
}

/// The VAT that a total includes, for one rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// In percent.
    pub rate_percent: VatRate,
    /// The VAT of what is left of this rate after the discount, rounded half up once per rate.
    pub amount: Money,
}

/// How an order travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shipment {
    /// Who carries it.
    pub carrier: String,
    /// The carrier's number for it.
    pub tracking_number: String,
    /// When it should arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_delivery: Option<Timestamp>,
    /// When it was sent.
    pub shipped_at: Timestamp,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

/// An order, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    /// Its id, chosen by the client.
    pub id: OrderId,
    /// Its number for people; once it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Where it is in its life.
    #[serde(deserialize_with = "or_unknown")]
    pub status: OrderStatus,
    /// Where its money is.
    #[serde(deserialize_with = "or_unknown")]
    pub payment_status: PaymentStatus,
    /// What the shopper has to do before the payment goes on, while it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_action: Option<PaymentAction>,
    /// The payment of the latest checkout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// Whose it is; absent for a guest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The version of its stream; also its `ETag`.
    pub version: u64,
    /// The currency of every amount in it.
    pub currency: Currency,
    /// Its lines, in the order in which they were put in.
    pub items: Vec<OrderItem>,
    /// The sum of the lines.
    pub subtotal: Money,
    /// What the voucher takes off, never more than the subtotal.
    pub discount: Money,
    /// What is to be paid: subtotal less discount.
    pub total: Money,
    /// The VAT that the total includes, by rate.
    pub tax: Vec<TaxLine>,
    /// The voucher that it is bought with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voucher: Option<VoucherCode>,
    /// Where mail about it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// How the goods travel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipment: Option<Shipment>,
    /// The number of its invoice, once that is written: soon after it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<String>,
    /// Why the last checkout failed, while the order is a basket again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened_because: Option<ReopenReason>,
    /// When the first item was put in.
    pub started_at: Timestamp,
    /// When it was bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_out_at: Option<Timestamp>,
    /// When it was confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// When it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_because: Option<String>,
    /// What went back of the payment or is on its way, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
    /// What the cardholder has disputed of it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disputes: Vec<Dispute>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderSummary {
    /// Its id.
    pub id: OrderId,
    /// Its number for people; once it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Where it is in its life.
    #[serde(deserialize_with = "or_unknown")]
    pub status: OrderStatus,
    /// Where its money is.
    #[serde(deserialize_with = "or_unknown")]
    pub payment_status: PaymentStatus,
    /// How many pieces it has.
    pub pieces: u32,
    /// The name of its first line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_item: Option<String>,
    /// The name of its second line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_item: Option<String>,
    /// How many lines it has: products, each counted once.
    #[serde(default)]
    pub lines: u32,
    /// What is to be paid.
    pub total: Money,
    /// When the first item was put in.
    pub started_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
}

/// Which state of an order to read. At most one of `version` and `at`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// As it was at this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// As it was at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// With `If-None-Match`: how many seconds to wait for a change, 0 to 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u32>,
}

/// Which orders to list; newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderListQuery {
    /// Only orders in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub status: Option<OrderStatus>,
    /// Only orders whose id, number, mail address or a product's name has words that begin like these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// How many items a page has, 1 to 100; 20 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where the last page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// See at least this log position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_position: Option<u64>,
}
