//! Part I: who signs in.

use super::Requirement;

pub(super) const PEOPLE: &[Requirement] = &[
    (
        "I1",
        "a customer registers with mail address, password and name; an address has one account, and each customer one wallet",
        &[
            "tests/e2e/people.rs::somebody_registers_signs_in_renews_and_signs_out",
            "tests/e2e/people.rs::an_address_is_registered_once_and_a_wallet_opened_once_under_any_concurrency",
            "server/src/store/streams.rs::addresses_that_differ_in_case_or_unicode_form_have_one_login",
            "server/domain/src/login.rs::an_address_belongs_to_one_customer_until_it_is_released",
            "tests/e2e/terminal/signing_in.rs::who_registers_in_the_terminal_buys_and_comes_back_is_signed_in_still",
        ],
    ),
    (
        "I2",
        "a password has 8 to 128 characters of any kind and is not a common one; it is kept as an Argon2id hash",
        &[
            "tests/e2e/people.rs::a_password_that_is_short_or_common_is_refused_and_so_is_half_an_account",
            "server/src/identity/passwords.rs::a_password_has_8_to_128_characters_of_any_kind",
            "server/src/identity/passwords.rs::the_most_common_passwords_are_refused",
            "server/src/identity/passwords.rs::a_hash_is_argon2id_with_the_recommended_parameters_and_matches_its_password_alone",
        ],
    ),
    (
        "I3",
        "an unknown address, a wrong password and a deactivated account get one answer and cost as much; floods are bounded",
        &[
            "tests/e2e/people.rs::who_may_not_sign_in_gets_one_answer_and_costs_as_much_work",
            "server/src/identity/accounts.rs::every_refusal_hashes_as_much_as_a_sign_in",
            "server/src/identity/passwords.rs::no_more_wait_than_there_is_room_for",
            "tests/e2e/people.rs::a_flood_of_sign_ins_is_bounded_and_the_shop_goes_on",
        ],
    ),
    (
        "I4",
        "a token is good for an hour and renewed while its session lives; a changed one is refused; keys rotate",
        &[
            "tests/e2e/people.rs::somebody_registers_signs_in_renews_and_signs_out",
            "tests/e2e/people.rs::a_token_with_a_changed_byte_is_refused_on_every_route",
            "server/src/identity/tokens.rs::a_token_with_a_changed_byte_is_refused_wherever_it_is",
            "server/src/identity/tokens.rs::a_token_of_another_version_is_refused_though_its_code_is_right",
            "server/src/identity/signing_keys.rs::after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies",
        ],
    ),
    (
        "I5",
        "sessions are listed and ended, also by a new password, deactivation and deletion, on every server and over restarts",
        &[
            "tests/e2e/people.rs::sessions_are_listed_and_ended_one_by_one_or_all_but_this",
            "tests/e2e/people.rs::a_new_password_needs_the_old_one_and_ends_the_other_sessions",
            "tests/e2e/people.rs::deactivation_and_deletion_end_every_session_and_a_deleted_address_is_free",
            "tests/e2e/people.rs::sessions_outlive_a_restart_and_so_do_their_ends",
            "tests/e2e/terminal/signing_in.rs::a_client_whose_session_was_ended_in_another_one_says_so_and_keeps_its_basket",
            "tests/e2e/several_servers.rs::a_session_that_one_server_started_is_good_on_another_and_ended_on_a_third_it_is_refused_everywhere",
        ],
    ),
    (
        "I6",
        "passwords and tokens are in no file, no event on the wire and no output; the file of the keys is for its owner alone",
        &[
            "tests/e2e/people.rs::no_file_and_no_event_has_a_password_or_a_token_in_it",
            "server/api/src/people.rs::no_output_shows_a_password_or_a_token",
            "tui/src/session_file.rs::a_session_comes_back_and_its_file_is_for_its_owner_alone_whatever_it_was",
            "server/src/identity/signing_keys.rs::the_file_is_made_once_for_its_owner_alone",
            "server/domain/src/customer/tests.rs::no_output_shows_the_hash_of_a_password",
        ],
    ),
    (
        "I7",
        "in secured mode each route has a rule, and without a session only what is public is answered; beyond this machine the mode is said",
        &[
            "server/src/http/rules.rs::every_rule_is_decided_for_everybody",
            "server/src/http/rules.rs::every_operation_of_the_description_declares_its_rule",
            "tests/e2e/secured.rs::without_a_session_only_what_is_public_is_answered",
            "tests/e2e/secured.rs::beyond_this_machine_one_says_whether_people_sign_in",
            "tests/e2e/network/outsiders.rs::readiness_tells_operators_why_and_others_only_that_there_is_something",
            "tests/e2e/network/outsiders.rs::a_log_with_an_operator_that_is_opened_without_security_is_warned_of",
            "tests/e2e/secured.rs::in_secured_mode_the_shop_chooses_ids_and_demo_payments_are_refused",
            "tests/e2e/command_line/line_mode.rs::programs_act_with_an_api_key_in_a_secured_shop_and_a_demo_buys_as_a_guest",
            "tests/e2e/command_line/line_mode.rs::serve_in_secured_mode_prints_the_operators_one_time_password_and_other_commands_refuse_it",
        ],
    ),
    (
        "I8",
        "orders, invoices, payments, wallets, vouchers and events of others are 404 on every route, and in no list",
        &[
            "tests/e2e/secured.rs::what_belongs_to_another_customer_is_not_there_on_any_route",
            "tests/e2e/secured.rs::the_owner_and_the_operator_see_what_others_do_not",
            "tests/e2e/secured.rs::a_stream_of_events_sends_nothing_more_once_its_session_has_ended",
            "tests/e2e/own_feed.rs::a_request_that_waits_is_refused_once_its_session_has_ended",
            "server/src/http/routes/export.rs::an_export_breaks_off_once_its_session_has_ended",
            "tests/e2e/secured.rs::a_request_under_the_id_of_somebody_elses_order_is_not_in_its_timeline",
            "tests/e2e/guests.rs::of_two_who_begin_one_order_at_once_the_second_is_refused_and_sees_nothing_of_it",
        ],
    ),
    (
        "I9",
        "the first operator signs in with a one-time password, and does nothing before it is changed",
        &[
            "tests/e2e/secured.rs::the_first_operator_has_a_password_for_one_sign_in_and_must_change_it",
            "tests/e2e/terminal/secured.rs::whoever_opens_a_secured_shop_on_the_screen_signs_in_as_its_operator",
            "tests/e2e/secured.rs::operators_neither_delete_nor_deactivate_themselves",
        ],
    ),
    (
        "I10",
        "a guest has a session and an id of their own, sees what is theirs alone, and takes it along on registering",
        &[
            "tests/e2e/guests.rs::a_guest_buys_and_registering_takes_order_basket_and_invoice_along",
            "tests/e2e/guests.rs::what_a_guest_may_do_is_decided_on_every_route_and_others_see_nothing_of_it",
            "tests/e2e/terminal/secured.rs::a_guest_buys_in_a_secured_shop_registers_and_finds_the_order_in_the_account",
            "tests/e2e/guests.rs::an_order_is_looked_up_by_number_and_address_and_by_neither_alone",
            "tests/e2e/guests.rs::a_guests_session_is_renewed_until_it_is_ended_and_then_nobody_registers_with_it",
            "tests/e2e/guests.rs::of_several_who_register_one_guest_at_once_one_does",
            "tests/e2e/guests.rs::in_open_mode_a_guest_shops_without_a_limit_and_registers_too",
            "server/src/http/routes/sessions.rs::the_session_of_a_guest_can_be_renewed_for_30_days_unless_it_has_ended",
            "server/domain/src/customer/tests.rs::a_guest_who_registers_ends_the_session_and_so_does_one_who_goes",
        ],
    ),
    (
        "I11",
        "who somebody was is encrypted in the log, and after an erasure nowhere, but in invoices; unfinished orders follow",
        &[
            "tests/e2e/erasure.rs::somebody_who_is_erased_is_found_nowhere_any_more",
            "tests/e2e/erasure.rs::an_order_on_its_way_keeps_its_address_until_it_is_delivered_and_an_invoice_for_ever",
            "tests/e2e/erasure.rs::an_import_has_everybody_who_was_not_erased",
            "server/src/store/personal_data_tests.rs::whatever_tells_of_a_person_is_encrypted_except_in_invoices",
            "server/src/store/personal_data_tests.rs::a_server_that_meets_the_erasure_of_another_forgets_what_it_has_read",
            "server/src/processes/erase_personal_data_tests.rs::a_deleted_customer_is_erased_with_the_orders_that_are_finished_and_the_others_follow",
            "server/eventlog/tests/contract/data_keys.rs::an_erased_key_is_in_none_of_the_files_of_a_log",
        ],
    ),
    (
        "I12",
        "an API key is shown once, kept as a hash, let in where its scope is declared, the actor of what it does, and revoked everywhere",
        &[
            "tests/e2e/api_keys.rs::a_key_is_let_in_on_the_routes_that_declare_its_scope_and_on_no_other",
            "tests/e2e/api_keys.rs::a_key_is_shown_once_is_the_actor_of_what_it_does_and_over_when_it_is_revoked_also_after_a_restart",
            "tests/e2e/several_servers.rs::a_session_that_one_server_started_is_good_on_another_and_ended_on_a_third_it_is_refused_everywhere",
            "server/src/identity/api_keys.rs::a_key_is_good_until_it_expires_or_is_revoked_and_never_again",
            "server/src/identity/api_keys.rs::one_scope_includes_all_and_the_others_themselves_alone",
            "server/src/identity/api_keys.rs::the_last_use_is_kept_to_the_minute",
            "server/domain/src/api_key.rs::a_key_is_revoked_once_and_there_are_no_more_than_the_limit",
            "server/api/src/api_keys.rs::each_scope_is_written_as_its_name_and_no_output_shows_a_key",
        ],
    ),
    (
        "I13",
        "a shopper reads and follows the events of their own orders, and none of others",
        &[
            "tests/e2e/own_feed.rs::a_shopper_gets_the_events_of_their_own_orders_and_nothing_of_others",
            "tests/e2e/own_feed.rs::streams_and_cloud_events_of_a_shopper_have_nothing_of_others_either",
            "tests/e2e/own_feed.rs::a_waiting_shopper_is_woken_by_their_own_events_and_passes_those_of_others",
            "server/src/http/order_watch_tests.rs::who_waits_for_their_own_events_sleeps_while_orders_of_others_move",
            "server/src/store/order_owners.rs::an_event_belongs_to_the_owner_of_its_order_who_is_read_once",
            "server/src/store/order_owners.rs::the_cache_is_bounded_and_keeps_what_is_used",
        ],
    ),
    (
        "I14",
        "operators list customers, and find them by part of name or address; deleted ones by id alone",
        &[
            "tests/e2e/customers.rs::an_operator_finds_customers_by_parts_of_name_and_address_and_by_state_until_they_are_deleted",
            "tests/e2e/customers.rs::the_list_of_customers_is_for_operators",
            "tests/e2e/erasure.rs::somebody_who_is_erased_is_found_nowhere_any_more",
            "server/src/views/customers.rs::customers_are_found_by_what_is_known_of_them_now_and_deleted_ones_by_their_id",
        ],
    ),
];
