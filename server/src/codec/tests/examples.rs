//! One example of every event. Each list is walked by a match without a rest, so that a new event breaks the build here and
//! gets its recorded example.

use storefront_api::{ApiKeyId, Currency, ReopenReason, Scope, Seller, VatRate, WebhookEndpointId, WebhookSecretId};
use storefront_domain::TaxOfRate;
use storefront_domain::api_key::{ApiKeyEvent, KeyHash, NewApiKey};
use storefront_domain::checkout::{CheckoutEvent, CheckoutLine};
use storefront_domain::customer::{CustomerEvent, Session};
use storefront_domain::email::{EmailEvent, MailKind};
use storefront_domain::invoice::{CreditNote, CreditNoteNumber, Invoice, InvoiceEvent, InvoiceLine};
use storefront_domain::login::LoginEvent;
use storefront_domain::order::OrderEvent;
use storefront_domain::payment::{DisputeOutcome, PaymentEvent};
use storefront_domain::process::ProcessEvent;
use storefront_domain::product::{ProductEvent, ProductFacts};
use storefront_domain::stock::{ReleaseReason, StockEvent};
use storefront_domain::voucher::VoucherEvent;
use storefront_domain::wallet::WalletEvent;
use storefront_domain::webhook::{NewEndpoint, Settings, WebhookEvent};

use super::values::{
    account, address, card, customer_id, email_address, euro, facts, invoice_number, item, moment, mug, number,
    order_id, out_of_stock, payment_id, pieces, rate, refund_id, saved_address, session_id, uuid, voucher_code,
};

/// The first example, and after each the next.
fn all<E>(next: impl Fn(Option<&E>) -> Option<E>) -> Vec<E> {
    let mut examples = Vec::new();
    while let Some(example) = next(examples.last()) {
        examples.push(example);
    }
    examples
}

pub(super) fn order() -> Vec<OrderEvent> {
    all(|last| {
        Some(match last {
            None => OrderEvent::Started { customer_id: Some(customer_id()), currency: Currency::EUR },
            Some(OrderEvent::Started { .. }) => OrderEvent::ItemAdded { item: item(), quantity: pieces(2) },
            Some(OrderEvent::ItemAdded { .. }) => {
                OrderEvent::ItemQuantityChanged { product_id: mug(), quantity: pieces(3) }
            }
            Some(OrderEvent::ItemQuantityChanged { .. }) => OrderEvent::ItemRemoved { product_id: mug() },
            Some(OrderEvent::ItemRemoved { .. }) => {
                OrderEvent::PriceChangedInBasket { product_id: mug(), old_price: euro(2_499), new_price: euro(1_999) }
            }
            Some(OrderEvent::PriceChangedInBasket { .. }) => {
                let (old_rate, new_rate) = (VatRate::percent(19), rate());
                OrderEvent::VatRateChangedInBasket { product_id: mug(), old_rate, new_rate }
            }
            Some(OrderEvent::VatRateChangedInBasket { .. }) => {
                OrderEvent::ProductWithdrawnFromBasket { product_id: mug() }
            }
            Some(OrderEvent::ProductWithdrawnFromBasket { .. }) => {
                OrderEvent::ProductRelistedInBasket { product_id: mug() }
            }
            Some(OrderEvent::ProductRelistedInBasket { .. }) => {
                OrderEvent::VoucherApplied { code: voucher_code(), amount: euro(500) }
            }
            Some(OrderEvent::VoucherApplied { .. }) => OrderEvent::VoucherRemoved { code: voucher_code() },
            Some(OrderEvent::VoucherRemoved { .. }) => OrderEvent::CheckedOut {
                payment_id: payment_id(),
                total: euro(4_998),
                email: email_address(),
                shipping_address: address(),
                payment: card(),
            },
            Some(OrderEvent::CheckedOut { .. }) => OrderEvent::Reopened { reason: out_of_stock() },
            Some(OrderEvent::Reopened { .. }) => OrderEvent::Confirmed { number: number() },
            Some(OrderEvent::Confirmed { .. }) => OrderEvent::Invoiced { number: invoice_number() },
            Some(OrderEvent::Invoiced { .. }) => OrderEvent::EmailChanged { email: email_address() },
            Some(OrderEvent::EmailChanged { .. }) => OrderEvent::Shipped {
                carrier: "Snail Post".to_owned(),
                tracking_number: "SP-20260301-7".to_owned(),
                estimated_delivery: Some(moment()),
            },
            Some(OrderEvent::Shipped { .. }) => OrderEvent::Delivered { recipient: "Ada Example".to_owned() },
            Some(OrderEvent::Delivered { .. }) => OrderEvent::Cancelled { reason: "Ordered by mistake".to_owned() },
            Some(OrderEvent::Cancelled { .. }) => OrderEvent::Expired,
            Some(OrderEvent::Expired) => OrderEvent::Erased,
            Some(OrderEvent::Erased) => return None,
        })
    })
}

