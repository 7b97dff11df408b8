//! The default key table. Keys are defined here and nowhere else.

use super::{Action, Binding, Code, Key, Place};

const UP: Key = Key::plain(Code::Up);
const DOWN: Key = Key::plain(Code::Down);
const LEFT: Key = Key::plain(Code::Left);
const RIGHT: Key = Key::plain(Code::Right);
const ENTER: Key = Key::plain(Code::Enter);
const ESC: Key = Key::plain(Code::Esc);
const TAB: Key = Key::plain(Code::Tab);
const BACK_TAB: Key = Key::plain(Code::BackTab);
const PAGE_UP: Key = Key::plain(Code::PageUp);
const PAGE_DOWN: Key = Key::plain(Code::PageDown);
const HOME: Key = Key::plain(Code::Home);
const END: Key = Key::plain(Code::End);
const DELETE: Key = Key::plain(Code::Delete);

const fn char(letter: char) -> Key {
    Key::char(letter)
}

fn on(place: Place, action: Action, keys: &[Key], hint: &'static str, help: &'static str) -> Binding {
    Binding { action, place, keys: keys.to_vec(), hint, help }
}

/// All bindings; within a place, in the order of the hint bar.
pub(super) fn bindings() -> Vec<Binding> {
    [shop(), checkout(), orders(), events(), behind_the_shop(), counter(), account(), everywhere(), over_the_screen()]
        .concat()
}

fn shop() -> Vec<Binding> {
    vec![
        // Shop
        on(Place::Shop, Action::OpenProduct, &[ENTER], "open", "Open the page of the product"),
        on(Place::Shop, Action::Add, &[char('+'), char('='), char('a')], "add", "One into the basket"),
        on(Place::Shop, Action::TakeOut, &[char('-'), char('_')], "take out", "One out of the basket again"),
        on(Place::Shop, Action::Search, &[char('/')], "search", "Search as you type"),
        on(Place::Shop, Action::NextMatch, &[char('n')], "", "To the next match of the search"),
        on(Place::Shop, Action::PreviousMatch, &[char('N')], "", "To the match before"),
        on(Place::ShopList, Action::NextShelf, &[RIGHT, char('l'), char(']')], "shelf", "Go to the next category"),
        on(Place::ShopList, Action::PreviousShelf, &[LEFT, char('h'), char('[')], "", "Go to the previous category"),
        on(Place::ShopCards, Action::NextShelf, &[char(']')], "shelf", "Go to the next category"),
        on(Place::ShopCards, Action::PreviousShelf, &[char('[')], "", "Go to the previous category"),
        on(Place::ShopCards, Action::NextProduct, &[RIGHT, char('l')], "", "To the card on the right"),
        on(Place::ShopCards, Action::PreviousProduct, &[LEFT, char('h')], "", "To the card on the left"),
        on(Place::Shop, Action::CheckOut, &[char('c')], "check out", "Go to the checkout"),
        on(Place::Shop, Action::NextSort, &[char('s')], "sort", "Sort by name, price or newest"),
        on(Place::Shop, Action::OnlyInStock, &[char('i')], "in stock", "Show only what is in stock, or everything"),
        on(Place::Shop, Action::Cards, &[char('g')], "list", "Products as cards with pictures, or as a list"),
        on(Place::Shop, Action::ShowAll, &[ESC], "", "Take search and filters off"),
        on(Place::Shop, Action::Up, &[UP, char('k')], "", "Up"),
        on(Place::Shop, Action::Down, &[DOWN, char('j')], "", "Down"),
        on(Place::Shop, Action::PageUp, &[PAGE_UP, Key::ctrl('u')], "", "A page up"),
        on(Place::Shop, Action::PageDown, &[PAGE_DOWN, Key::ctrl('d')], "", "A page down"),
        on(Place::Shop, Action::First, &[HOME], "", "To the first product"),
        on(Place::Shop, Action::Last, &[END, char('G')], "", "To the last product"),
        on(Place::Shop, Action::CopyId, &[char('y')], "", "Copy the id of the product"),
        // Product
        on(Place::Product, Action::Add, &[ENTER, char('+'), char('='), char('a')], "add", "One into the basket"),
        on(Place::Product, Action::TakeOut, &[char('-'), char('_')], "take out", "One out of the basket again"),
        on(Place::Product, Action::NextProduct, &[RIGHT, char('l'), DOWN, char('j')], "next", "The next product"),
        on(Place::Product, Action::PreviousProduct, &[LEFT, char('h'), UP, char('k')], "", "The one before"),
        on(Place::Product, Action::CheckOut, &[char('c')], "check out", "Go to the checkout"),
        on(Place::Product, Action::CopyId, &[char('y')], "", "Copy the id of the product"),
        on(Place::Product, Action::Back, &[ESC], "back", "Back to the products"),
        // Basket
        on(Place::Basket, Action::CheckOut, &[ENTER, char('c')], "check out", "Go to the checkout"),
        on(Place::Basket, Action::More, &[char('+'), char('='), RIGHT, char('l')], "one more", "One more of this"),
        on(Place::Basket, Action::Fewer, &[char('-'), char('_'), LEFT, char('h')], "one fewer", "One fewer of this"),
        on(Place::Basket, Action::Remove, &[char('x'), DELETE, char('d')], "remove", "Take the line out"),
        on(Place::Basket, Action::EnterVoucher, &[char('v')], "voucher", "Use a voucher: type its code"),
        on(Place::Basket, Action::Undo, &[char('u')], "undo", "Put back what was taken out last"),
        on(Place::Basket, Action::DropVoucher, &[char('V')], "", "Take the voucher off again"),
        on(Place::Basket, Action::EmptyBasket, &[char('X')], "empty", "Take everything out; it can be put back"),
        on(Place::Basket, Action::Back, &[ESC], "", "Back to the shop"),
    ]
}

