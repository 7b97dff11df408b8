//! The checkout: a form, one submission under one key, and the order being watched afterwards.

use storefront_api::{Address, Checkout as CheckoutRequest, Money, OrderId, PaymentMethod, Timestamp};
use tui_input::Input;

use crate::settings::{Contact, Settings};
use crate::state::Tries;

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Name,
    Street,
    PostalCode,
    City,
    Country,
    Email,
    Payment,
}

impl Field {
    /// All fields, from top to bottom.
    pub(crate) const ALL: [Self; 7] =
        [Self::Name, Self::Street, Self::PostalCode, Self::City, Self::Country, Self::Email, Self::Payment];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Street => "Street",
            Self::PostalCode => "Postal code",
            Self::City => "City",
            Self::Country => "Country",
            Self::Email => "Email",
            Self::Payment => "Payment",
        }
    }

    /// The field that a JSON pointer into the request means.
    pub(crate) fn by_pointer(pointer: &str) -> Option<Self> {
        match pointer {
            "/shipping_address/name" => Some(Self::Name),
            "/shipping_address/street" => Some(Self::Street),
            "/shipping_address/postal_code" => Some(Self::PostalCode),
            "/shipping_address/city" => Some(Self::City),
            "/shipping_address/country" => Some(Self::Country),
            "/email" => Some(Self::Email),
            _ if pointer.starts_with("/payment") => Some(Self::Payment),
            _ => None,
        }
    }
}

/// A way to pay.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    /// The gateway's token for a test card (docs.stripe.com/testing); [`WALLET`]: the wallet; empty: no payment.
    pub(crate) token: &'static str,
    pub(crate) name: &'static str,
}

impl Payment {
    /// As the shop wants it.
    pub(crate) fn method(&self) -> PaymentMethod {
        match self.token {
            "" => PaymentMethod::None,
            WALLET => PaymentMethod::Wallet,
            token => PaymentMethod::Card { token: token.to_owned() },
        }
    }
}

/// Stands in place of a card's token for the wallet.
pub(crate) const WALLET: &str = "wallet";

/// The ways to pay.
pub(crate) const PAYMENTS: [Payment; 8] = [
    Payment { token: "pm_card_visa", name: "Visa, works" },
    Payment { token: "pm_card_visa_chargeDeclined", name: "Visa, is declined" },
    Payment { token: "pm_card_visa_chargeDeclinedInsufficientFunds", name: "Visa, has insufficient funds" },
    Payment { token: "pm_card_authenticationRequired", name: "Visa, asks for authentication" },
    Payment { token: "pm_card_chargeDeclinedProcessingError", name: "Visa, processing error" },
    Payment { token: "pm_card_slow", name: "Visa, slow: takes 3 s" },
    Payment { token: WALLET, name: "Wallet" },
    Payment { token: "", name: "No payment (demo)" },
];

/// A checkout on its way to the shop. Its key stays until there is a definite answer.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) key: String,
    pub(crate) order_id: OrderId,
    pub(crate) request: CheckoutRequest,
    pub(crate) in_flight: bool,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tries: Tries,
}

/// What the screen is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Form,
    /// The order is bought and on its way through stock, payment and confirmation.
    Watching(OrderId),
}

/// The screen Checkout.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) phase: Phase,
    pub(crate) focus: Field,
    inputs: [Input; 6],
    payment: usize,
    pub(crate) errors: Vec<(Field, String)>,
    /// What the shopper must know before buying, such as why the last attempt failed.
    pub(crate) notice: Option<String>,
    /// The total that the shop named after the shown one proved wrong.
    pub(crate) new_total: Option<Money>,
    pub(crate) submission: Option<Submission>,
}

impl Checkout {
    pub(crate) fn new(settings: &Settings) -> Self {
        let contact = settings.contact.clone();
        let texts = [contact.name, contact.street, contact.postal_code, contact.city, contact.country, contact.email];
        let payment = settings.payment.as_deref();
        Self {
            phase: settings.checking_out.map_or(Phase::Form, Phase::Watching),
            focus: Field::Name,
            inputs: texts.map(Input::new),
            payment: PAYMENTS.iter().position(|choice| Some(choice.token) == payment).unwrap_or(0),
            errors: Vec::new(),
            notice: None,
            new_total: None,
            submission: None,
        }
    }

    /// The text field of a field; `None` for the choice of payment.
    pub(crate) fn input(&self, field: Field) -> Option<&Input> {
        self.inputs.get(field as usize)
    }

    pub(crate) fn input_mut(&mut self, field: Field) -> Option<&mut Input> {
        self.inputs.get_mut(field as usize)
    }

    pub(crate) fn payment(&self) -> &'static Payment {
        &PAYMENTS[self.payment % PAYMENTS.len()]
    }

    pub(crate) const fn payment_index(&self) -> usize {
        self.payment
    }

    /// Chooses the payment so many places on; `false` when there is none.
    pub(crate) fn step_payment(&mut self, by: isize) -> bool {
        match self.payment.checked_add_signed(by) {
            Some(there) if there < PAYMENTS.len() => {
                self.payment = there;
                true
            }
            _ => false,
        }
    }

    /// The order that is being checked out.
    pub(crate) const fn watched(&self) -> Option<OrderId> {
        match self.phase {
            Phase::Form => None,
            Phase::Watching(id) => Some(id),
        }
    }

    fn text(&self, field: Field) -> String {
        self.input(field).map(|input| input.value().trim().to_owned()).unwrap_or_default()
    }

    /// Who buys, for the next time.
    pub(crate) fn contact(&self) -> Contact {
        Contact {
            name: self.text(Field::Name),
            street: self.text(Field::Street),
            postal_code: self.text(Field::PostalCode),
            city: self.text(Field::City),
            country: self.text(Field::Country),
            email: self.text(Field::Email),
        }
    }

    /// The request for a total, or every field that is wrong.
    pub(crate) fn request(&self, expected_total: Money) -> Result<CheckoutRequest, Vec<(Field, String)>> {
        let errors = self.wrong_fields();
        if !errors.is_empty() {
            return Err(errors);
        }
        let Contact { name, street, postal_code, city, country, email } = self.contact();
        Ok(CheckoutRequest {
            expected_total,
            email,
            shipping_address: Address { name, street, postal_code, city, country: country.to_uppercase() },
            payment: self.payment().method(),
        })
    }

    fn wrong_fields(&self) -> Vec<(Field, String)> {
        Field::ALL.into_iter().filter_map(|field| Some((field, self.wrong(field)?.to_owned()))).collect()
    }

    /// What is wrong with a field, by the limits of the shop's interface.
    fn wrong(&self, field: Field) -> Option<&'static str> {
        let text = self.text(field);
        let length = text.chars().count();
        match field {
            Field::Payment => None,
            _ if text.is_empty() => Some("is needed"),
            Field::Name | Field::Street | Field::City => (length > 100).then_some("at most 100 characters"),
            Field::PostalCode => (length > 20).then_some("at most 20 characters"),
            Field::Country => {
                let two_letters = length == 2 && text.chars().all(|letter| letter.is_ascii_alphabetic());
                (!two_letters).then_some("two letters, such as DE")
            }
            Field::Email => (!looks_like_email(&text)).then_some("an address such as ada@example.com"),
        }
    }
}

/// Only the obvious is caught here; the shop judges.
fn looks_like_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    }) && !text.contains(char::is_whitespace)
}
