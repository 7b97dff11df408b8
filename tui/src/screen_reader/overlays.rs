//! What is open over the screen: a question, help, palette, a form, a document.

use super::page::Page;
use super::words::{field, short_id};
use crate::keys::{Action, Binding, Context};
use crate::state::{
    ControlCommand, DocumentView, Form, Help, Model, Page as DocumentPage, Palette, Panes, Preference, PreferencesView,
    Question, process_sentence,
};

pub(super) fn page(model: &Model) -> Option<Page> {
    if let Some(question) = model.question {
        return Some(ask(model, question));
    }
    if let Some(open) = &model.help {
        return Some(help(model, open));
    }
    if let Some(open) = &model.palette {
        return Some(palette(model, open));
    }
    if let Some(open) = &model.panes {
        return Some(panes(open));
    }
    if let Some(open) = &model.preferences_view {
        return Some(preferences(model, open));
    }
    if let Some(open) = &model.form {
        return Some(form(model, open));
    }
    model.paper.as_ref().map(document)
}

fn ask(model: &Model, question: Question) -> Page {
    let (title, text) = match question {
        Question::CancelOrder(_) => (
            "Cancel the order?",
            "The goods go back on the shelf and the money to where it came from. This cannot be undone.".to_owned(),
        ),
        Question::SkipParked => ("Drop the event?", skipping(model)),
        Question::ResumeAndPlay => ("Something is paused.", resuming(model)),
        Question::ResetShop => {
            ("Start over?", "The shop becomes as on its first day: no orders, full shelves, nothing broken.".to_owned())
        }
    };
    let [yes, no] = [Action::Yes, Action::No].map(|action| model.keys.label(Context::Confirm, action));
    let mut page = Page::new("question", format!("Question: {title}"));
    page.say("text", text);
    page.say("keys", format!("{yes} for yes, {no} for no."));
    page
}

fn skipping(model: &Model) -> String {
    match &model.processes.to_skip {
        Some(ControlCommand::Skip { process, sequence }) => format!(
            "{} never handles it for {}; what waits behind it goes on. This cannot be undone.",
            process_sentence(process),
            short_id(sequence)
        ),
        Some(_) | None => "It is never handled. This cannot be undone.".to_owned(),
    }
}

fn resuming(model: &Model) -> String {
    let Some(held) = &model.lab.held else { return String::new() };
    let processes = held.processes.iter().map(|name| process_sentence(name));
    let told: Vec<String> = processes.chain(held.views.iter().map(|name| format!("the list {name}"))).collect();
    format!("Paused: {}. The scenario would stand still. Resume and play?", told.join(", "))
}

fn help(model: &Model, open: &Help) -> Page {
    let mut page = Page::new("help", "Help: all keys here. Type to find one, Enter runs it, Esc closes.");
    if let Some(join) = model.join_command() {
        page.open_with("join", format!("Others join with: {join}"));
    }
    if let Some(name) = &model.actor {
        page.open_with("actor", format!("You act as {name}."));
    }
    let lines = open.lines(&model.keys);
    filter(&mut page, open.filter.value());
    match lines.get(open.list.cursor) {
        Some(binding) => page.select(open.list.cursor, lines.len(), key_and_help(binding)),
        None => page.say("selected", "No key does that here."),
    }
    page
}

fn key_and_help(binding: &Binding) -> String {
    let keys: Vec<String> = binding.keys.iter().map(|key| key.written()).collect();
    format!("{}: {}", keys.join(" or "), binding.help)
}

fn palette(model: &Model, open: &Palette) -> Page {
    let mut page = Page::new("palette", "Palette: type what to do or to find, Enter does it, Esc closes.");
    let lines = open.lines(&model.account);
    filter(&mut page, open.filter.value());
    match lines.get(open.list.cursor) {
        Some(entry) => {
            let key = if entry.key.is_empty() { String::new() } else { format!("key {}", entry.key) };
            let words = [entry.text.as_str(), entry.about.as_str(), &key, "Enter"];
            let said: Vec<&str> = words.into_iter().filter(|text| !text.is_empty()).collect();
            page.select(open.list.cursor, lines.len(), format!("{} {}", said.join(", "), entry.command.outcome()));
        }
        None => page.say("selected", "Nothing is called that."),
    }
    page
}

fn panes(open: &Panes) -> Page {
    let mut page = Page::new("panes", "What to show beside this screen: Enter chooses, Esc leaves it as it is.");
    if let Some(line) = open.lines.get(open.list.cursor) {
        page.select(open.list.cursor, open.lines.len(), Panes::name(*line));
    }
    page
}

fn preferences(model: &Model, open: &PreferencesView) -> Page {
    let mut page = Page::new("settings", "Settings: right and left change a value, Esc closes.");
    if let Some(which) = Preference::ALL.get(open.list.cursor).copied() {
        let text = format!("{}: {}. {}", which.name(), model.preference(which), which.meaning());
        page.select(open.list.cursor, Preference::ALL.len(), text);
    }
    page
}

fn filter(page: &mut Page, typed: &str) {
    page.report("filter", field("Typed", typed));
}

fn form(model: &Model, open: &Form) -> Page {
    let mut page = Page::new(format!("form {}", open.title), format!("Form: {}.", open.title));
    page.open_with("about", open.about.clone());
    for (place, known) in open.fields.iter().enumerate().filter(|(place, _)| *place != open.focus) {
        page.open_with(format!("field {place}"), field(known.label, &known.spoken()));
    }
    if let Some(focused) = open.fields.get(open.focus) {
        let more = focused.error.as_ref().map_or_else(|| focused.hint.clone(), |error| format!("Wrong: {error}"));
        let place = format!("Field {} of {}, ", open.focus + 1, open.fields.len());
        page.say("focus", format!("{place}{}. {more}", field(focused.label, &focused.spoken())));
    }
    if let Some(refusal) = &open.refusal {
        page.say("refusal", format!("Refused: {refusal}"));
    }
    if let Some(sending) = &open.sending {
        let text = if sending.tries.again == 0 {
            "Sending."
        } else {
            "The shop does not answer. It is sent again by itself, and done once."
        };
        page.say("sending", text);
    } else {
        let [enter, leave] = [Action::Submit, Action::Back].map(|action| model.keys.label(Context::Form, action));
        let does = if open.is_at_the_end() { "sends it" } else { "goes to the next field" };
        page.open_with("keys", format!("{enter} {does}, {leave} closes."));
    }
    page
}

fn document(open: &DocumentView) -> Page {
    let title = match open.page() {
        DocumentPage::Document(number) => format!("Document {number}"),
        DocumentPage::Mail(number) => format!("Mail {number}"),
    };
    let (at, count) = open.place();
    let place = if count > 1 { format!(", {at} of {count}") } else { String::new() };
    let mut page = Page::new(format!("document {title}"), format!("{title}{place}."));
    if page.loaded(&open.load, "The text") {
        page.say("text", open.text.clone());
        page.say("end", "End of the text.");
    }
    page
}