fn checkout() -> Vec<Binding> {
    vec![
        // Checkout
        on(
            Place::CheckoutReview,
            Action::Buy,
            &[char('b')],
            "buy",
            "Buy: the order is sent once, however often this is pressed",
        ),
        on(
            Place::CheckoutField,
            Action::Submit,
            &[ENTER],
            "next",
            "Go to the next field; from the last one, to how to pay",
        ),
        on(Place::CheckoutPayment, Action::Submit, &[ENTER], "review", "Look at everything once more"),
        on(Place::CheckoutReview, Action::Submit, &[ENTER], "", "Buys nothing, so that nothing is bought by mistake"),
        on(
            Place::CheckoutPayment,
            Action::NextChoice,
            &[DOWN, RIGHT, char('j'), char('l')],
            "choose",
            "Next way to pay",
        ),
        on(
            Place::CheckoutPayment,
            Action::PreviousChoice,
            &[UP, LEFT, char('k'), char('h')],
            "",
            "Previous way to pay",
        ),
        on(Place::CheckoutField, Action::NextField, &[DOWN], "", "Go to the field below"),
        on(Place::CheckoutField, Action::PreviousField, &[UP], "", "Go to the field above"),
        on(Place::Checkout, Action::NextField, &[TAB], "", "Go to the next field or step"),
        on(Place::Checkout, Action::PreviousField, &[BACK_TAB], "", "Go to the previous field or step"),
        on(Place::Checkout, Action::Back, &[ESC], "back", "A step back; from the first one, to the basket"),
        on(Place::CheckoutProgress, Action::OpenOrder, &[ENTER], "see order", "Open the order"),
        on(Place::CheckoutProgress, Action::Back, &[ESC], "shop on", "Back to the shop; the order goes on by itself"),
    ]
}

