//! The failpoints: every place where a server waits for something outside itself.

pub(super) const READ: &str = "the log is read";
pub(super) const BEFORE_APPEND: &str = "before an append lands";
pub(super) const AFTER_APPEND: &str = "after an append has landed";
pub(super) const BEFORE_CREATE: &str = "before an intent is created";
pub(super) const AFTER_CREATE: &str = "after an intent was created";
pub(super) const BEFORE_CONFIRM: &str = "before an intent is confirmed";
pub(super) const AFTER_CONFIRM: &str = "after an intent was confirmed";
pub(super) const BEFORE_FIND: &str = "before an intent is looked up";
pub(super) const BEFORE_CANCEL: &str = "before an intent is cancelled";
pub(super) const AFTER_CANCEL: &str = "after an intent was cancelled";
pub(super) const BEFORE_REFUND: &str = "before a refund";
pub(super) const AFTER_REFUND: &str = "after a refund";
pub(super) const BEFORE_LIST: &str = "before refunds and disputes are looked up";
pub(super) const BEFORE_MAIL: &str = "before a mail is handed in";
pub(super) const AFTER_MAIL: &str = "after a mail was handed in";
pub(super) const PRODUCTS: &str = "the product service is asked";

pub(super) const ALL: [&str; 16] = [
    READ,
    BEFORE_APPEND,
    AFTER_APPEND,
    BEFORE_CREATE,
    AFTER_CREATE,
    BEFORE_CONFIRM,
    AFTER_CONFIRM,
    BEFORE_FIND,
    BEFORE_CANCEL,
    AFTER_CANCEL,
    BEFORE_REFUND,
    AFTER_REFUND,
    BEFORE_LIST,
    BEFORE_MAIL,
    AFTER_MAIL,
    PRODUCTS,
];

/// Whether the failpoint is a read.
pub(super) fn is_read(place: &'static str) -> bool {
    matches!(place, READ | BEFORE_FIND | BEFORE_LIST | PRODUCTS)
}

/// Probability of a crash here, as a multiple of that at a read of the log.
pub(super) fn times(place: &'static str) -> u32 {
    match place {
        READ | PRODUCTS => 1,
        BEFORE_APPEND | AFTER_APPEND => 15,
        _ => 100,
    }
}
