//! The requirements of robustness: hazards that the shop withstands.

use super::Requirement;

pub(super) const SAFETY: &[Requirement] = &[
    (
        "S1",
        "web pages of others write nothing and read only what is public, on server and stubs",
        &[
            "tests/e2e/browser.rs::a_page_of_another_origin_changes_nothing_and_reads_only_what_is_public",
            "tests/e2e/browser.rs::a_page_whose_name_was_pointed_at_the_shop_gets_nothing",
            "tests/e2e/browser.rs::pages_of_an_allowed_origin_and_its_own_work",
            "server/src/http/origin.rs::a_host_is_ours_by_loopback_by_address_or_by_name",
            "server/src/http/origin.rs::a_write_is_not_taken_from_a_page_of_another_origin",
            "mocks/src/origin.rs::no_page_of_another_origin_writes_or_reads_unseen",
        ],
    ),
    (
        "S2",
        "no help, refusal, log line, metric, process list or Debug shows a secret; each is read from a file too",
        &[
            "tests/e2e/network/secrets.rs::secrets_are_read_from_files_and_neither_log_nor_process_list_nor_metrics_shows_them",
            "tests/e2e/network/secrets.rs::a_secret_given_twice_or_in_a_file_that_holds_none_is_a_usage_error_without_it",
            "server/src/main.rs::every_secret_is_also_read_from_a_file_and_no_default_and_no_help_shows_one",
            "server/src/secret_args.rs::a_file_that_holds_no_secret_is_refused_with_option_and_path_and_without_its_content",
            "tests/e2e/command_line.rs::no_help_shows_what_stands_in_the_environment",
            "tests/e2e/command_line.rs::no_refusal_and_no_log_line_shows_a_password",
            "server/src/config.rs::the_debug_text_of_a_configuration_holds_no_secret",
        ],
    ),
    (
        "S3",
        "a stream of events is open at once; beyond the end of the log comes a reset",
        &[
            "tests/e2e/log.rs::a_stream_of_events_is_seen_to_be_open_at_once_and_no_proxy_keeps_it_back",
            "tests/e2e/log.rs::a_request_for_what_comes_after_the_end_of_the_log_learns_that_it_is_another_log",
        ],
    ),
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
            "tests/e2e/command_line.rs::a_switch_and_an_address_may_be_said_as_people_say_them",
            "server/src/config.rs::a_place_to_listen_may_be_said_in_several_ways",
        ],
    ),
    (
        "S7",
        "no secret has a default outside the lab",
        &[
            "tests/e2e/command_line.rs::a_real_gateway_wants_its_own_secrets",
            "server/src/config.rs::a_gateway_elsewhere_has_no_key_by_default",
        ],
    ),
    (
        "S6",
        "a database that goes back in time is noticed, and the shop goes on with what is there",
        &[
            "server/eventlog/tests/contract/servers.rs::a_database_that_was_set_back_is_noticed_before_anything_is_written_to_it",
            "tests/e2e/set_back.rs::when_a_replica_that_lacks_the_last_commits_takes_over_nobody_is_stuck_and_the_register_has_no_hole",
            "tests/e2e/set_back.rs::a_payment_that_is_asked_for_again_moves_the_money_once_and_its_order_gets_a_number_that_nobody_had",
            "server/api/src/order_number.rs::a_log_that_was_set_back_gives_no_number_that_it_gave_before",
        ],
    ),
    (
        "S8",
        "deadlines go by one clock; a clock that jumps erases no key and ends no order",
        &[
            "server/eventlog/src/clock.rs::neither_a_clock_that_is_ahead_for_a_moment_nor_one_that_goes_back_makes_time_pass",
            "server/src/clock.rs::a_jump_is_accepted_only_when_it_lasts",
            "server/simulation/clocks.rs::a_wrong_clock_neither_ends_anything_early_nor_holds_anything_up",
            "tests/e2e/set_back.rs::a_server_whose_clock_is_an_hour_behind_the_database_goes_by_the_database",
        ],
    ),
    (
        "S11",
        "timeouts and limits for connections, with room kept for health",
        &[
            "tests/e2e/connections.rs::a_connection_on_which_no_request_begins_is_closed_and_one_that_waits_for_its_answer_is_not",
            "tests/e2e/connections.rs::silent_connections_lock_out_neither_health_nor_a_shopper",
            "tests/e2e/connections.rs::when_every_connection_is_busy_health_is_answered_and_others_are_asked_to_retry",
            "server/src/http/lingering_stream.rs::a_client_that_neither_reads_nor_goes_is_not_waited_for_for_ever",
            "tests/e2e/memory.rs::a_request_that_waits_takes_less_than_32_kb",
            "tests/e2e/memory.rs::a_reader_that_does_not_read_takes_less_than_64_kb_and_is_cut_off",
        ],
    ),
    (
        "S13",
        "what is not whole has not the name of a log; a log that was copied without its write-ahead log is refused",
        &[
            "server/eventlog/tests/contract/files.rs::a_log_that_was_copied_without_its_write_ahead_log_is_refused_until_the_loss_is_accepted",
            "server/eventlog/tests/contract/files.rs::a_log_in_use_that_was_read_keeps_its_write_ahead_log_when_its_server_is_gone",
            "server/eventlog/tests/contract/servers.rs::a_database_with_half_an_import_is_refused",
            "tests/e2e/offline.rs::an_import_that_is_killed_leaves_no_log_and_the_next_one_makes_it",
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
            "tests/e2e/offline.rs::an_event_is_proven_by_the_hash_that_the_server_returned_and_a_changed_one_is_not",
        ],
    ),
    (
        "S15",
        "the log's files are for their owner alone; a file is opened once, whatever its name",
        &[
            "server/eventlog/tests/contract/files.rs::an_open_log_has_the_locks_by_which_sqlite_knows_of_it_in_other_programs",
            "server/eventlog/tests/contract/files.rs::a_log_is_not_opened_twice_by_another_name_of_its_file",
            "server/eventlog/tests/contract/files.rs::nobody_else_may_read_a_log_or_a_backup_also_one_that_an_older_program_left_open",
            "tests/e2e/offline.rs::what_a_server_and_its_tools_write_is_for_nobody_else_to_read_whatever_the_umask",
        ],
    ),
    (
        "S9",
        "however many orders are parked, the others are handled, and readiness says how many there are",
        &[
            "tests/e2e/processes.rs::with_1500_orders_parked_a_healthy_one_is_confirmed_and_readiness_reports_them",
            "server/src/processes/engine/runner_tests.rs::however_many_sequences_stand_others_are_handled",
        ],
    ),
    (
        "S10",
        "a page of a list and its total are of one moment",
        &["server/src/views/rows/tests.rs::a_page_and_its_count_are_of_one_moment_while_rows_change_their_group"],
    ),
    (
        "S12",
        "who waits for an order is woken by that order alone, holds nothing, and has a place or is told to come again",
        &[
            "server/src/http/order_watch_tests.rs::an_event_wakes_those_who_wait_for_its_order_and_nobody_else",
            "server/src/http/order_watch_tests.rs::there_are_only_so_many_places_and_one_that_is_left_is_free",
            "tests/e2e/log.rs::who_waits_for_an_order_is_woken_by_it_and_one_too_many_is_asked_to_retry",
        ],
    ),
    (
        "S16",
        "a database that is away is told as such; a pooler, a database that wants encryption and a foreign schema are named at the start",
        &[
            "tests/e2e/broken_stores.rs::a_database_that_goes_away_and_comes_back_costs_some_answers_and_no_order",
            "tests/e2e/broken_stores.rs::while_writes_wait_for_a_lock_in_vain_the_shop_is_not_ready",
            "tests/e2e/broken_stores.rs::a_schema_of_our_name_that_is_not_ours_is_left_alone_and_reported_at_the_start",
            "server/eventlog/src/postgres/suitability_tests.rs::a_pooler_that_shares_sessions_is_reported_with_what_to_do",
            "server/eventlog/src/postgres/suitability_tests.rs::a_database_that_takes_encrypted_connections_only_is_reported_with_what_to_do",
            "tests/e2e/bad_input.rs::text_that_no_database_can_keep_is_refused_or_finds_nothing_on_postgres_too",
        ],
    ),
    (
        "S17",
        "a refund always has room in its wallet; a refusal is not kept under its key; any time has a text; a search of the log is bounded",
        &[
            "server/domain/src/wallet/tests.rs::no_top_up_takes_the_room_of_a_refund",
            "tests/e2e/idempotency.rs::a_refused_command_may_be_sent_again_under_its_key",
            "server/api/src/time.rs::a_time_that_is_too_far_away_becomes_the_last_that_can_be_written",
            "tests/e2e/log.rs::a_type_that_never_occurs_is_looked_for_a_stretch_at_a_time",
        ],
    ),
    (
        "S18",
        "a power cut at any moment loses nothing acknowledged, and leaves the log, an export, a backup and an import whole or not there",
        &[
            "tests/e2e/power_loss.rs::whatever_a_power_cut_leaves_on_the_disk_nothing_acknowledged_is_lost_and_the_log_is_sound",
            "tests/e2e/power_loss.rs::a_shop_opens_on_what_a_power_cut_leaves_and_sells",
            "tests/e2e/power_loss.rs::a_disk_that_does_not_keep_its_syncs_is_seen_to_lose_what_was_acknowledged",
        ],
    ),
    (
        "S19",
        "whatever fails, what clients see is what one shop with one log could have shown: order, own writes, feeds, keys, money, stock",
        &[
            "tests/e2e/histories.rs::a_history_of_one_server_on_sqlite_that_is_killed_and_frozen_is_that_of_one_shop",
            "tests/e2e/histories.rs::a_history_of_three_servers_on_a_postgres_that_crashes_is_that_of_one_shop",
            "tests/e2e/histories/planted.rs::a_history_that_one_shop_can_have_breaks_no_rule",
            "tests/e2e/histories/planted.rs::a_feed_with_two_events_swapped_is_found",
            "tests/e2e/histories/planted.rs::a_feed_that_leaves_a_position_out_is_found",
            "tests/e2e/histories/planted.rs::a_feed_that_delivers_an_event_twice_is_found",
            "tests/e2e/histories/planted.rs::an_event_that_one_follower_received_and_that_later_vanished_is_found",
            "tests/e2e/histories/planted.rs::a_write_that_was_acknowledged_and_is_missing_is_found",
            "tests/e2e/histories/planted.rs::a_key_that_took_effect_twice_is_found",
            "tests/e2e/histories/planted.rs::a_read_that_does_not_show_the_readers_own_write_is_found",
            "tests/e2e/histories/planted.rs::two_writes_in_another_order_than_they_happened_are_found",
            "tests/e2e/histories/planted.rs::a_second_charge_is_found_and_so_is_money_that_did_not_go_back",
            "tests/e2e/histories/planted.rs::stock_below_zero_is_found_and_so_is_stock_that_does_not_add_up",
        ],
    ),
    (
        "S20",
        "connections are encrypted where there is a certificate, which is renewed while the server runs; no handshake locks others out",
        &[
            "tests/e2e/network/tls.rs::both_versions_of_tls_are_spoken_with_http_1_1_and_nothing_older_or_newer",
            "tests/e2e/network/tls.rs::a_request_that_is_not_encrypted_is_told_so_and_garbage_is_closed",
            "tests/e2e/network/tls.rs::handshakes_that_never_end_lock_nobody_out_and_are_closed_in_time",
            "tests/e2e/network/tls.rs::a_new_certificate_is_taken_while_clients_come_and_none_of_them_fails",
            "tests/e2e/network/tls.rs::a_certificate_that_cannot_be_used_ends_the_start_and_one_that_expired_is_warned_of",
            "tests/e2e/network/tls.rs::the_client_buys_over_tls_and_believes_the_authorities_of_its_environment_alone",
            "tests/e2e/network/tls.rs::storefront_serve_is_encrypted_too_and_still_hears_from_its_own_card_gateway",
            "server/eventlog/tests/contract/encryption.rs::connections_are_encrypted_and_verified_as_sslmode_says",
            "server/eventlog/tests/contract/encryption.rs::a_database_without_encryption_is_refused_where_encryption_is_asked_for",
            "server/eventlog/src/postgres/encryption.rs::an_address_that_cannot_be_used_is_refused_without_its_password",
            "server/src/http/tls.rs::a_changed_pair_is_taken_once_both_files_fit_and_a_broken_one_changes_nothing",
            "server/src/http/connection_slots.rs::handshakes_make_room_before_idle_connections_and_only_so_many_are_under_way",
        ],
    ),
    (
        "S21",
        "a client that sends too many requests is asked to wait, and others are not; nobody locks another out",
        &[
            "tests/e2e/network/limits.rs::an_address_that_asks_too_much_is_asked_to_wait_and_others_are_not",
            "tests/e2e/network/limits.rs::whoever_guesses_passwords_is_stopped_and_the_owner_of_the_account_is_not",
            "server/src/http/rate_limit.rs::a_quota_is_used_up_and_refilled_evenly",
            "server/src/http/rate_limit.rs::only_so_many_clients_are_counted_and_the_oldest_is_replaced",
            "server/src/http/rate_limit.rs::an_address_and_an_account_are_counted_apart_and_this_machine_not_at_all",
        ],
    ),
    (
        "S22",
        "a trusted proxy is believed about client, host and path, and nobody else is",
        &[
            "tests/e2e/network/proxies.rs::a_server_below_a_path_shows_it_in_locations_and_in_its_description",
            "tests/e2e/network/proxies.rs::a_trusted_proxy_says_path_and_host_and_nobody_else_does",
            "tests/e2e/network/proxies.rs::a_request_of_http_1_1_names_one_host",
            "server/src/http/forwarded.rs::the_client_is_whom_the_outermost_trusted_proxy_saw",
            "server/src/http/forwarded.rs::whatever_a_client_sends_the_proxy_alone_says_who_it_is",
        ],
    ),
    (
        "S23",
        "what the description allows is not refused for its form, and each answer is declared",
        &[
            "tests/e2e/allowed_input.rs::what_the_description_allows_is_not_refused_for_its_form_and_each_answer_is_declared",
            "tests/e2e/openapi.rs::every_route_of_the_description_is_there_and_answers_what_the_description_says",
            "tests/e2e/range.rs::a_confirmation_is_answered_while_the_view_of_products_is_paused",
            "server/src/integrations/product_writes.rs::every_key_of_the_shop_is_sent_as_one_that_services_take",
            "server/api/src/time.rs::the_last_day_of_the_last_year_is_a_time",
        ],
    ),
];