fn orders() -> Vec<Binding> {
    vec![
        // Orders
        on(Place::Orders, Action::OpenOrder, &[ENTER, RIGHT, char('l')], "open", "Open the order"),
        on(Place::Orders, Action::NextStatus, &[char('f')], "filter", "Show only orders in one state, then the next"),
        on(Place::Orders, Action::Search, &[char('/')], "search", "Search by number, address or product"),
        on(Place::Orders, Action::NextMatch, &[char('n')], "", "To the next match of the search"),
        on(Place::Orders, Action::PreviousMatch, &[char('N')], "", "To the match before"),
        on(Place::Orders, Action::ShowAll, &[ESC], "", "Take the search off; without one, back to the shop"),
        on(Place::Parcel, Action::BuyAgain, &[char('A')], "again", "Put everything in it into the basket again"),
        on(Place::Parcel, Action::CopyId, &[char('y')], "copy number", "Copy the number of the order"),
        on(Place::Parcel, Action::Back, &[ESC, LEFT, char('h')], "back", "Back to where the order was opened"),
        on(
            Place::Order,
            Action::TurnOver,
            &[TAB],
            "timeline",
            "Turn over: the parcel on one side, the timeline on the other",
        ),
        on(Place::Order, Action::AdoptBasket, &[char('c')], "continue", "Make this open order the basket and go to it"),
        on(
            Place::Order,
            Action::CancelOrder,
            &[char('x')],
            "cancel order",
            "Give the order up; money and goods go back",
        ),
        on(Place::Order, Action::Ship, &[char('s')], "", "Send the order: by whom, under which number"),
        on(Place::Order, Action::Deliver, &[char('a')], "", "Note that the order has arrived"),
        on(
            Place::Order,
            Action::ChangeEmail,
            &[char('w')],
            "",
            "Correct the address that mail about the order goes to",
        ),
        on(Place::Order, Action::Refund, &[char('r')], "", "Give money back, all or some of it"),
        on(Place::Order, Action::OpenPaper, &[char('i')], "invoice", "Read the invoice; its credit notes follow it"),
        on(Place::Order, Action::SaveDiagram, &[char('e')], "", "Save the timeline as a diagram (Markdown, Mermaid)"),
        on(Place::Order, Action::CopyDiagram, &[char('E')], "", "Copy the timeline as a diagram"),
    ]
}

fn events() -> Vec<Binding> {
    vec![
        // Events
        on(Place::OrderEvents, Action::Detail, &[ENTER, RIGHT, char('l')], "event", "Show or hide the whole event"),
        on(Place::OrderEvents, Action::Back, &[ESC, LEFT, char('h')], "back", "Back to where the order was opened"),
        on(Place::Scrubber, Action::NextEvent, &[RIGHT, char('l')], "step", "One event on"),
        on(Place::Scrubber, Action::PreviousEvent, &[LEFT, char('h')], "", "One event back"),
        on(Place::Scrubber, Action::Detail, &[ENTER], "event", "Show or hide the whole event"),
        on(Place::Scrubber, Action::Back, &[ESC], "back", "Back to where the order was opened"),
        on(Place::Replay, Action::NextEvent, &[RIGHT, char('l')], "step", "One event on"),
        on(Place::Replay, Action::PreviousEvent, &[LEFT, char('h')], "", "One event back"),
        on(Place::Replay, Action::Faster, &[char('+'), char('=')], "speed", "Play twice as fast"),
        on(Place::Replay, Action::Slower, &[char('-'), char('_')], "", "Play half as fast"),
        on(Place::Replay, Action::Detail, &[ENTER], "event", "Show or hide the whole event"),
        on(Place::Timeline, Action::NextView, &[char('v')], "view", "Next view: list, lanes, tree, scrubber"),
        on(Place::Timeline, Action::PreviousView, &[char('V')], "", "Previous view"),
        on(Place::Timeline, Action::Search, &[char('/')], "", "Search the events: words, type:…, stream:…"),
        on(Place::Timeline, Action::NextMatch, &[char('n')], "", "To the next match of the search"),
        on(Place::Timeline, Action::PreviousMatch, &[char('N')], "", "To the match before"),
        on(Place::Timeline, Action::GoToCause, &[char('u')], "cause", "Go to the event that led to this one"),
        on(Place::Timeline, Action::GoToEffect, &[char('d')], "effect", "Go to the first event that this one led to"),
        on(Place::Log, Action::Search, &[char('/')], "filter", "Filter by words; type:…, stream:…, order:…"),
        on(Place::Log, Action::NextMatch, &[char('n')], "", "To the next match of the search"),
        on(Place::Log, Action::PreviousMatch, &[char('N')], "", "To the match before"),
        on(Place::Log, Action::Detail, &[ENTER, RIGHT, char('l')], "event", "Show or hide the whole event"),
        on(
            Place::Log,
            Action::OnlyThisOrder,
            &[char('f')],
            "this order",
            "Only what belongs to the same order, or all",
        ),
        on(Place::Log, Action::ShowAll, &[ESC], "", "Take the filter off"),
        on(Place::Events, Action::Pause, &[char(' ')], "pause", "Hold the list where it is, or let it go on"),
        on(Place::Events, Action::CopyEvent, &[char('Y')], "", "Copy the event as JSON"),
        on(Place::Events, Action::ScrollDown, &[char('J')], "", "Scroll down in the whole event"),
        on(Place::Events, Action::ScrollUp, &[char('K')], "", "Scroll up in the whole event"),
    ]
}

