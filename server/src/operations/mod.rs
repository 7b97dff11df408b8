//! What operators see of the processes: the status of each, and its parked sequences.

pub(crate) mod parked;
pub(crate) mod progress;