pub(super) fn stock() -> Vec<StockEvent> {
    let (order_id, quantity) = (order_id(), 2);
    all(|last| {
        Some(match last {
            None => StockEvent::Received { quantity: 120 },
            Some(StockEvent::Received { .. }) => {
                StockEvent::Adjusted { change: -3, reason: "Broken in the store room".to_owned() }
            }
            Some(StockEvent::Adjusted { .. }) => StockEvent::Reserved { order_id, quantity, until: moment() },
            Some(StockEvent::Reserved { .. }) => {
                StockEvent::Released { order_id, quantity, reason: ReleaseReason::CheckoutFailed }
            }
            Some(StockEvent::Released { .. }) => StockEvent::Allocated { order_id, quantity },
            Some(StockEvent::Allocated { .. }) => StockEvent::Returned { order_id, quantity },
            Some(StockEvent::Returned { .. }) => StockEvent::Settled { order_id },
            Some(StockEvent::Settled { .. }) => StockEvent::ThresholdSet { threshold: 25 },
            Some(StockEvent::ThresholdSet { .. }) => StockEvent::RanLow { available: 9 },
            Some(StockEvent::RanLow { .. }) => StockEvent::RanOut,
            Some(StockEvent::RanOut) => return None,
        })
    })
}

pub(super) fn payment() -> Vec<PaymentEvent> {
    all(|last| {
        Some(match last {
            None => PaymentEvent::Requested { order_id: order_id(), amount: euro(4_998), method: card() },
            Some(PaymentEvent::Requested { .. }) => PaymentEvent::IntentCreated { reference: "pi_3Example".to_owned() },
            Some(PaymentEvent::IntentCreated { .. }) => PaymentEvent::AuthenticationRequired {
                reference: "pi_3Example".to_owned(),
                url: "https://gateway.example/authenticate/pi_3Example".to_owned(),
                expires_at: moment(),
            },
            Some(PaymentEvent::AuthenticationRequired { .. }) => {
                PaymentEvent::Succeeded { reference: "pi_3Example".to_owned() }
            }
            Some(PaymentEvent::Succeeded { .. }) => {
                let reference = "pi_3Example".to_owned();
                PaymentEvent::Found { order_id: order_id(), amount: euro(4_998), reference }
            }
            Some(PaymentEvent::Found { .. }) => PaymentEvent::Declined {
                reason: "insufficient_funds".to_owned(),
                message: "The card has too little money.".to_owned(),
            },
            Some(PaymentEvent::Declined { .. }) => PaymentEvent::OutcomeUnknown {
                attempt: 1,
                detail: "no answer within 10 s".to_owned(),
                next_attempt_at: moment(),
            },
            Some(PaymentEvent::OutcomeUnknown { .. }) => PaymentEvent::Cancelled,
            Some(PaymentEvent::Cancelled) => {
                let (refund_id, reason) = (Some(refund_id()), "the order was cancelled".to_owned());
                PaymentEvent::RefundRequested { refund_id, amount: euro(4_998), reason }
            }
            Some(PaymentEvent::RefundRequested { .. }) => {
                PaymentEvent::RefundPending { refund_id: refund_id(), reference: "re_3Example".to_owned() }
            }
            Some(PaymentEvent::RefundPending { .. }) => {
                let reference = "re_3Example".to_owned();
                PaymentEvent::RefundFound { refund_id: refund_id(), reference, amount: euro(4_998) }
            }
            Some(PaymentEvent::RefundFound { .. }) => {
                let (refund_id, reference) = (Some(refund_id()), "re_3Example".to_owned());
                PaymentEvent::Refunded { refund_id, amount: euro(4_998), reference }
            }
            Some(PaymentEvent::Refunded { .. }) => {
                let (refund_id, reference) = (Some(refund_id()), Some("re_3Example".to_owned()));
                PaymentEvent::RefundFailed { refund_id, reference, detail: "the account is closed".to_owned() }
            }
            Some(PaymentEvent::RefundFailed { .. }) => PaymentEvent::Disputed {
                dispute: "dp_3Example".to_owned(),
                amount: euro(4_998),
                reason: "product_not_received".to_owned(),
            },
            Some(PaymentEvent::Disputed { .. }) => {
                PaymentEvent::DisputeFundsWithdrawn { dispute: "dp_3Example".to_owned() }
            }
            Some(PaymentEvent::DisputeFundsWithdrawn { .. }) => {
                PaymentEvent::DisputeClosed { dispute: "dp_3Example".to_owned(), outcome: DisputeOutcome::Lost }
            }
            Some(PaymentEvent::DisputeClosed { .. }) => return None,
        })
    })
}