fn behind_the_shop() -> Vec<Binding> {
    vec![
        // Processes
        on(Place::Processes, Action::Pause, &[char(' ')], "pause", "Pause a process, or let it go on by itself"),
        on(
            Place::Processes,
            Action::NextEvent,
            &[char('n'), RIGHT, char('l')],
            "step",
            "Let a paused process begin one event",
        ),
        on(Place::Processes, Action::OpenOrder, &[ENTER], "look inside", "Go to what waits; there, open its order"),
        on(Place::Processes, Action::RetryParked, &[char('r')], "retry", "Try what is parked again"),
        on(Place::Processes, Action::SkipParked, &[char('s')], "skip", "Drop the event that is parked, for good"),
        on(
            Place::Processes,
            Action::Rebuild,
            &[char('B')],
            "rebuild",
            "Build a read model anew beside the present one",
        ),
        on(Place::Processes, Action::Back, &[ESC, LEFT, char('h')], "", "Back to the table, then to the shop"),
        // Lab
        on(Place::Lab, Action::Play, &[ENTER], "play", "Play the scenario; on the other side, throw the switch"),
        on(
            Place::Lab,
            Action::OpenOrder,
            &[char('f')],
            "its order",
            "Follow an order of the scenario; again, the next",
        ),
        on(
            Place::Lab,
            Action::OtherSide,
            &[RIGHT, LEFT, char('l'), char('h')],
            "other side",
            "Go to the switches, or back to the scenarios",
        ),
        on(Place::Lab, Action::Toggle, &[char(' ')], "switch", "Break this at the stub, or mend it"),
        on(Place::Lab, Action::MendAll, &[char('0')], "mend all", "Switch everything off that is broken on purpose"),
        on(Place::Lab, Action::More, &[char('+'), char('=')], "how much", "A higher share or a longer delay"),
        on(Place::Lab, Action::Fewer, &[char('-'), char('_')], "", "A lower share or a shorter delay"),
        on(Place::Lab, Action::PlayHappyPath, &[char('a')], "", "Play: happy path, all is well"),
        on(Place::Lab, Action::PlayCardDeclined, &[char('c')], "", "Play: card declined"),
        on(Place::Lab, Action::PlayLastUnit, &[char('u')], "", "Play: out of stock on the last unit"),
        on(Place::Lab, Action::PlayProductsDown, &[char('p')], "", "Play: product service down"),
        on(Place::Lab, Action::PlayMailDown, &[char('e')], "", "Play: mail down"),
        on(Place::Lab, Action::PlayWebhooks, &[char('w')], "", "Play: duplicate and out-of-order webhooks"),
        on(Place::Lab, Action::PlayServerKilled, &[char('s')], "", "Play: server killed in mid-checkout"),
        on(Place::Lab, Action::PlayRace, &[char('r')], "", "Play: two shoppers race for one unit"),
        on(Place::Lab, Action::PlayPoison, &[char('x')], "", "Play: poison event"),
        on(Place::Lab, Action::ResetShop, &[char('R')], "", "Start over: the shop as on its first day"),
        on(Place::Lab, Action::Back, &[ESC], "", "Back to the shop"),
    ]
}

