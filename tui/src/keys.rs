//! Actions, the places where they are available, and their keys. Dispatch, hint bar, help, palette and documentation
//! read one table, the [`Keymap`]; nothing else in the client compares keys. Knows no terminal library: [`Key`] is the
//! client's own type.

mod key;
mod keymap;
mod table;

use serde::{Deserialize, Serialize};

pub(crate) use key::{Code, Key};
pub(crate) use keymap::{Keymap, Remapped, word};

/// An action that a key or the palette triggers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Quit,
    Close,
    Suspend,
    Redraw,
    Help,
    Palette,
    NextTheme,
    Mouse,
    GoShop,
    GoBasket,
    GoOrders,
    GoLog,
    GoProcesses,
    GoLab,
    GoCounter,
    GoAccount,
    NextScreen,
    PreviousScreen,
    Back,
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Search,
    NextMatch,
    PreviousMatch,
    NextShelf,
    PreviousShelf,
    OnlyInStock,
    NextSort,
    ShowAll,
    More,
    Fewer,
    Add,
    TakeOut,
    OpenProduct,
    NextProduct,
    PreviousProduct,
    Cards,
    SwitchSection,
    Split,
    ShowBeside,
    CloseList,
    Preferences,
    NextValue,
    PreviousValue,
    Remove,
    Undo,
    EmptyBasket,
    CheckOut,
    NextField,
    PreviousField,
    NextChoice,
    PreviousChoice,
    Submit,
    Buy,
    OpenOrder,
    NextStatus,
    Detail,
    ScrollDown,
    ScrollUp,
    CopyId,
    CopyEvent,
    OnlyThisOrder,
    Pause,
    NextView,
    PreviousView,
    GoToCause,
    GoToEffect,
    NextEvent,
    PreviousEvent,
    SaveDiagram,
    CopyDiagram,
    Faster,
    Slower,
    CancelOrder,
    AdoptBasket,
    TurnOver,
    BuyAgain,
    // Counter
    NextPart,
    PreviousPart,
    Receive,
    Adjust,
    Count,
    Threshold,
    OnlyLow,
    Reprice,
    Describe,
    WithdrawOrRelist,
    NewProduct,
    OnlyWithdrawn,
    ConfirmWithdrawals,
    Ship,
    Deliver,
    ChangeEmail,
    Refund,
    // Account and money
    OpenWallet,
    SignIn,
    CreateAccount,
    ChangeName,
    ChangePassword,
    EndSession,
    EndOtherSessions,
    AddAddress,
    ChangeAddress,
    RemoveAddress,
    UseAsDefault,
    SignOut,
    DeleteAccount,
    EnterVoucher,
    UseVoucher,
    DropVoucher,
    OpenPaper,
    NextPaper,
    PreviousPaper,
    SavePdf,
    SaveText,
    ClosePaper,
    // Over the screen
    Rebuild,
    RetryParked,
    SkipParked,
    Play,
    PlayHappyPath,
    PlayCardDeclined,
    PlayLastUnit,
    PlayProductsDown,
    PlayMailDown,
    PlayWebhooks,
    PlayServerKilled,
    PlayRace,
    PlayPoison,
    OtherSide,
    Toggle,
    MendAll,
    ResetShop,
    EndSearch,
    ClearSearch,
    RunHelp,
    CloseHelp,
    Yes,
    No,
}

/// A place: a set of contexts in which a binding is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// In every context, also while typing.
    Always,
    /// In every context without text input.
    Everywhere,
    /// On every screen of the shop.
    Screens,
    /// On every screen but an order, whose page is turned over with the same key.
    Tabs,
    /// On every screen with a list.
    Lists,
    /// Wherever events are listed.
    Events,
    /// On every timeline.
    Timeline,
    /// On the timeline of an order, except in the scrubber.
    OrderEvents,
    Scrubber,
    Replay,
    /// On the products, as cards or as a list.
    Shop,
    /// On the products as a list.
    ShopList,
    /// On the products as cards.
    ShopCards,
    /// On the page of a product.
    Product,
    Basket,
    /// In the checkout form, on every field.
    Checkout,
    /// On its text fields.
    CheckoutField,
    /// On the choice of payment.
    CheckoutPayment,
    /// On the last step before the order is sent.
    CheckoutReview,
    CheckoutProgress,
    Orders,
    /// On both sides of an order.
    Order,
    /// On the page of an order.
    Parcel,
    Log,
    Processes,
    Lab,
    /// On every part of the counter.
    Counter,
    CounterStock,
    CounterProducts,
    CounterOrders,
    CounterCharges,
    /// On every part of the account.
    Account,
    /// On parts of the account that need a wallet, while there is none.
    NoWallet,
    Wallet,
    Vouchers,
    Invoices,
    Mailbox,
    /// On the profile, whether somebody is signed in or not.
    Profile,
    /// On the account while nobody is signed in, where signing in is offered.
    SignIn,
    /// On a screen for operators, while none is signed in.
    ForOperators,
    /// On the profile of who is signed in.
    SignedIn,
    Sessions,
    /// In the address book of who is signed in.
    Addresses,
    /// While a document or a mail is open over the screen.
    DocumentView,
    /// While an invoice or a credit note is open over the screen.
    Document,
    Search,
    Help,
    /// In the list of screens to show beside the open one.
    Panes,
    /// In the list of preferences.
    Preferences,
    /// In a form over the screen.
    Form,
    Confirm,
}