pub(super) fn checkout() -> Vec<CheckoutEvent> {
    all(|last| {
        Some(match last {
            None => CheckoutEvent::Started {
                payment_id: payment_id(),
                lines: vec![CheckoutLine { product_id: mug(), quantity: 2 }],
                total: euro(4_998),
                method: card(),
                email: email_address(),
            },
            Some(CheckoutEvent::Started { .. }) => CheckoutEvent::VoucherReserved { voucher: voucher_code() },
            Some(CheckoutEvent::VoucherReserved { .. }) => CheckoutEvent::VoucherRefused {
                voucher: voucher_code(),
                detail: "another order has the voucher".to_owned(),
            },
            Some(CheckoutEvent::VoucherRefused { .. }) => CheckoutEvent::StockReserved,
            Some(CheckoutEvent::StockReserved) => CheckoutEvent::StockRefused { product_ids: vec![mug()] },
            Some(CheckoutEvent::StockRefused { .. }) => CheckoutEvent::PaymentReceived { payment_id: payment_id() },
            Some(CheckoutEvent::PaymentReceived { .. }) => CheckoutEvent::PaymentRefused {
                payment_id: payment_id(),
                reason: "insufficient_funds".to_owned(),
                message: "The card has too little money.".to_owned(),
            },
            Some(CheckoutEvent::PaymentRefused { .. }) => CheckoutEvent::Completed { number: number() },
            Some(CheckoutEvent::Completed { .. }) => CheckoutEvent::Failed {
                reason: ReopenReason::PaymentDeclined {
                    reason: "insufficient_funds".to_owned(),
                    message: "The card has too little money.".to_owned(),
                },
            },
            Some(CheckoutEvent::Failed { .. }) => CheckoutEvent::Cancelled,
            Some(CheckoutEvent::Cancelled) => CheckoutEvent::VoucherIssued { voucher: voucher_code() },
            Some(CheckoutEvent::VoucherIssued { .. }) => return None,
        })
    })
}

pub(super) fn email() -> Vec<EmailEvent> {
    all(|last| {
        Some(match last {
            None => EmailEvent::Requested { order_id: order_id(), kind: MailKind::Confirmation, to: email_address() },
            Some(EmailEvent::Requested { .. }) => EmailEvent::Sent { attempts: 1 },
            Some(EmailEvent::Sent { .. }) => {
                EmailEvent::Failed { attempts: 8, detail: "the mail server cannot be reached".to_owned() }
            }
            Some(EmailEvent::Failed { .. }) => return None,
        })
    })
}

pub(super) fn wallet() -> Vec<WalletEvent> {
    let (payment_id, order_id, amount) = (payment_id(), order_id(), euro(4_998));
    all(|last| {
        Some(match last {
            None => WalletEvent::Opened { balance: euro(0) },
            Some(WalletEvent::Opened { .. }) => WalletEvent::ToppedUp { amount, reason: "A present".to_owned() },
            Some(WalletEvent::ToppedUp { .. }) => WalletEvent::Charged { payment_id, order_id, amount },
            Some(WalletEvent::Charged { .. }) => WalletEvent::Credited {
                payment_id,
                order_id,
                amount,
                reference: "0195500d-0000-7000-8000-000000000004".to_owned(),
            },
            Some(WalletEvent::Credited { .. }) => return None,
        })
    })
}

pub(super) fn voucher() -> Vec<VoucherEvent> {
    let order_id = order_id();
    all(|last| {
        Some(match last {
            None => VoucherEvent::Issued { customer_id: Some(customer_id()), order_id, amount: euro(500) },
            Some(VoucherEvent::Issued { .. }) => VoucherEvent::Reserved { order_id },
            Some(VoucherEvent::Reserved { .. }) => VoucherEvent::Released { order_id },
            Some(VoucherEvent::Released { .. }) => VoucherEvent::Redeemed { order_id },
            Some(VoucherEvent::Redeemed { .. }) => VoucherEvent::Revoked { reason: "Issued by mistake".to_owned() },
            Some(VoucherEvent::Revoked { .. }) => return None,
        })
    })
}