fn account() -> Vec<Binding> {
    vec![
        // Account
        on(Place::NoWallet, Action::OpenWallet, &[ENTER], "open", "Open a wallet: the shop knows you from then on"),
        on(Place::Wallet, Action::OpenOrder, &[ENTER], "order", "Open the order that the money was for"),
        on(Place::Vouchers, Action::UseVoucher, &[ENTER], "use", "Use the voucher for the basket"),
        on(Place::Invoices, Action::OpenPaper, &[ENTER], "read", "Read the invoice or credit note"),
        on(Place::Invoices, Action::SavePdf, &[char('s')], "", "Save it as a PDF in the folder you are in"),
        on(Place::Invoices, Action::SaveText, &[char('S')], "", "Save it as plain text in the folder you are in"),
        on(Place::Mailbox, Action::OpenPaper, &[ENTER], "read", "Read the mail"),
        on(Place::SignIn, Action::SignIn, &[char('i')], "sign in", "Sign in with mail address and password"),
        on(Place::SignIn, Action::CreateAccount, &[char('n')], "new account", "Create an account and sign in"),
        on(Place::ForOperators, Action::SignIn, &[char('i'), ENTER], "sign in", "Sign in as an operator of the shop"),
        on(Place::ForOperators, Action::Back, &[ESC], "", "Back to the shop"),
        on(Place::SignedIn, Action::ChangeName, &[char('e')], "name", "Change your name"),
        on(Place::SignedIn, Action::ChangePassword, &[char('p')], "password", "Change your password"),
        on(Place::SignedIn, Action::SignOut, &[char('x')], "sign out", "Sign out; the basket stays"),
        on(Place::SignedIn, Action::DeleteAccount, &[char('D')], "", "Delete your account for good"),
        on(Place::Sessions, Action::EndSession, &[ENTER, char('x')], "end", "End this session"),
        on(Place::Sessions, Action::EndOtherSessions, &[char('X')], "end others", "End every session but this one"),
        on(Place::Addresses, Action::AddAddress, &[char('n')], "new", "Save another address"),
        on(Place::Addresses, Action::ChangeAddress, &[ENTER, char('e')], "change", "Change this address"),
        on(
            Place::Addresses,
            Action::UseAsDefault,
            &[char('d')],
            "default",
            "Use this address unless another is chosen",
        ),
        on(Place::Addresses, Action::RemoveAddress, &[char('x')], "remove", "Remove this address"),
        on(Place::Profile, Action::CopyId, &[char('y')], "copy number", "Copy your customer number"),
        on(Place::Account, Action::NextPart, &[RIGHT, char('l'), char(']')], "", "Next part of the account"),
        on(Place::Account, Action::PreviousPart, &[LEFT, char('h'), char('[')], "", "Previous part of the account"),
        on(Place::Account, Action::Back, &[ESC], "", "Back to the shop"),
        // Papers: an invoice, a credit note or a mail over the screen
        on(Place::Document, Action::SavePdf, &[char('s')], "save PDF", "Save it as a PDF in the folder you are in"),
        on(
            Place::Document,
            Action::SaveText,
            &[char('S')],
            "save text",
            "Save it as plain text in the folder you are in",
        ),
        on(Place::DocumentView, Action::ClosePaper, &[ESC, ENTER], "close", "Close it"),
        on(Place::DocumentView, Action::Down, &[DOWN, char('j')], "scroll", "Scroll down"),
        on(Place::DocumentView, Action::Up, &[UP, char('k')], "", "Scroll up"),
        on(Place::DocumentView, Action::PageDown, &[PAGE_DOWN, Key::ctrl('d'), char(' ')], "", "A page down"),
        on(Place::DocumentView, Action::PageUp, &[PAGE_UP, Key::ctrl('u')], "", "A page up"),
        on(Place::DocumentView, Action::First, &[HOME, char('g')], "", "To its beginning"),
        on(Place::DocumentView, Action::Last, &[END, char('G')], "", "To its end"),
        on(
            Place::DocumentView,
            Action::NextPaper,
            &[RIGHT, char('l'), char('n')],
            "next",
            "The next one: an invoice's credit notes, the mail below",
        ),
        on(Place::DocumentView, Action::PreviousPaper, &[LEFT, char('h'), char('p')], "", "The one before"),
        on(Place::DocumentView, Action::CopyId, &[char('y')], "copy", "Copy its text"),
    ]
}

