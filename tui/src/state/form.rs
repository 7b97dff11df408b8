//! A small form over the screen: a few fields to fill in, sent once under one key, open until the shop has agreed. What
//! it is for is an enum with one variant per screen, so that each screen knows its own forms only.

use storefront_api::{Order, OrderId, Problem, StubFaults, Timestamp, VoucherCode};
use tui_input::Input;

use crate::state::{RetryState, counter, lab};

/// What a form is for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FormFor {
    Counter(counter::Work),
    Lab(lab::Number),
    /// The voucher of the basket.
    Voucher,
}

/// What a filled-in form asks of the shop.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Counter(counter::Request),
    Lab(StubFaults),
    UseVoucher { order_id: OrderId, code: VoucherCode },
}

/// What the shop made of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Agreed {
    Counter(counter::Agreed),
    Lab(StubFaults),
    /// The order with the voucher.
    Voucher(Box<Order>),
}

/// A line of text to fill in.
#[derive(Clone, Debug)]
pub(crate) struct FormField {
    /// Where it stands in the request: a JSON pointer such as `/quantity`; also its name.
    pub(crate) pointer: &'static str,
    pub(crate) label: &'static str,
    /// What may stand there, shown while the field has the keyboard.
    pub(crate) hint: String,
    pub(crate) input: Input,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

impl FormField {
    /// A field with a text in it to begin with.
    pub(crate) fn new(pointer: &'static str, label: &'static str, hint: impl Into<String>, text: &str) -> Self {
        Self { pointer, label, hint: hint.into(), input: Input::new(text.to_owned()), error: None }
    }
}

/// A request on its way to the shop. Its key stays until there is a definite answer.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) key: String,
    pub(crate) request: Request,
    pub(crate) in_flight: bool,
    pub(crate) retry_at: Option<Timestamp>,
    pub(crate) tries: RetryState,
}

/// The open form.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) purpose: FormFor,
    /// What it does, as a verb: `Receive`.
    pub(crate) title: String,
    /// What it is about or what follows from it, above the fields.
    pub(crate) about: String,
    /// None: the form is a question that Enter answers with yes.
    pub(crate) fields: Vec<FormField>,
    /// Which field has the keyboard.
    pub(crate) focus: usize,
    /// Why the shop refused, where that is about no field.
    pub(crate) refusal: Option<String>,
    pub(crate) sending: Option<Sending>,
}

impl Form {
    pub(crate) fn new(
        purpose: FormFor,
        title: impl Into<String>,
        about: impl Into<String>,
        fields: Vec<FormField>,
    ) -> Self {
        let (title, about) = (title.into(), about.into());
        Self { purpose, title, about, fields, focus: 0, refusal: None, sending: None }
    }

    /// What stands in a field, without spaces around it; empty where there is no such field.
    pub(crate) fn text(&self, pointer: &str) -> String {
        let field = self.fields.iter().find(|field| field.pointer == pointer);
        field.map(|field| field.input.value().trim().to_owned()).unwrap_or_default()
    }

    /// Whether Enter sends, rather than going to the next field.
    pub(crate) fn is_at_the_end(&self) -> bool {
        self.focus + 1 >= self.fields.len()
    }

    /// Marks what is wrong and goes to the first field that is.
    pub(crate) fn mark(&mut self, errors: Vec<FieldWrong>) {
        for (pointer, text) in errors {
            if let Some(field) = self.fields.iter_mut().find(|field| field.pointer == pointer) {
                field.error = Some(text);
            }
        }
        if let Some(wrong) = self.fields.iter().position(|field| field.error.is_some()) {
            self.focus = wrong;
        }
    }

    /// Takes a refusal in: what is about a field goes to that field, everything else below them all.
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

/// A field by its pointer, and what is wrong with it.
pub(crate) type FieldWrong = (&'static str, String);
