//! The requirements of mails and notices, and of the log.

use super::Requirement;

pub(super) const MAILS: &[Requirement] = &[
    (
        "R1",
        "confirmation, shipped, cancelled, refunded, voucher, each once per cause",
        &[
            "tests/e2e/refunds.rs::an_order_that_is_cancelled_before_it_is_confirmed_brings_one_mail",
            "server/src/processes/tell_customers_what_came_of_their_orders_tests.rs::a_refund_of_what_is_on_an_invoice_is_announced_with_its_credit_note_and_not_before",
            "tests/e2e/mails.rs::a_large_order_brings_mails_when_it_is_confirmed_when_it_is_sent_and_when_it_brings_a_voucher",
            "tests/e2e/mails.rs::each_refund_brings_one_mail_with_its_amount_and_its_credit_note",
            "tests/e2e/contact.rs::mail_goes_to_addresses_in_every_script_and_what_no_server_takes_is_refused_at_the_checkout",
            "server/src/integrations/mailer.rs::a_mail_is_handed_in_with_its_message_id_and_whole",
            "server/src/integrations/mailer.rs::whatever_the_checkout_takes_as_an_address_can_be_mailed",
            "server/src/integrations/mailer.rs::the_refusal_says_that_the_server_does_not_take_such_addresses",
            "server/simulation/mod.rs::whatever_happens_the_books_balance_and_nothing_is_stuck",
        ],
    ),
    (
        "R2",
        "mail down: orders confirm; it retries, then parks",
        &[
            "tests/e2e/shopping.rs::orders_confirm_while_the_mail_server_is_down_and_the_mail_comes_later",
            "tests/e2e/processes.rs::a_mail_that_is_parked_survives_the_kill_and_a_retry_sends_it_once",
            "tests/e2e/contact.rs::a_mail_that_nobody_takes_is_parked_and_goes_out_once_its_address_is_corrected",
        ],
    ),
    (
        "R3",
        "low stock is seen live; how many others have it in their basket",
        &[
            "tests/e2e/stock.rs::an_operator_hears_once_that_stock_runs_low_and_once_that_it_is_out",
            "tests/e2e/operators.rs::a_shopper_sees_how_many_others_have_a_product_in_their_baskets",
        ],
    ),
];

pub(super) const LOG: &[Requirement] = &[
    (
        "E1",
        "a stream, the log, an order; filtered; live",
        &[
            "tests/e2e/log.rs::a_stream_is_read_page_by_page",
            "tests/e2e/log.rs::positions_are_dense_and_pages_join",
            "tests/e2e/log.rs::a_long_poll_is_deaf_to_what_it_filters_out_but_moves_past_it",
            "tests/e2e/log.rs::the_log_comes_as_server_sent_events_and_resumes",
        ],
    ),
    (
        "E2",
        "an order at a version or time, and the difference of two",
        &[
            "tests/e2e/log.rs::an_order_can_be_read_as_it_was_at_a_version_and_at_a_time",
            "tests/e2e/history.rs::two_versions_of_an_order_differ_in_what_was_changed_between_them",
        ],
    ),
    (
        "E3",
        "correlation and causation: a timeline is a tree",
        &[
            "tests/e2e/shopping.rs::every_event_of_an_order_names_its_cause",
            "tests/e2e/history.rs::the_diagram_shows_what_led_to_what",
        ],
    ),
    (
        "E4",
        "export and import, byte for byte",
        &[
            "tests/e2e/offline.rs::a_log_goes_from_sqlite_to_postgres_and_back_and_its_export_stays_the_same_byte_for_byte",
        ],
    ),
    (
        "E5",
        "old event versions load, with recorded examples",
        &[
            "server/src/codec/tests/mod.rs::there_is_a_recorded_example_of_every_type_and_version_and_of_nothing_else",
            "tests/e2e/offline.rs::a_history_in_old_shapes_is_read_as_it_was_and_nothing_in_it_happens_again",
        ],
    ),
    (
        "E6",
        "a catalogue of event types, with schemas that are true",
        &[
            "server/src/codec/tests/event_types.rs::the_schema_of_a_present_version_is_that_of_its_struct",
            "server/src/codec/tests/event_types.rs::every_recorded_example_matches_its_schema",
            "tests/e2e/event_types.rs::every_event_of_the_scenarios_is_as_the_catalogue_says",
            "tests/e2e/event_types.rs::a_cloud_event_names_the_schema_of_its_data",
        ],
    ),
    (
        "E7",
        "a program in any language follows the log with a checkpoint of its own, as the quickstart shows",
        &[
            "tests/e2e/quickstart.rs::the_quickstart_with_curl_buys_follows_and_projects",
            "tests/e2e/quickstart.rs::the_quickstart_in_python_buys_and_follows",
            "tests/e2e/quickstart.rs::the_quickstart_in_typescript_buys_and_follows",
            "tests/e2e/quickstart.rs::every_snippet_of_the_quickstart_is_in_a_language_in_which_it_is_run",
            "tests/e2e/quickstart.rs::the_projection_in_python_survives_kills_and_a_shop_that_starts_over",
            "tests/e2e/quickstart.rs::the_projection_in_typescript_survives_kills_and_a_shop_that_starts_over",
        ],
    ),
    (
        "E8",
        "webhooks are signed, sent at least once and in order within an order, retried, and never to a private network",
        &[
            "tests/e2e/outgoing_webhooks.rs::events_of_the_wanted_types_are_sent_signed_as_the_feed_shows_them_and_those_of_one_order_in_order",
            "tests/e2e/outgoing_webhooks.rs::what_a_receiver_refuses_comes_again_and_holds_back_its_own_order_only",
            "tests/e2e/outgoing_webhooks.rs::a_receiver_that_was_away_over_a_restart_gets_all_in_order_and_nothing_that_it_took_before",
            "tests/e2e/outgoing_webhooks.rs::an_endpoint_that_is_gone_is_disabled_and_gets_what_it_missed_when_it_is_enabled",
            "tests/e2e/outgoing_webhooks.rs::a_receiver_that_never_answers_holds_no_other_endpoint_up",
            "tests/e2e/outgoing_webhooks.rs::a_secret_is_shown_once_is_in_no_export_and_signs_for_a_day_beside_the_one_that_follows",
            "tests/e2e/outgoing_webhooks.rs::a_secured_shop_sends_to_no_private_network_and_nothing_without_encryption",
            "server/src/integrations/webhook_sender.rs::the_signature_is_that_of_the_specification",
            "server/src/integrations/webhook_targets.rs::no_address_of_a_private_or_reserved_network_is_let_in",
            "server/src/integrations/webhook_targets.rs::a_name_that_leads_to_this_machine_is_refused_when_it_is_given_and_when_it_is_connected_to",
        ],
    ),
];
