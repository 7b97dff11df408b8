//! The lines about what the shop withstands.

use super::Line;

pub(super) const SAFETY: &[Line] = &[
    (
        "S4",
        "a client that still sends a body that is too large gets its answer",
        &["tests/e2e/connections.rs::a_client_that_still_sends_a_body_that_is_too_large_gets_its_answer"],
    ),
    (
        "S5",
        "the command line takes what people write; a data file that lost its content is refused",
        &[
            "server/eventlog/tests/contract/files.rs::a_log_that_lost_its_content_is_refused_and_never_begun_anew",
            "server/eventlog/tests/contract/files.rs::a_log_whose_creation_was_killed_is_created_again",
        ],
    ),
    (
        "S11",
        "timeouts and limits for connections, with room kept for health",
        &[
            "tests/e2e/connections.rs::a_connection_on_which_no_request_begins_is_closed_and_one_that_waits_for_its_answer_is_not",
            "tests/e2e/connections.rs::silent_connections_lock_out_neither_health_nor_a_shopper",
            "tests/e2e/connections.rs::when_every_connection_is_busy_health_is_answered_and_others_are_told_to_come_again",
            "server/src/http/stream.rs::a_client_that_neither_reads_nor_goes_is_not_waited_for_for_ever",
        ],
    ),
    (
        "S14",
        "an event that was changed afterwards is found and named; an event is proven without the log",
        &[
            "server/eventlog/src/proof.rs::every_leaf_of_every_tree_is_proven_and_nothing_else_is",
            "server/eventlog/tests/contract/files.rs::a_log_that_somebody_tampered_with_fails_its_check",
            "server/eventlog/tests/contract/files.rs::a_log_of_an_older_program_gets_its_hash_at_the_first_start_and_says_where_checksums_begin",
            "server/eventlog/tests/contract/servers.rs::two_servers_that_write_to_the_same_streams_keep_one_order",
            "tests/e2e/offline.rs::an_event_is_proven_by_the_hash_that_the_server_told_and_a_changed_one_is_not",
        ],
    ),
];
