//! Dispatches actions: what each does on each screen.

use crate::keys::{Action, Context};
use crate::state::{Command, Hit, Model, Page, Preference, Question, Screen, Tone};
use crate::update::navigation::{back, close, go, neighbour, stop_typing, switch, type_in_timeline};
use crate::update::{
    Effect, FileKind, Request, account, addresses, basket, checkout, counter, document, find, form, help, lab, order,
    orders, palette, panes, preferences, processes, replay, session, shop, timeline,
};

/// Runs an action. An action that has no meaning on the screen does nothing.
#[expect(clippy::too_many_lines, reason = "a table with a line for each action")]
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Close => return close(model),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Help => help::open(model),
        Action::Palette => return palette::open(model),
        Action::CloseHelp => (model.help, model.palette) = (None, None),
        Action::RunHelp if model.palette.is_some() => return run_command(model),
        Action::RunHelp => {
            return help::take_selected(model).map(|action| act(model, action)).unwrap_or_default();
        }
        Action::NextTheme => return preferences::change_one(model, Preference::Theme, 1),
        Action::Mouse => return switch_mouse(model),
        Action::GoShop => return go(model, Screen::Shop),
        Action::GoBasket => return go(model, Screen::Basket),
        Action::GoOrders => return go(model, Screen::Orders),
        Action::GoLog => return go(model, Screen::Log),
        Action::GoProcesses => return go(model, Screen::Processes),
        Action::GoLab => return go(model, Screen::Lab),
        Action::GoCounter => return go(model, Screen::Counter),
        Action::GoAccount => return go(model, Screen::Account),
        Action::NextScreen => return go(model, neighbour(model, 1)),
        Action::PreviousScreen => return go(model, neighbour(model, -1)),
        Action::Split => return panes::open_or_switch(model),
        Action::ShowBeside => return panes::choose(model),
        Action::CloseList => close_list(model),
        Action::Preferences => preferences::open(model),
        Action::NextValue => return preferences::change(model, 1),
        Action::PreviousValue => return preferences::change(model, -1),
        Action::SwitchSection => return switch(model),
        Action::Back if model.form.is_some() => form::leave(model),
        Action::Back => return back(model),
        Action::Up => return step(model, -across(model)),
        Action::Down => return step(model, across(model)),
        Action::PageUp => return step(model, -page(model)),
        Action::PageDown => return step(model, page(model)),
        Action::First => return step(model, isize::MIN / 2),
        Action::Last => return last(model),
        Action::Search => match model.screen {
            Screen::Log => model.log.typing = true,
            Screen::Orders => model.orders.typing = true,
            Screen::Order | Screen::Replay => type_in_timeline(model, true),
            Screen::Shop => (model.shop.typing, model.shop.page) = (true, false),
            Screen::Counter => counter::search(model),
            Screen::Basket | Screen::Checkout | Screen::Processes | Screen::Lab | Screen::Account => {}
        },
        Action::NextMatch => return find::step(model, 1),
        Action::PreviousMatch => return find::step(model, -1),
        Action::EndSearch => stop_typing(model),
        Action::ClearSearch | Action::ShowAll => return show_all(model, action),
        Action::NextShelf => return shop::step_category(model, 1),
        Action::PreviousShelf => return shop::step_category(model, -1),
        Action::OnlyInStock => return shop::toggle_in_stock(model),
        Action::NextSort => return shop::next_sort(model),
        Action::More if model.screen == Screen::Lab => return lab::switches::step(model, true),
        Action::Fewer if model.screen == Screen::Lab => return lab::switches::step(model, false),
        Action::More => return basket::step_quantity(model, 1),
        Action::Fewer => return basket::step_quantity(model, -1),
        Action::Add => return shop::add(model),
        Action::TakeOut => return shop::take_out(model),
        Action::OpenProduct => model.shop.page = model.shop.selected().is_some(),
        Action::NextProduct => return step(model, 1),
        Action::PreviousProduct => return step(model, -1),
        Action::Cards => shop::switch_cards(model),
        Action::Remove => return basket::remove(model),
        Action::Undo => return basket::undo(model),
        Action::EmptyBasket => return basket::empty(model),
        Action::CheckOut => return checkout::start(model),
        Action::NextField if model.form.is_some() => form::step_field(model, 1),
        Action::PreviousField if model.form.is_some() => form::step_field(model, -1),
        Action::NextField => checkout::step_field(model, 1),
        Action::PreviousField => checkout::step_field(model, -1),
        Action::NextChoice => checkout::step_payment(model, 1),
        Action::PreviousChoice => checkout::step_payment(model, -1),
        Action::Submit if model.form.is_some() => return form::enter(model),
        Action::Submit => checkout::enter(model),
        Action::Buy => return checkout::submit(model),
        Action::OpenOrder => return open_order(model),
        Action::NextStatus if model.screen == Screen::Counter => return counter::next_status(model),
        Action::NextStatus => return orders::next_status(model),
        Action::Detail => show_detail(model),
        Action::ScrollDown => timeline::scroll(model, 1),
        Action::ScrollUp => timeline::scroll(model, -1),
        Action::CopyId => return timeline::copy_id(model),
        Action::CopyEvent => return timeline::copy_event(model),
        Action::OnlyThisOrder => timeline::only_this_order(model),
        Action::Pause if model.screen == Screen::Replay => replay::pause(model),
        Action::Pause if model.screen == Screen::Processes => return processes::pause(model),
        Action::Pause => pause(model),
        Action::NextView => timeline::step_view(model, 1),
        Action::PreviousView => timeline::step_view(model, -1),
        Action::GoToCause => timeline::go_to_cause(model),
        Action::GoToEffect => timeline::go_to_effect(model),
        Action::NextEvent if model.screen == Screen::Replay => replay::step(model, 1),
        Action::PreviousEvent if model.screen == Screen::Replay => replay::step(model, -1),
        Action::NextEvent if model.screen == Screen::Processes => return processes::step_on(model),
        Action::NextEvent => return step(model, 1),
        Action::PreviousEvent => return step(model, -1),
        Action::Faster => replay::change_speed(model, true),
        Action::Slower => replay::change_speed(model, false),
        Action::SaveDiagram => return timeline::ask_for_diagram(model, false),
        Action::CopyDiagram => return timeline::ask_for_diagram(model, true),
        Action::CancelOrder => order::ask_to_cancel(model),
        Action::TurnOver => {
            if let Some(open) = &mut model.order {
                open.turned = !open.turned;
            }
        }
        Action::BuyAgain => return basket::add_again(model),
        Action::AdoptBasket => return basket::adopt_open_order(model),
        Action::NextPart if model.screen == Screen::Account => return account::step_part(model, 1),
        Action::PreviousPart if model.screen == Screen::Account => return account::step_part(model, -1),
        Action::NextPart => return counter::step_part(model, 1),
        Action::PreviousPart => return counter::step_part(model, -1),
        Action::Receive => counter::ask_to_receive(model),
        Action::Adjust => counter::ask_to_adjust(model),
        Action::Count => counter::ask_to_count(model),
        Action::Threshold => counter::ask_for_threshold(model),
        Action::OnlyLow => model.counter.stock.toggle_only_low(),
        Action::Reprice => counter::ask_to_reprice(model),
        Action::Describe => counter::ask_to_describe(model),
        Action::WithdrawOrRelist => counter::ask_to_withdraw_or_relist(model),
        Action::NewProduct => counter::ask_for_new(model),
        Action::OnlyWithdrawn => return counter::toggle_withdrawn(model),
        Action::ConfirmWithdrawals => counter::ask_to_confirm_withdrawals(model),
        Action::Ship => counter::ask_to_ship(model),
        Action::Deliver => counter::ask_to_deliver(model),
        Action::ChangeEmail => counter::ask_to_change_email(model),
        Action::Refund => counter::ask_to_refund(model),
        Action::Rebuild => return processes::rebuild(model),
        Action::RetryParked => return processes::retry(model),
        Action::SkipParked => processes::ask_to_skip(model),
        Action::Play => return lab::enter(model),
        Action::PlayHappyPath
        | Action::PlayCardDeclined
        | Action::PlayLastUnit
        | Action::PlayProductsDown
        | Action::PlayMailDown
        | Action::PlayWebhooks
        | Action::PlayServerKilled
        | Action::PlayRace
        | Action::PlayPoison => return lab::play_by_key(model, action),
        Action::OtherSide => lab::other_side(model),
        Action::Toggle => return lab::switches::toggle(model),
        Action::MendAll => return lab::switches::mend_all(model),
        Action::ResetShop => lab::ask_to_reset(model),
        Action::OpenWallet => return account::open_wallet(model),
        Action::SignIn => session::ask_to_sign_in(model),
        Action::CreateAccount => session::ask_to_register(model),
        Action::ChangeName => session::ask_for_name(model),
        Action::ChangePassword => session::ask_for_password(model),
        Action::EndSession => session::ask_to_end_session(model),
        Action::EndOtherSessions => session::ask_to_end_others(model),
        Action::AddAddress => addresses::ask_to_add(model),
        Action::ChangeAddress => addresses::ask_to_change(model),
        Action::RemoveAddress => addresses::ask_to_remove(model),
        Action::UseAsDefault => addresses::ask_for_default(model),
        Action::SignOut => session::ask_to_sign_out(model),
        Action::DeleteAccount => session::ask_to_delete(model),
        Action::EnterVoucher => basket::enter_voucher(model),
        Action::UseVoucher => return account::use_voucher(model),
        Action::DropVoucher => return basket::drop_voucher(model),
        Action::OpenPaper => return document::open(model),
        Action::NextPaper => return document::leaf(model, 1),
        Action::PreviousPaper => return document::leaf(model, -1),
        Action::SavePdf => return document::save(model, FileKind::Pdf),
        Action::SaveText => return document::save(model, FileKind::Text),
        Action::ClosePaper => model.paper = None,
        Action::Yes => return answer(model, true),
        Action::No => return answer(model, false),
    }
    Vec::new()
}