pub(super) fn customer() -> Vec<CustomerEvent> {
    all(|last| {
        Some(match last {
            None => CustomerEvent::Registered { account: Some(account()) },
            Some(CustomerEvent::Registered { .. }) => CustomerEvent::LimitSet { limit: euro(1_000_000) },
            Some(CustomerEvent::LimitSet { .. }) => CustomerEvent::NameChanged { name: "Ada L.".to_owned() },
            Some(CustomerEvent::NameChanged { .. }) => {
                CustomerEvent::PasswordChanged { password: account().password, must_change: true }
            }
            Some(CustomerEvent::PasswordChanged { .. }) => {
                CustomerEvent::PasswordReset { expires_at: "2026-03-02T12:00:00Z".parse().unwrap() }
            }
            Some(CustomerEvent::PasswordReset { expires_at }) => {
                CustomerEvent::OneTimePasswordSet { password: account().password, expires_at: *expires_at }
            }
            Some(CustomerEvent::OneTimePasswordSet { .. }) => {
                CustomerEvent::RegistrationAttempted { attempted_at: "2026-03-01T12:00:00Z".parse().unwrap() }
            }
            Some(CustomerEvent::RegistrationAttempted { .. }) => CustomerEvent::AddressAdded(saved_address("Home")),
            Some(CustomerEvent::AddressAdded(_)) => CustomerEvent::AddressChanged(saved_address("Work")),
            Some(CustomerEvent::AddressChanged(address)) => CustomerEvent::AddressRemoved { id: address.id },
            Some(CustomerEvent::AddressRemoved { id }) => CustomerEvent::DefaultAddressSet { id: *id },
            Some(CustomerEvent::DefaultAddressSet { .. }) => CustomerEvent::Deactivated,
            Some(CustomerEvent::Deactivated) => CustomerEvent::Reactivated,
            Some(CustomerEvent::Reactivated) => CustomerEvent::SessionStarted(Session {
                id: session_id(),
                started_at: "2026-03-01T12:00:00Z".parse().unwrap(),
                expires_at: "2026-03-31T12:00:00Z".parse().unwrap(),
                user_agent: Some("storefront/0.1".to_owned()),
            }),
            Some(CustomerEvent::SessionStarted(_)) => CustomerEvent::SessionEnded { session_id: session_id() },
            Some(CustomerEvent::SessionEnded { .. }) => CustomerEvent::Deleted,
            Some(CustomerEvent::Deleted) => CustomerEvent::Erased,
            Some(CustomerEvent::Erased) => return None,
        })
    })
}

pub(super) fn api_key() -> Vec<ApiKeyEvent> {
    let id = ApiKeyId(uuid("0195500d-0000-7000-8000-000000000005"));
    all(|last| {
        Some(match last {
            None => ApiKeyEvent::Created(NewApiKey {
                id,
                name: "Till".to_owned(),
                scopes: vec![Scope::OrdersRead, Scope::Operate],
                hash: KeyHash("07".repeat(32)),
                expires_at: Some("2026-03-01T12:00:00.000Z".parse().unwrap()),
            }),
            Some(ApiKeyEvent::Created { .. }) => ApiKeyEvent::Revoked { id },
            Some(ApiKeyEvent::Revoked { .. }) => return None,
        })
    })
}

pub(super) fn webhook() -> Vec<WebhookEvent> {
    let id = WebhookEndpointId(uuid("0195500d-0000-7000-8000-000000000006"));
    let settings = |url: &str, event_types: &[&str]| Settings {
        url: url.to_owned(),
        event_types: event_types.iter().map(|kind| (*kind).to_owned()).collect(),
        description: Some("Warehouse".to_owned()),
    };
    all(|last| {
        Some(match last {
            None => WebhookEvent::Created(NewEndpoint {
                id,
                settings: settings("https://example.com/hooks", &["order.*"]),
                secret_id: WebhookSecretId(uuid("c0ffee00-0000-4000-8000-000000000001")),
                after: 12,
            }),
            Some(WebhookEvent::Created(_)) => {
                WebhookEvent::Changed { id, settings: settings("https://example.com/events", &[]) }
            }
            Some(WebhookEvent::Changed { .. }) => {
                let secret_id = WebhookSecretId(uuid("c0ffee00-0000-4000-8000-000000000002"));
                WebhookEvent::SecretRotated { id, secret_id }
            }
            Some(WebhookEvent::SecretRotated { .. }) => {
                WebhookEvent::Disabled { id, reason: Some("it answered 410 Gone".to_owned()) }
            }
            Some(WebhookEvent::Disabled { .. }) => WebhookEvent::Enabled { id },
            Some(WebhookEvent::Enabled { .. }) => WebhookEvent::Deleted { id },
            Some(WebhookEvent::Deleted { .. }) => return None,
        })
    })
}