fn counter() -> Vec<Binding> {
    vec![
        // Counter
        on(Place::CounterStock, Action::Receive, &[ENTER, char('r')], "receive", "Take goods in"),
        on(Place::CounterStock, Action::Adjust, &[char('a')], "correct", "Correct the books: counted, broken, found"),
        on(Place::CounterStock, Action::Count, &[char('c')], "count", "Set a counted number"),
        on(Place::CounterStock, Action::Threshold, &[char('s')], "low at", "Set when stock runs low"),
        on(
            Place::CounterStock,
            Action::OnlyLow,
            &[char('f')],
            "only low",
            "Show only what is low or out, or everything",
        ),
        on(Place::CounterProducts, Action::Reprice, &[ENTER, char('r')], "price", "Give the product another price"),
        on(
            Place::CounterProducts,
            Action::Describe,
            &[char('c')],
            "change",
            "Change name, description, sale and so on",
        ),
        on(
            Place::CounterProducts,
            Action::WithdrawOrRelist,
            &[char('w')],
            "withdraw",
            "Take it off the shelf, or back on",
        ),
        on(Place::CounterProducts, Action::NewProduct, &[char('n')], "new", "Put a new product into the range"),
        on(Place::CounterProducts, Action::Search, &[char('/')], "search", "Search as you type"),
        on(
            Place::CounterProducts,
            Action::OnlyWithdrawn,
            &[char('f')],
            "withdrawn",
            "Show what is off the shelf, or on it",
        ),
        on(
            Place::CounterProducts,
            Action::ConfirmWithdrawals,
            &[char('W')],
            "",
            "Confirm that most of the range is gone",
        ),
        on(Place::CounterOrders, Action::OpenOrder, &[ENTER], "open", "Open the order with its timeline"),
        on(Place::CounterOrders, Action::Ship, &[char('s')], "ship", "Send the order: by whom, under which number"),
        on(Place::CounterOrders, Action::Deliver, &[char('a')], "arrived", "Note that the order has arrived"),
        on(Place::CounterOrders, Action::ChangeEmail, &[char('w')], "", "Correct the address that mail goes to"),
        on(Place::CounterOrders, Action::Refund, &[char('r')], "refund", "Give money back, all or some of it"),
        on(
            Place::CounterOrders,
            Action::NextStatus,
            &[char('f')],
            "filter",
            "To ship, on their way, arrived, then all",
        ),
        on(Place::CounterOrders, Action::Search, &[char('/')], "search", "Search by number, address or product"),
        on(Place::CounterOrders, Action::NextMatch, &[char('n')], "", "To the next match of the search"),
        on(Place::CounterOrders, Action::PreviousMatch, &[char('N')], "", "To the match before"),
        on(
            Place::CounterCharges,
            Action::Refund,
            &[ENTER, char('r')],
            "refund",
            "Give a charge back that no order here was paid with",
        ),
        on(
            Place::Counter,
            Action::NextPart,
            &[RIGHT, char('l'), char(']')],
            "",
            "Next part: stock, products, orders, sales, charges",
        ),
        on(Place::Counter, Action::PreviousPart, &[LEFT, char('h'), char('[')], "", "Previous part"),
        on(Place::Counter, Action::Back, &[ESC], "", "Back to the shop"),
    ]
}

fn everywhere() -> Vec<Binding> {
    vec![
        // Lists
        on(Place::Lists, Action::Up, &[UP, char('k')], "", "Up"),
        on(Place::Lists, Action::Down, &[DOWN, char('j')], "", "Down"),
        on(Place::Lists, Action::PageUp, &[PAGE_UP, Key::ctrl('u')], "", "A page up"),
        on(Place::Lists, Action::PageDown, &[PAGE_DOWN, Key::ctrl('d')], "", "A page down"),
        on(Place::Lists, Action::First, &[HOME, char('g')], "", "To the first line"),
        on(Place::Lists, Action::Last, &[END, char('G')], "", "To the last line; a live list follows again"),
        on(Place::Lists, Action::CopyId, &[char('y')], "copy", "Copy the chosen id, or your bank's link"),
        // Everywhere
        on(Place::Everywhere, Action::Help, &[char('?')], "help", "All keys; type to find one, Enter runs it"),
        on(
            Place::Everywhere,
            Action::Palette,
            &[char(':'), Key::ctrl('p')],
            "",
            "Palette: everything there is to do, by name",
        ),
        on(Place::Screens, Action::GoShop, &[char('1')], "", "Shop"),
        on(Place::Screens, Action::GoBasket, &[char('2'), char('b')], "", "Basket"),
        on(Place::Screens, Action::GoOrders, &[char('3'), char('o')], "", "Orders"),
        on(Place::Screens, Action::GoLog, &[char('4')], "", "Log: everything that happens in the shop"),
        on(Place::Screens, Action::GoProcesses, &[char('5')], "", "Processes: what the shop does by itself"),
        on(Place::Screens, Action::GoLab, &[char('6')], "", "Lab: scenarios, and what can be broken on purpose"),
        on(
            Place::Screens,
            Action::GoCounter,
            &[char('7')],
            "",
            "Counter: stock, products, orders to ship, sales, charges",
        ),
        on(Place::Screens, Action::GoAccount, &[char('8')], "", "Account: wallet, vouchers, invoices, mail"),
        on(
            Place::Screens,
            Action::Split,
            &[char('\\')],
            "",
            "Two screens: choose what stands beside this one; again, one or two",
        ),
        on(Place::Screens, Action::SwitchSection, &[char('z')], "", "Between the shop and what is behind it"),
        on(Place::Tabs, Action::NextScreen, &[TAB], "", "Next screen"),
        on(Place::Tabs, Action::PreviousScreen, &[BACK_TAB], "", "Previous screen"),
        on(
            Place::Everywhere,
            Action::Preferences,
            &[char(',')],
            "",
            "Settings: theme, mouse, notifications, motion, times",
        ),
        on(Place::Everywhere, Action::NextTheme, &[char('t')], "", "Next theme: dark, light, contrast, mono"),
        on(Place::Everywhere, Action::Mouse, &[char('m')], "", "Mouse on or off; off, text can be selected"),
        on(Place::Everywhere, Action::Close, &[char('q')], "quit", "Close what is open; where nothing is, quit"),
    ]
}