/// What receives key presses: a screen or what is open over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Context {
    Shop,
    ShopCards,
    Product,
    Basket,
    CheckoutField,
    CheckoutPayment,
    CheckoutReview,
    CheckoutProgress,
    Orders,
    Parcel,
    Order,
    Scrubber,
    Replay,
    Log,
    Processes,
    Lab,
    CounterStock,
    CounterProducts,
    CounterOrders,
    CounterSales,
    CounterCharges,
    ForOperators,
    Account,
    NoWallet,
    Wallet,
    Vouchers,
    Invoices,
    Mailbox,
    Profile,
    SignedIn,
    Sessions,
    Addresses,
    Letter,
    Document,
    Search,
    Help,
    Panes,
    Preferences,
    Form,
    Confirm,
}

impl Context {
    pub(crate) const ALL: [Self; 40] = [
        Self::Shop,
        Self::ShopCards,
        Self::Product,
        Self::Basket,
        Self::CheckoutField,
        Self::CheckoutPayment,
        Self::CheckoutReview,
        Self::CheckoutProgress,
        Self::Orders,
        Self::Parcel,
        Self::Order,
        Self::Scrubber,
        Self::Replay,
        Self::Log,
        Self::Processes,
        Self::Lab,
        Self::CounterStock,
        Self::CounterProducts,
        Self::CounterOrders,
        Self::CounterSales,
        Self::CounterCharges,
        Self::ForOperators,
        Self::Account,
        Self::NoWallet,
        Self::Wallet,
        Self::Vouchers,
        Self::Invoices,
        Self::Mailbox,
        Self::Profile,
        Self::SignedIn,
        Self::Sessions,
        Self::Addresses,
        Self::Letter,
        Self::Document,
        Self::Search,
        Self::Help,
        Self::Panes,
        Self::Preferences,
        Self::Form,
        Self::Confirm,
    ];