/// Closes the small list that is open over the screen.
fn close_list(model: &mut Model) {
    (model.panes, model.preferences_view) = (None, None);
}

/// Closes the palette and runs its selected command.
fn run_command(model: &mut Model) -> Vec<Effect> {
    match palette::take_selected(model) {
        Some(Command::Action(action)) => return act(model, action),
        Some(Command::Theme(theme)) => return preferences::choose_theme(model, theme),
        Some(Command::View(view)) => timeline::show(model, view),
        Some(Command::FindOrder(number)) => return vec![Effect::Request(Request::FindOrder { number })],
        Some(Command::OpenOrder(id)) => return order::open(model, id),
        Some(Command::OpenProduct(product)) => {
            let mut effects = go(model, Screen::Shop);
            effects.extend(shop::open(model, *product));
            return effects;
        }
        Some(Command::ReadDocument(number)) => return document::show(model, Page::Document(number)),
        Some(Command::ReadMail(number)) => return document::show(model, Page::Mail(number)),
        Some(Command::CopyJoin) => {
            let Some(join) = model.join_command() else { return Vec::new() };
            let what = join.clone();
            return timeline::copy(model, join, &what);
        }
        None => {}
    }
    Vec::new()
}

/// How many items are beside one another where the cursor moves.
fn across(model: &Model) -> isize {
    let grid = model.shop.grid(model.own_size()).filter(|_| model.context() == Context::ShopCards);
    grid.map_or(1, |grid| isize::try_from(grid.columns).unwrap_or(1))
}

