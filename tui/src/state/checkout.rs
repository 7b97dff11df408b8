//! State of the screen Checkout: the form, one submission under one idempotency key, and the order that is followed
//! afterwards.

use storefront_api::{
    Address, Checkout as CheckoutRequest, Country, EmailAddress, Money, OrderId, OrderStatus, PaymentMethod,
    ReopenReason, Timestamp, text,
};
use tui_input::Input;

use crate::keys::{Action, Context};
use crate::settings::{Contact, Settings};
use crate::state::{Model, RetryState};

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Field {
    Name,
    Street,
    Line2,
    PostalCode,
    City,
    State,
    Country,
    Phone,
    Email,
    Payment,
    /// Everything once more, before it is bought.
    Review,
}

/// A step of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Basket,
    Where,
    How,
    Review,
}

impl Step {
    pub(crate) const ALL: [(Self, &str); 4] =
        [(Self::Basket, "basket"), (Self::Where, "where"), (Self::How, "how"), (Self::Review, "review")];
}

impl Field {
    /// The step that it belongs to.
    pub(crate) const fn step(self) -> Step {
        match self {
            Self::Payment => Step::How,
            Self::Review => Step::Review,
            Self::Name
            | Self::Street
            | Self::Line2
            | Self::PostalCode
            | Self::City
            | Self::State
            | Self::Country
            | Self::Phone
            | Self::Email => Step::Where,
        }
    }

    /// The text fields, from top to bottom.
    const ALL: [Self; 9] = [
        Self::Name,
        Self::Street,
        Self::Line2,
        Self::PostalCode,
        Self::City,
        Self::State,
        Self::Country,
        Self::Phone,
        Self::Email,
    ];

    const fn label(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Street => "Street",
            Self::Line2 => "Flat, firm",
            Self::PostalCode => "Postal code",
            Self::City => "City",
            Self::State => "State",
            Self::Country => "Country",
            Self::Phone => "Phone",
            Self::Email => "Email",
            Self::Payment => "Payment",
            Self::Review => "Review",
        }
    }

    /// The field of a JSON pointer into the request.
    pub(crate) fn by_pointer(pointer: &str) -> Option<Self> {
        match pointer {
            "/shipping_address/name" => Some(Self::Name),
            "/shipping_address/street" => Some(Self::Street),
            "/shipping_address/line2" => Some(Self::Line2),
            "/shipping_address/state" => Some(Self::State),
            "/shipping_address/phone" => Some(Self::Phone),
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
    /// The payment method in the request.
    pub(crate) fn method(&self) -> PaymentMethod {
        match self.token {
            "" => PaymentMethod::None,
            WALLET => PaymentMethod::Wallet,
            token => PaymentMethod::Card { token: token.to_owned() },
        }
    }
}

/// Token of the wallet, in place of a card's.
pub(crate) const WALLET: &str = "wallet";

/// The payment choices.
pub(crate) const PAYMENTS: [Payment; 8] = [
    Payment { token: "pm_card_visa", name: "Visa" },
    Payment { token: WALLET, name: "Wallet" },
    Payment { token: "", name: "No payment (demo)" },
    Payment { token: "pm_card_authenticationRequired", name: "Visa, asks for authentication" },
    Payment { token: "pm_card_slow", name: "Visa, slow: takes 3 s" },
    Payment { token: "pm_card_visa_chargeDeclined", name: "Visa, is declined" },
    Payment { token: "pm_card_visa_chargeDeclinedInsufficientFunds", name: "Visa, has insufficient funds" },
    Payment { token: "pm_card_chargeDeclinedProcessingError", name: "Visa, processing error" },
];

/// Number of choices before the test cards for what can go wrong.
pub(crate) const USUAL_PAYMENTS: usize = 3;

/// A checkout that is being sent. Its key stays the same until there is a definite response.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    pub(crate) key: String,
    pub(crate) order_id: OrderId,
    pub(crate) request: CheckoutRequest,
    pub(crate) in_flight: bool,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tries: RetryState,
}