fn over_the_screen() -> Vec<Binding> {
    vec![
        // Search
        on(Place::Search, Action::EndSearch, &[ENTER, TAB], "done", "Keep the search and go to the list"),
        on(Place::Search, Action::ClearSearch, &[ESC], "clear", "Take the search off"),
        on(Place::Search, Action::Up, &[UP], "", "Up"),
        on(Place::Search, Action::Down, &[DOWN], "choose", "Down"),
        // Help
        on(Place::Help, Action::RunHelp, &[ENTER], "run", "Run the chosen line"),
        on(Place::Help, Action::PageUp, &[PAGE_UP], "", "A page up"),
        on(Place::Help, Action::PageDown, &[PAGE_DOWN], "", "A page down"),
        on(Place::Help, Action::Up, &[UP], "", "Up"),
        on(Place::Help, Action::Down, &[DOWN], "choose", "Down"),
        on(Place::Help, Action::CloseHelp, &[ESC], "close", "Close the help"),
        // Panes
        on(Place::Panes, Action::ShowBeside, &[ENTER], "show", "Show this beside the open screen"),
        on(Place::Panes, Action::Split, &[char('\\')], "one or two", "Switch between one screen and two"),
        on(Place::Panes, Action::Up, &[UP, char('k')], "", "Up"),
        on(Place::Panes, Action::Down, &[DOWN, char('j')], "", "Down"),
        on(Place::Panes, Action::CloseList, &[ESC, char('q')], "close", "Leave it as it is"),
        // Preferences
        on(Place::Preferences, Action::NextValue, &[RIGHT, ENTER, char('l'), char(' ')], "change", "The next value"),
        on(Place::Preferences, Action::PreviousValue, &[LEFT, char('h')], "", "The value before"),
        on(Place::Preferences, Action::Up, &[UP, char('k')], "", "Up"),
        on(Place::Preferences, Action::Down, &[DOWN, char('j')], "", "Down"),
        on(Place::Preferences, Action::CloseList, &[ESC, char('q'), char(',')], "close", "Close the settings"),
        // Form
        on(Place::Form, Action::Submit, &[ENTER], "next, send", "Go to the next field; from the last one, send"),
        on(Place::Form, Action::NextField, &[TAB, DOWN], "next field", "Go to the next field"),
        on(Place::Form, Action::PreviousField, &[BACK_TAB, UP], "", "Go to the previous field"),
        on(Place::Form, Action::Back, &[ESC], "leave", "Close the form; nothing is sent"),
        // Confirm
        on(Place::Confirm, Action::Yes, &[char('y')], "yes", "Yes, do it"),
        on(Place::Confirm, Action::No, &[char('n'), ESC], "no", "No, leave it"),
        // Always
        on(Place::Always, Action::Quit, &[Key::ctrl('c')], "", "Quit at once, from anywhere"),
        on(Place::Always, Action::Suspend, &[Key::ctrl('z')], "", "Go back to the shell for now; fg returns"),
        on(Place::Always, Action::Redraw, &[Key::ctrl('l')], "", "Draw the screen anew"),
    ]
}
