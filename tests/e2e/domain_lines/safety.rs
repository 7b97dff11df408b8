//! The lines about what the shop withstands.

use super::Line;

pub(super) const SAFETY: &[Line] = &[(
    "S5",
    "the command line takes what people write; a data file that lost its content is refused",
    &[
        "server/eventlog/tests/contract/files.rs::a_log_that_lost_its_content_is_refused_and_never_begun_anew",
        "server/eventlog/tests/contract/files.rs::a_log_whose_creation_was_killed_is_created_again",
    ],
)];