fn page(model: &Model) -> isize {
    if let Some(grid) = model.shop.grid(model.own_size()).filter(|_| model.context() == Context::ShopCards) {
        return isize::try_from(grid.len()).unwrap_or(1);
    }
    isize::try_from(model.size.1.saturating_sub(8).max(1)).unwrap_or(1)
}

/// Selects the last line; a growing list follows again.
fn last(model: &mut Model) -> Vec<Effect> {
    match (model.screen, &mut model.order) {
        (Screen::Order | Screen::Checkout | Screen::Replay, Some(open)) if model.paper.is_none() => {
            open.follow();
            Vec::new()
        }
        _ => step(model, isize::MAX / 2),
    }
}

fn pause(model: &mut Model) {
    match (model.screen, &mut model.order) {
        (Screen::Log, _) => model.log.pause(),
        (_, Some(open)) => open.pause(),
        (_, None) => {}
    }
}

fn switch_mouse(model: &mut Model) -> Vec<Effect> {
    let effects = preferences::change_one(model, Preference::Mouse, 1);
    let said = if model.mouse {
        "The mouse is on: click a line to choose it, again to open it"
    } else {
        "The mouse is off: the terminal selects text"
    };
    model.toast(Tone::Plain, said);
    effects
}

/// Handles a click: on the selected line it is Enter, on another line it selects that.
pub(super) fn click(model: &mut Model, hit: Hit) -> Vec<Effect> {
    match hit {
        Hit::Run(action) => return act(model, action),
        Hit::Line(0) => {}
        Hit::Line(by) => return step(model, by),
    }
    let enter = crate::keys::Key::plain(crate::keys::Code::Enter);
    match model.keys.action(model.context(), enter) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

/// Handles the mouse wheel.
pub(super) fn wheel(model: &mut Model, lines: i16) -> Vec<Effect> {
    let across = across(model);
    step(model, if across > 1 { across * isize::from(lines.signum()) } else { lines.into() })
}

/// Moves the cursor by so many lines.
pub(super) fn step(model: &mut Model, by: isize) -> Vec<Effect> {
    if model.question.is_some() {
        return Vec::new();
    }
    if model.palette.is_some() {
        palette::step(model, by);
        return Vec::new();
    }
    if model.help.is_some() {
        help::step(model, by);
        return Vec::new();
    }
    if let Some(panes) = &mut model.panes {
        panes.list.step(by, panes.lines.len());
        return Vec::new();
    }
    if model.preferences_view.is_some() {
        preferences::step(model, by);
        return Vec::new();
    }
    if model.form.is_some() {
        form::step_field(model, by.signum());
        return Vec::new();
    }
    if let Some(paper) = &mut model.paper {
        paper.step(by, model.size);
        return Vec::new();
    }
    match model.screen {
        Screen::Shop => {
            model.shop.wanted = None;
            model.shop.products.step(by);
        }
        Screen::Basket => {
            let len = model.basket.lines().len();
            model.basket.list.step(by, len);
        }
        Screen::Orders => model.orders.list.step(by),
        Screen::Order | Screen::Checkout | Screen::Replay => {
            if let Some(open) = &mut model.order {
                open.step(by);
            }
        }
        Screen::Log => model.log.step(by),
        Screen::Processes => return processes::step(model, by),
        Screen::Lab => lab::step(model, by),
        Screen::Counter => counter::step(model, by),
        Screen::Account => account::step(model, by),
    }
    Vec::new()
}

fn show_all(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.screen == Screen::Counter {
        counter::clear_search(model);
        return Vec::new();
    }
    if model.screen == Screen::Orders {
        if action == Action::ShowAll && model.orders.search.value().is_empty() {
            return back(model);
        }
        orders::clear_search(model);
        return Vec::new();
    }
    if let (Screen::Order | Screen::Replay, Some(open)) = (model.screen, &mut model.order) {
        open.find.reset();
        open.typing = false;
        return Vec::new();
    }
    if model.screen == Screen::Log {
        model.log.typing = false;
        model.log.detail = model.log.detail && action == Action::ClearSearch;
        model.log.filter.reset();
        model.log.filter_again();
        return Vec::new();
    }
    if action == Action::ClearSearch { shop::clear_search(model) } else { shop::show_all(model) }
}

fn open_order(model: &mut Model) -> Vec<Effect> {
    if model.screen == Screen::Counter {
        return counter::open_order(model);
    }
    if model.screen == Screen::Account {
        return account::open_order(model);
    }
    if model.screen == Screen::Lab {
        return lab::open_order(model);
    }
    if model.screen == Screen::Checkout {
        checkout::leave(model);
        model.screen = Screen::Order;
        return order::fetch(model);
    }
    if model.screen == Screen::Processes {
        return processes::open(model);
    }
    orders::open(model)
}

fn show_detail(model: &mut Model) {
    match model.screen {
        Screen::Log => model.log.detail = !model.log.detail,
        Screen::Order | Screen::Replay => {
            if let Some(open) = &mut model.order {
                open.detail = !open.detail;
            }
        }
        Screen::Shop
        | Screen::Basket
        | Screen::Checkout
        | Screen::Orders
        | Screen::Processes
        | Screen::Lab
        | Screen::Counter
        | Screen::Account => {}
    }
}

fn answer(model: &mut Model, yes: bool) -> Vec<Effect> {
    match model.question.take() {
        Some(Question::CancelOrder(id)) if yes => checkout::cancel(model, id),
        Some(Question::SkipParked) => processes::skip(model, yes),
        Some(Question::ResetShop) => lab::reset(model, yes),
        Some(Question::ResumeAndPlay) => lab::resume_and_play(model, yes),
        Some(Question::CancelOrder(_)) | None => Vec::new(),
    }
}
