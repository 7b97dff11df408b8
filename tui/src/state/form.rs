//! A form over the screen: a few fields, sent once under one idempotency key, open until the shop has accepted. Its
//! purpose is an enum with one variant per screen, so that each screen knows only its own forms.

use std::fmt;

use storefront_api::{Order, OrderId, Password, Problem, StubFaults, Timestamp, VoucherCode};
use tui_input::Input;

use crate::state::session::{AccountAccepted, AccountForm, AccountRequest};
use crate::state::{RetryState, counter, lab};

/// The purpose of a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FormPurpose {
    Account(AccountForm),
    Counter(counter::CounterForm),
    Lab(lab::Number),
    /// Applies a voucher to the basket.
    Voucher,
}

/// The request of a form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FormRequest {
    Account(AccountRequest),
    Counter(counter::CounterRequest),
    Lab(StubFaults),
    UseVoucher { order_id: OrderId, code: VoucherCode },
}

/// The shop's response to an accepted form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Accepted {
    Account(AccountAccepted),
    Counter(counter::Accepted),
    Lab(StubFaults),
    /// The order after the voucher was applied.
    Voucher(Box<Order>),
}

/// A text field. `Debug` does not show a password.
#[derive(Clone)]
pub(crate) struct FormField {
    /// JSON pointer of the value in the request, such as `/quantity`; also identifies the field.
    pub(crate) pointer: &'static str,
    pub(crate) label: &'static str,
    /// Hint about valid values, shown while the field has the focus.
    pub(crate) hint: String,
    pub(crate) input: Input,
    /// Whether the text is a password, which no output shows.
    pub(crate) secret: bool,
    /// Validation error.
    pub(crate) error: Option<String>,
}

impl FormField {
    /// Creates a field with an initial text.
    pub(crate) fn new(pointer: &'static str, label: &'static str, hint: impl Into<String>, text: &str) -> Self {
        Self { pointer, label, hint: hint.into(), input: Input::new(text.to_owned()), secret: false, error: None }
    }

    /// Creates an empty field for a password.
    pub(crate) fn secret(pointer: &'static str, label: &'static str, hint: impl Into<String>) -> Self {
        Self { secret: true, ..Self::new(pointer, label, hint, "") }
    }

    /// What is drawn: a password as as many dots.
    pub(crate) fn drawn(&self) -> Input {
        if !self.secret {
            return self.input.clone();
        }
        let dots = "•".repeat(self.input.value().chars().count());
        Input::new(dots).with_cursor(self.input.cursor())
    }

    /// What is said: a password as the number of its characters.
    pub(crate) fn spoken(&self) -> String {
        match self.input.value().chars().count() {
            0 => String::new(),
            _ if !self.secret => self.input.value().to_owned(),
            1 => "1 character".to_owned(),
            count => format!("{count} characters"),
        }
    }

    /// Whether a character can be part of the value: a number has no letters.
    pub(crate) fn accepts(&self, letter: char) -> bool {
        !NUMBERS.contains(&self.pointer) || !letter.is_alphabetic()
    }
}

impl fmt::Debug for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormField")
            .field("pointer", &self.pointer)
            .field("text", &self.spoken())
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Fields whose value is a number.
const NUMBERS: [&str; 9] = [
    "/amount",
    "/change",
    "/compare_at_price",
    "/number",
    "/on_hand",
    "/price",
    "/quantity",
    "/threshold",
    "/vat_rate_percent",
];

/// A request that is being sent. Its key stays the same until there is a definite response.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) key: String,
    pub(crate) request: FormRequest,
    pub(crate) in_flight: bool,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tries: RetryState,
}

/// The open form.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) purpose: FormPurpose,
    /// Title, as a verb: `Receive`.
    pub(crate) title: String,
    /// Text above the fields: the subject or the consequences.
    pub(crate) about: String,
    /// Empty: the form is a question that Enter confirms.
    pub(crate) fields: Vec<FormField>,
    /// Index of the focused field.
    pub(crate) focus: usize,
    /// Refusal that concerns no single field.
    pub(crate) refusal: Option<String>,
    pub(crate) sending: Option<Sending>,
}

impl Form {
    pub(crate) fn new(
        purpose: FormPurpose,
        title: impl Into<String>,
        about: impl Into<String>,
        fields: Vec<FormField>,
    ) -> Self {
        let (title, about) = (title.into(), about.into());
        Self { purpose, title, about, fields, focus: 0, refusal: None, sending: None }
    }

    /// The trimmed text of a field; empty where there is no such field.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let field = self.fields.iter().find(|field| field.pointer == pointer);
        field.map(|field| field.input.value().trim().to_owned()).unwrap_or_default()
    }

    /// The password in a field, with the blanks around it.
    pub(crate) fn password(&self, pointer: &str) -> Password {
        let field = self.fields.iter().find(|field| field.pointer == pointer);
        Password(field.map(|field| field.input.value().to_owned()).unwrap_or_default())
    }

    /// Whether Enter sends the form instead of moving to the next field.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// Marks invalid fields and focuses the first.
    pub(crate) fn mark(&mut self, errors: Vec<InvalidField>) {
        for (pointer, text) in errors {
            if let Some(field) = self.fields.iter_mut().find(|field| field.pointer == pointer) {
                field.error = Some(text);
            }
        }
        if let Some(wrong) = self.fields.iter().position(|field| field.error.is_some()) {
            self.focus = wrong;
        }
    }

    /// Shows a refusal: errors of a field at that field, everything else below them all.
    pub(crate) fn refuse(&mut self, problem: &Problem, sentence: &str) {
        let mut placed = Vec::new();
        for error in &problem.errors {
            let holds = |field: &&FormField| {
                let rest = error.pointer.strip_prefix(field.pointer);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if let Some(field) = self.fields.iter().find(holds) {
                placed.push((field.pointer, error.detail.clone()));
            }
        }
        let all_placed = !placed.is_empty() && placed.len() == problem.errors.len();
        self.refusal = (!all_placed).then(|| sentence.to_owned());
        self.mark(placed);
    }
}

/// The pointer of a field, and what is wrong with its value.
pub(crate) type InvalidField = (&'static str, String);
