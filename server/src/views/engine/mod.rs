//! Runs the views: feeds them the log, rebuilds them beside the live rows, and holds those that are paused.

pub(crate) mod follow;
pub(crate) mod pages;
pub(crate) mod rebuild;
pub(crate) mod step_mode;
pub(crate) mod view;
