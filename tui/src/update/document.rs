//! Documents over the screen: invoices, credit notes and mails; saving the first two as files; and fetching the
//! documents of an order.

use storefront_api::{Invoice, OrderId, Voucher};

use crate::state::account::Part;
use crate::state::{DocumentView, Failure, Load, Model, Page, Screen, Tone};
use crate::update::{Effect, FileKind, Request, refuse};

/// Opens the selected document: of an order its invoice, in the account the selected line.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let paper = match model.screen {
        Screen::Order => of_order(model),
        Screen::Account => of_account(model),
        Screen::Shop
        | Screen::Basket
        | Screen::Checkout
        | Screen::Orders
        | Screen::Log
        | Screen::Processes
        | Screen::Lab
        | Screen::Counter
        | Screen::Replay => None,
    };
    match paper {
        Some(paper) => {
            model.paper = Some(paper);
            fill(model)
        }
        None => {
            if model.screen == Screen::Order {
                model.toast(Tone::Plain, "There is no invoice yet: it is written when the order is confirmed.");
            }
            Vec::new()
        }
    }
}

/// Opens a document or a mail.
pub(super) fn show(model: &mut Model, page: Page) -> Vec<Effect> {
    model.paper = Some(DocumentView::new(page, Vec::new()));
    fill(model)
}

/// The invoice of the open order with its credit notes.
fn of_order(model: &Model) -> Option<DocumentView> {
    let open = model.order.as_ref()?;
    let number = open.order.as_ref()?.invoice.clone()?;
    let credits = open.papers.invoice.iter().flat_map(|invoice| &invoice.credit_notes);
    let all = std::iter::once(number.clone()).chain(credits.map(|credit| credit.number.clone()));
    Some(DocumentView::new(Page::Document(number), all.map(Page::Document).collect()))
}

/// The selected line of a list, with the others.
fn of_account(model: &Model) -> Option<DocumentView> {
    let account = &model.account;
    match account.part {
        Part::Invoices => {
            let page = Page::Document(account.invoices.selected()?.number.clone());
            let all = account.invoices.items.iter().map(|(_, document)| Page::Document(document.number.clone()));
            Some(DocumentView::new(page, all.collect()))
        }
        Part::Mailbox => {
            let page = Page::Mail(account.mails.selected()?.number);
            Some(DocumentView::new(page, account.mails.items.iter().map(|(_, mail)| Page::Mail(mail.number)).collect()))
        }
        Part::Wallet | Part::Vouchers | Part::Profile | Part::Sessions | Part::Addresses => None,
    }
}

/// Opens the next or the previous page; the list below follows.
pub(super) fn leaf(model: &mut Model, by: isize) -> Vec<Effect> {
    let Some(paper) = &mut model.paper else { return Vec::new() };
    if !paper.leaf(by) {
        let end = if by > 0 { "This is the last one." } else { "This is the first one." };
        model.toast(Tone::Plain, end);
        return Vec::new();
    }
    let account = &mut model.account;
    let place = match paper.page() {
        Page::Document(number) => account.invoices.find(|document| document.number == *number).map(|(line, _)| line),
        Page::Mail(number) => account.mails.find(|mail| mail.number == *number).map(|(line, _)| line),
    };
    match (place, account.part) {
        (Some(place), Part::Invoices) if model.screen == Screen::Account => account.invoices.list.cursor = place,
        (Some(place), Part::Mailbox) if model.screen == Screen::Account => account.mails.list.cursor = place,
        (Some(_) | None, _) => {}
    }
    fill(model)
}

/// Loads the text of the open page: a mail is known already, a document is fetched.
fn fill(model: &mut Model) -> Vec<Effect> {
    let Some(paper) = &mut model.paper else { return Vec::new() };
    match paper.page().clone() {
        Page::Document(number) => vec![Effect::Request(Request::DocumentText { number })],
        Page::Mail(number) => {
            if let Some((_, mail)) = model.account.mails.find(|mail| mail.number == number) {
                paper.text = format!("{}\n\nTo {}\nFrom {}\n\n{}", mail.subject, mail.to, mail.from, mail.text);
                paper.load = Load::Ready;
            }
            Vec::new()
        }
    }
}

pub(super) fn on_text(model: &mut Model, number: &str, result: Result<String, Failure>) -> Vec<Effect> {
    let open = model.paper.as_mut();
    let Some(paper) = open.filter(|paper| matches!(paper.page(), Page::Document(open) if open == number)) else {
        return Vec::new();
    };
    match result {
        Ok(text) => (paper.text, paper.load) = (text, Load::Ready),
        Err(failure) => paper.load = Load::Failed(failure),
    }
    Vec::new()
}

/// Saves the open document, or else the selected one.
pub(super) fn save(model: &mut Model, kind: FileKind) -> Vec<Effect> {
    let number = match model.paper.as_ref().map(DocumentView::page) {
        Some(Page::Document(number)) => Some(number.clone()),
        Some(Page::Mail(_)) => None,
        None => model.account.invoices.selected().map(|document| document.number.clone()),
    };
    number.map(|number| Effect::Request(Request::DocumentFile { number, kind })).into_iter().collect()
}

pub(super) fn on_file(
    model: &mut Model,
    number: &str,
    kind: FileKind,
    result: Result<Vec<u8>, Failure>,
) -> Vec<Effect> {
    let ending = match kind {
        FileKind::Pdf => "pdf",
        FileKind::Text => "txt",
    };
    match result {
        Ok(contents) => vec![Effect::Save { name: format!("storefront-invoice-{number}.{ending}"), contents }],
        Err(failure) => {
            refuse(model, &failure);
            Vec::new()
        }
    }
}

/// Fetches the documents of the open order when its timeline has new events about them.
pub(super) fn fetch_missing(model: &mut Model) -> Vec<Effect> {
    if model.screen != Screen::Order || !model.is_live() {
        return Vec::new();
    }
    let Some(open) = &mut model.order else { return Vec::new() };
    let told = open.document_event_count();
    if open.papers.asking || told == open.papers.known {
        return Vec::new();
    }
    (open.papers.asking, open.papers.known) = (true, told);
    let invoice = open.order.as_ref().and_then(|order| order.invoice.clone());
    vec![Effect::Request(Request::OrderDocuments { order: open.id, invoice })]
}

pub(super) fn on_papers(
    model: &mut Model,
    order: OrderId,
    result: Result<(Option<Invoice>, Option<Voucher>), Failure>,
) -> Vec<Effect> {
    let Some(open) = model.order.as_mut().filter(|open| open.id == order) else { return Vec::new() };
    open.papers.asking = false;
    // After a failure the facts are not shown; they are fetched again with the next events or when the shop is back.
    if let Ok((invoice, voucher)) = result {
        (open.papers.invoice, open.papers.voucher) = (invoice, voucher);
    }
    Vec::new()
}
