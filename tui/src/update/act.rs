//! What each action does on each screen.

use crate::keys::Action;
use crate::settings::ThemeName;
use crate::state::{Model, Phase, Question, Screen, Tone};
use crate::update::{Effect, basket, checkout, help, order, orders, shop};

/// Does what was asked for. An action that has no meaning where the shopper is does nothing.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => help::open(model),
        Action::CloseHelp => model.help = None,
        Action::RunHelp => return help::run(model),
        Action::NextTheme => model.theme = next_theme(model.theme),
        Action::GoShop => return go(model, Screen::Shop),
        Action::GoBasket => return go(model, Screen::Basket),
        Action::GoOrders => return go(model, Screen::Orders),
        Action::GoLog => return go(model, Screen::Log),
        Action::NextScreen => return go(model, neighbour(model.screen, 1)),
        Action::PreviousScreen => return go(model, neighbour(model.screen, -1)),
        Action::Back => return back(model),
        Action::Up => return step(model, -1),
        Action::Down => return step(model, 1),
        Action::PageUp => return step(model, -page(model)),
        Action::PageDown => return step(model, page(model)),
        Action::First => return step(model, isize::MIN / 2),
        Action::Last => return step(model, isize::MAX / 2),
        Action::Search => match model.screen {
            Screen::Log => model.log.typing = true,
            Screen::Shop | Screen::Basket | Screen::Checkout | Screen::Orders | Screen::Order => {
                model.screen = Screen::Shop;
                model.shop.typing = true;
            }
        },
        Action::EndSearch => {
            model.shop.typing = false;
            model.log.typing = false;
        }
        Action::ClearSearch | Action::ShowAll => return show_all(model, action),
        Action::NextShelf => return shop::step_category(model, 1),
        Action::PreviousShelf => return shop::step_category(model, -1),
        Action::OnlyInStock => return shop::toggle_in_stock(model),
        Action::NextSort => return shop::next_sort(model),
        Action::More => return more(model, 1),
        Action::Fewer => return more(model, -1),
        Action::Add => return shop::add(model),
        Action::Remove => return basket::remove(model),
        Action::Undo => return basket::undo(model),
        Action::EmptyBasket => {
            if !model.basket.lines().is_empty() {
                model.question = Some(Question::EmptyBasket);
            }
        }
        Action::CheckOut => return basket::check_out(model),
        Action::NextField => checkout::step_field(model, 1),
        Action::PreviousField => checkout::step_field(model, -1),
        Action::NextChoice => checkout::step_payment(model, 1),
        Action::PreviousChoice => checkout::step_payment(model, -1),
        Action::Submit => return checkout::submit(model),
        Action::OpenOrder => return open_order(model),
        Action::NextStatus => return orders::next_status(model),
        Action::Detail => show_detail(model),
        Action::CancelOrder => order::ask_to_cancel(model),
        Action::AdoptBasket => return order::adopt(model),
        Action::Yes => return answer(model, true),
        Action::No => return answer(model, false),
    }
    Vec::new()
}

fn go(model: &mut Model, screen: Screen) -> Vec<Effect> {
    if model.screen == Screen::Checkout {
        checkout::leave(model);
    }
    model.shop.typing = false;
    model.log.typing = false;
    // Good news has been seen by now; bad news stays its time.
    model.toasts.retain(|toast| toast.tone == Tone::Bad);
    model.screen = screen;
    match screen {
        Screen::Orders => orders::ask(model),
        // An order on its way through the checkout is what the tab is about.
        Screen::Basket if matches!(model.checkout.phase, Phase::Watching(_)) && model.basket.is_empty() => {
            model.screen = Screen::Checkout;
            order::watch_again(model)
        }
        Screen::Basket | Screen::Shop | Screen::Checkout | Screen::Order | Screen::Log => Vec::new(),
    }
}

fn neighbour(screen: Screen, by: isize) -> Screen {
    let tabs = Screen::TABS;
    let here = tabs.iter().position(|tab| *tab == screen.tab()).unwrap_or(0);
    tabs[(here + tabs.len()).saturating_add_signed(by) % tabs.len()]
}

fn back(model: &mut Model) -> Vec<Effect> {
    match model.screen {
        Screen::Checkout => match model.checkout.phase {
            Phase::Form => go(model, Screen::Basket),
            Phase::Watching(_) => go(model, Screen::Shop),
        },
        Screen::Order => go(model, Screen::Orders),
        Screen::Shop | Screen::Basket | Screen::Orders | Screen::Log => go(model, Screen::Shop),
    }
}

fn page(model: &Model) -> isize {
    isize::try_from(model.size.1.saturating_sub(8).max(1)).unwrap_or(1)
}

fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    if model.help.is_some() {
        help::step(model, by);
        return Vec::new();
    }
    match model.screen {
        Screen::Shop => {
            model.shop.wanted = None;
            model.shop.quantity = 1;
            let total = model.shop.total;
            model.shop.list.step(by, total);
        }
        Screen::Basket => {
            let len = model.basket.lines().len();
            model.basket.list.step(by, len);
        }
        Screen::Orders => return orders::step(model, by),
        Screen::Order | Screen::Checkout => {
            if let Some(open) = &mut model.order {
                open.step(by);
            }
        }
        Screen::Log => model.log.step(by),
    }
    Vec::new()
}

fn show_all(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.screen == Screen::Log {
        model.log.typing = false;
        model.log.detail = model.log.detail && action == Action::ClearSearch;
        model.log.filter.reset();
        model.log.filter_again();
        return Vec::new();
    }
    if action == Action::ClearSearch { shop::clear_search(model) } else { shop::show_all(model) }
}

fn more(model: &mut Model, by: i32) -> Vec<Effect> {
    if model.screen == Screen::Basket {
        return basket::step_quantity(model, by);
    }
    shop::step_quantity(model, by);
    Vec::new()
}

fn open_order(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Checkout {
        checkout::leave(model);
        model.screen = Screen::Order;
        return order::ask(model);
    }
    orders::open(model)
}

fn show_detail(model: &mut Model) {
    match model.screen {
        Screen::Log => model.log.detail = !model.log.detail,
        Screen::Order => {
            if let Some(open) = &mut model.order {
                open.detail = !open.detail;
            }
        }
        Screen::Shop | Screen::Basket | Screen::Checkout | Screen::Orders => {}
    }
}

fn answer(model: &mut Model, yes: bool) -> Vec<Effect> {
    match model.question.take() {
        Some(Question::CancelOrder(id)) if yes => checkout::cancel(model, id),
        Some(Question::EmptyBasket) if yes => basket::empty(model),
        Some(Question::CancelOrder(_) | Question::EmptyBasket) | None => Vec::new(),
    }
}

const fn next_theme(theme: ThemeName) -> ThemeName {
    match theme {
        ThemeName::Dark => ThemeName::Light,
        ThemeName::Light => ThemeName::HighContrast,
        ThemeName::HighContrast => ThemeName::Mono,
        ThemeName::Mono => ThemeName::Dark,
    }
}