    /// The places whose bindings are active in this context, the nearest first.
    pub(crate) const fn places(self) -> &'static [Place] {
        use Place::{
            Account, Addresses, Always, Basket, Checkout, CheckoutField, CheckoutPayment, CheckoutProgress,
            CheckoutReview, Confirm, Counter, CounterCharges, CounterOrders, CounterProducts, CounterStock, Document,
            DocumentView, Events, Everywhere, ForOperators, Form, Help, Invoices, Lab, Lists, Log, Mailbox, NoWallet,
            Order, OrderEvents, Orders, Panes, Parcel, Preferences, Processes, Product, Profile, Replay, Screens,
            Scrubber, Search, Sessions, Shop, ShopCards, ShopList, SignIn, SignedIn, Tabs, Timeline, Vouchers, Wallet,
        };
        match self {
            Self::Shop => &[Shop, ShopList, Tabs, Screens, Everywhere, Always],
            Self::ShopCards => &[Shop, ShopCards, Tabs, Screens, Everywhere, Always],
            Self::Product => &[Product, Tabs, Screens, Everywhere, Always],
            Self::Basket => &[Basket, Lists, Tabs, Screens, Everywhere, Always],
            Self::CheckoutField => &[CheckoutField, Checkout, Always],
            Self::CheckoutPayment => &[CheckoutPayment, Checkout, Everywhere, Always],
            Self::CheckoutReview => &[CheckoutReview, Checkout, Everywhere, Always],
            Self::CheckoutProgress => &[CheckoutProgress, Lists, Tabs, Screens, Everywhere, Always],
            Self::Orders => &[Orders, Lists, Tabs, Screens, Everywhere, Always],
            Self::Parcel => &[Parcel, Order, Screens, Everywhere, Always],
            Self::Order => &[OrderEvents, Timeline, Order, Events, Lists, Screens, Everywhere, Always],
            Self::Scrubber => &[Scrubber, Timeline, Order, Events, Lists, Screens, Everywhere, Always],
            Self::Replay => &[Replay, Timeline, Events, Lists, Everywhere, Always],
            Self::Log => &[Log, Events, Lists, Tabs, Screens, Everywhere, Always],
            Self::Processes => &[Processes, Lists, Tabs, Screens, Everywhere, Always],
            Self::Lab => &[Lab, Lists, Tabs, Screens, Everywhere, Always],
            Self::CounterStock => &[CounterStock, Counter, Lists, Tabs, Screens, Everywhere, Always],
            Self::CounterProducts => &[CounterProducts, Counter, Lists, Tabs, Screens, Everywhere, Always],
            Self::CounterOrders => &[CounterOrders, Counter, Lists, Tabs, Screens, Everywhere, Always],
            Self::CounterSales => &[Counter, Lists, Tabs, Screens, Everywhere, Always],
            Self::CounterCharges => &[CounterCharges, Counter, Lists, Tabs, Screens, Everywhere, Always],
            Self::ForOperators => &[ForOperators, Tabs, Screens, Everywhere, Always],
            Self::Account => &[Account, Tabs, Screens, Everywhere, Always],
            Self::NoWallet => &[NoWallet, SignIn, Account, Tabs, Screens, Everywhere, Always],
            Self::Wallet => &[Wallet, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Vouchers => &[Vouchers, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Invoices => &[Invoices, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Mailbox => &[Mailbox, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Profile => &[SignIn, Profile, Account, Tabs, Screens, Everywhere, Always],
            Self::SignedIn => &[SignedIn, Profile, Account, Tabs, Screens, Everywhere, Always],
            Self::Addresses => &[Addresses, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Sessions => &[Sessions, Account, Lists, Tabs, Screens, Everywhere, Always],
            Self::Letter => &[DocumentView, Everywhere, Always],
            Self::Document => &[DocumentView, Document, Everywhere, Always],
            Self::Search => &[Search, Always],
            Self::Help => &[Help, Always],
            Self::Panes => &[Panes, Always],
            Self::Preferences => &[Preferences, Always],
            Self::Form => &[Form, Always],
            Self::Confirm => &[Confirm, Always],
        }
    }

    /// Whether unbound keys are typed into a text field.
    pub(crate) const fn takes_text(self) -> bool {
        match self {
            Self::CheckoutField | Self::Search | Self::Help | Self::Form => true,
            Self::Shop
            | Self::ShopCards
            | Self::Product
            | Self::Basket
            | Self::CheckoutPayment
            | Self::CheckoutReview
            | Self::CheckoutProgress
            | Self::Orders
            | Self::Parcel
            | Self::Order
            | Self::Scrubber
            | Self::Replay
            | Self::Log
            | Self::Processes
            | Self::Lab
            | Self::CounterStock
            | Self::CounterProducts
            | Self::CounterOrders
            | Self::CounterSales
            | Self::CounterCharges
            | Self::ForOperators
            | Self::Account
            | Self::NoWallet
            | Self::Wallet
            | Self::Vouchers
            | Self::Invoices
            | Self::Mailbox
            | Self::Profile
            | Self::SignedIn
            | Self::Sessions
            | Self::Addresses
            | Self::Letter
            | Self::Document
            | Self::Panes
            | Self::Preferences
            | Self::Confirm => false,
        }
    }
}

/// One row of the key table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) action: Action,
    pub(crate) place: Place,
    /// Alternative keys; the first is shown. Empty: only the palette reaches the action.
    pub(crate) keys: Vec<Key>,
    /// One or two words for the hint bar; empty when not shown there.
    pub(crate) hint: &'static str,
    /// Description for the help and the palette.
    pub(crate) help: &'static str,
}

impl Binding {
    /// All keys of the binding as text: `↑ k`.
    pub(crate) fn keys_text(&self) -> String {
        self.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The key to show; empty when there is none.
    pub(crate) fn first_key(&self) -> String {
        self.keys.first().map(ToString::to_string).unwrap_or_default()
    }
}