/// What the screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Form,
    /// The order has been submitted and is going through stock, payment and confirmation.
    Watching(OrderId),
}

/// The screen Checkout.
#[derive(Debug)]
pub(crate) struct Checkout {
    pub(crate) phase: Phase,
    pub(crate) focus: Field,
    inputs: [Input; 9],
    payment: usize,
    pub(crate) errors: Vec<(Field, String)>,
    /// A notice above the form, such as why the last attempt failed.
    pub(crate) notice: Option<String>,
    /// The new total in the shop's refusal when the shown one was out of date.
    pub(crate) new_total: Option<Money>,
    pub(crate) submission: Option<Submission>,
}

impl Checkout {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Contact { name, street, line2, postal_code, city, state, country, phone, email } = settings.contact.clone();
        let texts = [name, street, line2, postal_code, city, state, country, phone, email];
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

    /// The text fields of this address, from top to bottom: the state only in countries whose addresses name one.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let state = self.country().and_then(Country::state_label);
        Field::ALL.into_iter().filter(|field| *field != Field::State || state.is_some()).collect()
    }

    pub(crate) fn label(&self, field: Field) -> &'static str {
        let state = self.country().and_then(Country::state_label).filter(|_| field == Field::State);
        state.unwrap_or(field.label())
    }

    /// The typed country, by code or name.
    pub(crate) fn country(&self) -> Option<Country> {
        Country::meant_by(&self.text(Field::Country))
    }

    /// The hint beside a field.
    pub(crate) fn hint(&self, field: Field) -> Option<&'static str> {
        let is_empty = self.text(field).is_empty();
        match field {
            Field::Country => self.country().filter(|known| known.name != self.text(field)).map(|country| country.name),
            Field::PostalCode if is_empty && self.country().is_some_and(|country| !country.needs_postal_code()) => {
                Some("if there is one")
            }
            Field::Line2 | Field::State | Field::Phone => is_empty.then_some("optional"),
            Field::Name
            | Field::Street
            | Field::PostalCode
            | Field::City
            | Field::Email
            | Field::Payment
            | Field::Review => None,
        }
    }

    /// Whether the field is optional and empty.
    pub(crate) fn is_left_empty(&self, field: Field) -> bool {
        matches!(field, Field::Line2 | Field::State | Field::Phone) && self.text(field).is_empty()
    }

    /// The input of a field; `None` for the payment.
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

    /// Moves the payment choice by `by` places; returns `false` when there is none.
    pub(crate) fn step_payment(&mut self, by: isize) -> bool {
        match self.payment.checked_add_signed(by) {
            Some(there) if there < PAYMENTS.len() => {
                self.payment = there;
                true
            }
            _ => false,
        }
    }

    /// The order that is being followed.
    pub(crate) const fn watched(&self) -> Option<OrderId> {
        match self.phase {
            Phase::Form => None,
            Phase::Watching(id) => Some(id),
        }
    }

    fn text(&self, field: Field) -> String {
        self.input(field).map(|input| input.value().trim().to_owned()).unwrap_or_default()
    }

    /// Contact data for the settings.
    pub(crate) fn contact(&self) -> Contact {
        Contact {
            name: self.text(Field::Name),
            street: self.text(Field::Street),
            line2: self.text(Field::Line2),
            postal_code: self.text(Field::PostalCode),
            city: self.text(Field::City),
            state: self.text(Field::State),
            country: self.text(Field::Country),
            phone: self.text(Field::Phone),
            email: self.text(Field::Email),
        }
    }

    /// Builds the request for a total, or returns every invalid field.
    pub(crate) fn request(&self, expected_total: Money) -> Result<CheckoutRequest, Vec<(Field, String)>> {
        let errors = self.wrong_fields();
        if !errors.is_empty() {
            return Err(errors);
        }
        let Contact { name, street, line2, postal_code, city, state, country, phone, email } = self.contact();
        let known = Country::meant_by(&country);
        let [line2, state, phone] = [line2, state, phone].map(|text| Some(text).filter(|text| !text.is_empty()));
        let state = state.filter(|_| known.is_some_and(|country| country.state_label().is_some()));
        let country = known.map_or(country, |country| country.code.to_owned());
        Ok(CheckoutRequest {
            expected_total,
            email,
            shipping_address: Address { name, street, line2, postal_code, city, state, country, phone },
            payment: self.payment().method(),
        })
    }

    pub(crate) fn wrong_fields(&self) -> Vec<(Field, String)> {
        self.fields().into_iter().filter_map(|field| Some((field, self.wrong(field)?))).collect()
    }

    /// Validates a field by the limits of the shop's API.
    fn wrong(&self, field: Field) -> Option<String> {
        let text = self.text(field);
        let line = |max_chars| text::check_line(&text, max_chars).err().map(|wrong| wrong.to_string());
        match field {
            Field::Payment | Field::Review => None,
            _ if self.is_left_empty(field) => None,
            Field::PostalCode if text.is_empty() && !self.country().is_some_and(Country::needs_postal_code) => None,
            _ if text.is_empty() => Some("is needed".to_owned()),
            Field::Name | Field::Street | Field::Line2 | Field::City | Field::State => line(100),
            Field::PostalCode => line(20),
            Field::Phone => line(30),
            Field::Country => match self.country() {
                Some(_) => None,
                None => Some("must be a country or its code, such as DE".to_owned()),
            },
            Field::Email => text.parse::<EmailAddress>().err().map(|wrong| wrong.to_string()),
        }
    }
}