pub(super) fn login() -> Vec<LoginEvent> {
    all(|last| {
        Some(match last {
            None => LoginEvent::Claimed { customer_id: customer_id() },
            Some(LoginEvent::Claimed { .. }) => LoginEvent::Released,
            Some(LoginEvent::Released) => return None,
        })
    })
}

pub(super) fn product() -> Vec<ProductEvent> {
    all(|last| {
        Some(match last {
            None => ProductEvent::Listed(facts()),
            Some(ProductEvent::Listed(_)) => {
                ProductEvent::Changed(ProductFacts { name: "Large stoneware mug".to_owned(), ..facts() })
            }
            Some(ProductEvent::Changed(_)) => ProductEvent::Repriced {
                old_price: euro(2_499),
                new_price: euro(1_999),
                reason: Some("Spring sale".to_owned()),
            },
            Some(ProductEvent::Repriced { .. }) => ProductEvent::Withdrawn,
            Some(ProductEvent::Withdrawn) => ProductEvent::Relisted,
            Some(ProductEvent::Relisted) => return None,
        })
    })
}

pub(super) fn process() -> Vec<ProcessEvent> {
    let (sequence, position) = (order_id().to_string(), 41);
    let place = || (sequence.clone(), position);
    all(|last| {
        Some(match last {
            None => ProcessEvent::Introduced { after: 80 },
            Some(ProcessEvent::Introduced { .. }) => ProcessEvent::Paused,
            Some(ProcessEvent::Paused) => ProcessEvent::Resumed,
            Some(ProcessEvent::Resumed) => ProcessEvent::Stepped,
            Some(ProcessEvent::Stepped) => {
                let error = "the mail server cannot be reached".to_owned();
                ProcessEvent::SequenceParked { sequence: sequence.clone(), position, attempts: 3, error }
            }
            Some(ProcessEvent::SequenceParked { .. }) => {
                let (sequence, position) = place();
                ProcessEvent::SequenceRetried { sequence, position }
            }
            Some(ProcessEvent::SequenceRetried { .. }) => {
                let (sequence, position) = place();
                ProcessEvent::SequenceSkipped { sequence, position }
            }
            Some(ProcessEvent::SequenceSkipped { .. }) => {
                let (sequence, position) = place();
                ProcessEvent::SequenceRecovered { sequence, position }
            }
            Some(ProcessEvent::SequenceRecovered { .. }) => return None,
        })
    })
}

pub(super) fn invoice() -> Vec<InvoiceEvent> {
    let tax = || vec![TaxOfRate { rate_percent: rate(), gross: euro(4_498), amount: euro(234) }];
    let line = InvoiceLine {
        product_id: mug(),
        sku: "MUG-1".to_owned(),
        name: "Mug".to_owned(),
        quantity: 2,
        unit_price: euro(2_499),
        total: euro(4_998),
        vat_rate_percent: rate(),
    };
    let issued = Invoice {
        number: invoice_number(),
        order_id: order_id(),
        order_number: number(),
        customer_id: Some(customer_id()),
        email: email_address(),
        address: address(),
        seller: Some(Seller {
            name: "Example Ltd".to_owned(),
            address: vec!["1 Example Street".to_owned(), "12345 Example Town".to_owned()],
            vat_id: Some("DE000000000".to_owned()),
        }),
        issued_at: moment(),
        supplied_at: Some(moment()),
        lines: vec![line],
        discount: euro(500),
        tax: tax(),
        total: euro(4_498),
        payment_reference: "card pi_1".to_owned(),
    };
    let credited = CreditNote {
        number: CreditNoteNumber { year: 2026, sequence: 7 },
        issued_at: moment(),
        amount: euro(4_498),
        tax: tax(),
        refund_reference: "re_1".to_owned(),
        cancels: None,
    };
    all(|last| match last {
        None => Some(InvoiceEvent::Issued(Box::new(issued.clone()))),
        Some(InvoiceEvent::Issued(_)) => Some(InvoiceEvent::Credited(credited.clone())),
        Some(InvoiceEvent::Credited(_)) => None,
    })
}
