//! What operators see of the processes: how far each one is, and what is parked.

pub(crate) mod parked;
pub(crate) mod progress;