impl Model {
    /// The link at which the card's owner confirms the payment of the watched order, while the bank asks for it.
    pub(crate) fn confirmation_link(&self) -> Option<&str> {
        let order = self.order.as_ref()?.order.as_ref()?;
        let asked = self.checkout.watched() == Some(order.id) && order.status == OrderStatus::CheckedOut;
        order.payment_action.as_ref().filter(|_| asked).map(|action| action.url.as_str())
    }

    /// Why the wallet cannot pay a total; `None` when it can, when the balance is unknown, or when another payment is chosen.
    /// The shop decides: this only saves a request.
    pub(crate) fn wallet_refusal(&self, total: Money) -> Option<String> {
        if self.checkout.payment().token != WALLET {
            return None;
        }
        let Some(customer) = self.account.registered() else {
            let key = self.keys.label(Context::Shop, Action::GoAccount);
            return Some(format!("you have no wallet yet: {key} leads to the account, which opens one"));
        };
        if self.basket.order.as_ref().is_some_and(|order| order.customer_id != Some(customer)) {
            return Some("this basket was begun by somebody else: pay it by card".to_owned());
        }
        let balance = self.account.balance()?;
        (balance.currency == total.currency && balance.amount < total.amount)
            .then(|| format!("too little for {}", crate::money::shown(total)))
    }
}

/// Why a checkout failed and the order is a basket again, as sentences.
pub(crate) fn reopen_reason_text(reason: &ReopenReason) -> String {
    match reason {
        ReopenReason::OutOfStock { .. } => "Too few are left of what is marked. Nothing was charged.".to_owned(),
        ReopenReason::ReservationExpired => {
            "The payment took too long, so the goods are free again. Should the money come, it goes back.".to_owned()
        }
        ReopenReason::PaymentDeclined { message, .. } => {
            let message = message.trim_end_matches('.');
            format!("The payment was declined: {message}. Nothing was charged; the basket is as it was.")
        }
        ReopenReason::VoucherUnavailable { voucher } => {
            format!("The voucher {voucher} cannot be used any more and was taken off. Nothing was charged.")
        }
    }
}
