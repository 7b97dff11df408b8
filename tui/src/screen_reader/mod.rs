//! The client as lines of text, for those who do not see the screen: what is open in reading order, then each change once.
//! Reads the model and nothing else; knows no terminal, clock or network. Lines have no box, block or braille characters,
//! and nothing is told by colour or place.

mod account;
mod backstage;
mod counter;
mod everywhere;
mod lab;
mod orders;
mod overlays;
mod page;
mod shopping;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use storefront_api::Timestamp;

use crate::keys::Action;
use crate::state::{Model, Screen};
use page::{Page, When};
use words::speakable;

/// Maximum number of events that are read one by one; of more, the last ones are read after their number.
const MAX_EVENTS: usize = 6;
const LAST_EVENTS: usize = 3;

/// What has been said, by key.
type Said = BTreeMap<String, String>;

/// Decides what to say: knows what has been said already.
#[derive(Debug, Default)]
pub(crate) struct Speaker {
    greeted: bool,
    /// What holds on every page.
    everywhere: Said,
    /// The notices that have been said and are still there.
    notices: Vec<(String, Timestamp)>,
    /// The page that was read last.
    page: Option<(String, Said)>,
    /// The screen below what is open over it.
    below: Option<(String, Said)>,
}

impl Speaker {
    /// Has the page read again from its beginning.
    pub(crate) fn start_again(&mut self) {
        (self.page, self.below) = (None, None);
        self.everywhere.clear();
    }

    /// The lines to say now; none when nothing has changed.
    pub(crate) fn speak(&mut self, model: &Model) -> Vec<String> {
        let mut lines = Vec::new();
        if !std::mem::replace(&mut self.greeted, true) {
            let [help, again, quit] = [Action::Help, Action::Redraw, Action::Close].map(|action| model.key(action));
            lines.push(format!(
                "Storefront, as lines of text. {help} lists all keys, {again} reads the page again, {quit} quits."
            ));
        }
        lines.extend(everywhere::changes(model, &mut self.everywhere));
        lines.extend(self.new_notices(model));
        self.read_page(model, &mut lines);
        let mut said = Vec::new();
        for line in lines.iter().flat_map(|text| text.lines()).map(speakable).filter(|line| !line.is_empty()) {
            // What is told in two places is said once.
            if !said.contains(&line) || line.len() < 4 {
                said.push(line);
            }
        }
        said
    }

    fn new_notices(&mut self, model: &Model) -> Vec<String> {
        let there: Vec<(String, Timestamp)> =
            model.toasts.iter().map(|toast| (toast.text.clone(), toast.until)).collect();
        let fresh = there.iter().filter(|notice| !self.notices.contains(notice));
        let fresh = fresh.map(|(text, _)| text.clone()).collect();
        self.notices = there;
        fresh
    }

    fn read_page(&mut self, model: &Model, lines: &mut Vec<String>) {
        let (page, is_over) = match overlays::page(model) {
            Some(page) => (page, true),
            None => (screen(model), false),
        };
        let now: Said = page.facts.iter().map(|fact| (fact.key.clone(), fact.text.clone())).collect();
        let before = match self.page.take() {
            Some((id, said)) if id == page.id => Some(said),
            Some(other) => {
                // What was open over the screen may open something else over it.
                if is_over && self.below.is_none() {
                    self.below = Some(other);
                }
                None
            }
            None => None,
        };
        let returned = self.below.take_if(|_| !is_over).filter(|(id, _)| *id == page.id);
        match (before, returned) {
            (Some(said), _) => lines.extend(changes(&page, &said)),
            (None, Some((_, said))) => {
                lines.push(format!("Back: {}", page.title));
                lines.extend(changes(&page, &said));
            }
            (None, None) => {
                lines.push(page.title.clone());
                let opening = page.facts.iter().filter(|fact| fact.when != When::Change);
                lines.extend(opening.map(|fact| fact.text.clone()));
            }
        }
        self.page = Some((page.id, now));
    }
}

/// The facts that are new or other than what was said; of very many new events, the last.
fn changes(page: &Page, said: &Said) -> Vec<String> {
    let fresh = page.facts.iter().filter(|fact| fact.when != When::Opening && said.get(&fact.key) != Some(&fact.text));
    let (events, others): (Vec<_>, Vec<_>) = fresh.partition(|fact| fact.when == When::Change);
    let mut lines: Vec<String> = Vec::new();
    if events.len() > MAX_EVENTS {
        lines.push(format!("{} changes; the last {LAST_EVENTS}:", events.len()));
        lines.extend(events[events.len() - LAST_EVENTS..].iter().map(|fact| fact.text.clone()));
    } else {
        lines.extend(events.iter().map(|fact| fact.text.clone()));
    }
    lines.extend(others.iter().map(|fact| fact.text.clone()));
    lines
}

/// The page of the open screen.
fn screen(model: &Model) -> Page {
    match model.screen {
        closed if model.is_closed(closed) => {
            let mut page = Page::new("for operators", "For operators.");
            page.say("for operators", crate::view::for_operators(model));
            page
        }
        Screen::Shop => shopping::shop(model),
        Screen::Basket => shopping::basket(model),
        Screen::Checkout => shopping::checkout(model),
        Screen::Orders => orders::list(model),
        Screen::Order => orders::order(model),
        Screen::Log => orders::log(model),
        Screen::Replay => orders::replay(model),
        Screen::Processes => backstage::page(model),
        Screen::Lab => lab::page(model),
        Screen::Counter => counter::page(model),
        Screen::Account => account::page(model),
    }
}
