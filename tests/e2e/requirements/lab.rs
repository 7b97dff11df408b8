//! The requirements of the workshop lab.

use super::Requirement;

pub(super) const LAB: &[Requirement] = &[
    (
        "L0",
        "the room can join: address, --open-to-network, --as; a lab's client has its form filled in; a second start says where",
        &[
            "tests/e2e/command_line/line_mode.rs::a_room_joins_a_shop_that_is_open_to_the_network_and_only_such_a_one",
            "tests/e2e/command_line/line_mode.rs::a_second_start_says_where_the_running_shop_is",
            "tests/e2e/lab/pauses.rs::a_given_actor_name_shows_as_the_actor_of_events",
            "tests/e2e/terminal/lab.rs::a_client_of_a_lab_server_shops_at_once_and_says_how_others_join",
            "tui/src/update/tests/workshop.rs::the_client_of_a_lab_server_has_its_checkout_form_filled_in_and_what_somebody_typed_stays",
        ],
    ),
    (
        "L1",
        "nine scenarios, one key each; each leaves the shop in a sane state",
        &[
            "tests/e2e/lab/scenarios.rs::l1_the_happy_path_ends_with_a_mail",
            "tests/e2e/lab/scenarios.rs::l1_a_declined_card_leaves_the_basket_open",
            "tests/e2e/lab/scenarios.rs::l1_the_last_unit_goes_to_one_and_the_other_is_refused",
            "tests/e2e/lab/scenarios.rs::l1_an_order_does_not_notice_that_the_product_service_is_down",
            "tests/e2e/lab/scenarios.rs::l1_a_mail_waits_until_the_mail_server_is_back",
            "tests/e2e/lab/scenarios.rs::l1_webhooks_twice_and_out_of_order_are_applied_once",
            "tests/e2e/lab/scenarios.rs::l1_a_crash_between_the_charge_and_its_outcome_charges_once",
            "tests/e2e/lab/scenarios.rs::l1_of_two_who_race_for_one_unit_one_gets_it",
            "tests/e2e/lab/scenarios.rs::l1_a_poison_event_stays_parked_until_somebody_skips_it",
            "tests/e2e/lab/pauses.rs::l1_a_scenario_under_a_pause_names_at_once_what_is_paused",
            "tui/src/update/tests/workshop.rs::a_scenario_under_a_pause_offers_to_resume_and_is_played_then",
            "tests/e2e/lab/pauses.rs::webhooks_that_come_twice_retries_and_replays_are_counted_and_shown",
            "tests/e2e/lab/scenarios.rs::l1_a_scenario_that_fails_puts_back_what_it_broke_and_took_and_leaves_the_rest",
            "tests/e2e/lab/scenarios.rs::l1_a_server_that_is_asked_to_stop_restores_what_a_scenario_broke_and_took",
        ],
    ),
    (
        "L2",
        "fault switches for each stub; wrong ones change nothing",
        &[
            "tests/e2e/lab/faults.rs::l2_faults_are_switched_through_the_shop_and_wrong_ones_change_nothing",
            "tests/e2e/lab/faults.rs::l2_stubs_that_are_gone_are_a_503_and_a_reset_changes_nothing_then",
            "tests/e2e/log.rs::a_long_poll_that_knows_the_switches_of_the_lab_answers_when_one_is_thrown_and_others_wait_on",
        ],
    ),
    (
        "L3",
        "processes and read models are paused, stepped, resumed; no step is kept, pauses survive and show; retry and skip",
        &[
            "tests/e2e/lab/pauses.rs::l3_a_step_for_which_nothing_waits_is_refused_and_lets_nothing_run_ahead",
            "tests/e2e/lab/pauses.rs::l3_whoever_follows_the_log_learns_at_once_what_is_paused_and_where_it_stands",
            "tests/e2e/lab/pauses.rs::l3_pauses_of_both_kinds_survive_a_restart_alike",
            "tests/e2e/lab/pauses.rs::l3_the_rebuild_of_a_paused_view_ends_where_the_view_stands",
            "server/src/processes/engine/scheduler_tests.rs::an_old_log_with_steps_that_were_saved_up_begins_nothing_after_an_upgrade",
            "tui/src/view/tests/backstage.rs::what_is_paused_stays_in_sight_on_every_screen_however_little_room_there_is",
            "tui/src/view/tests/backstage.rs::a_list_that_stands_still_says_where",
            "tests/e2e/lab/step_mode.rs::l3_a_view_is_paused_stepped_and_resumed_and_says_what_comes_next",
            "tests/e2e/lab/step_mode.rs::l3_a_view_in_memory_stands_still_while_it_is_paused_and_knows_everything_afterwards",
            "tests/e2e/processes.rs::step_mode_walks_a_checkout_one_event_at_a_time_and_survives_a_restart",
            "tests/e2e/processes.rs::a_poison_event_stops_only_its_own_order_and_can_be_retried_and_skipped",
        ],
    ),
    (
        "L4",
        "a view is rebuilt beside the live one; the shop starts over",
        &[
            "tests/e2e/views.rs::while_a_view_is_rebuilt_it_answers_as_before_and_goes_on_and_nothing_happens_twice",
            "tui/src/update/tests/workshop.rs::a_shop_that_was_started_over_elsewhere_leaves_nothing_of_before_on_the_screen",
            "tests/e2e/terminal/lab.rs::when_one_client_starts_the_shop_over_the_others_say_so_and_show_nothing_of_before",
            "tests/e2e/lab/starting_over.rs::l4_a_reset_shop_is_as_on_its_first_day_and_its_old_log_is_kept",
            "tests/e2e/lab/starting_over.rs::l4_a_log_that_another_program_reads_is_not_put_away_under_it",
        ],
    ),
    (
        "L5",
        "an order's timeline as Markdown with a diagram",
        &[
            "tests/e2e/history.rs::the_diagram_shows_what_led_to_what",
            "tests/e2e/terminal/timelines.rs::ids_and_diagrams_can_be_taken_along",
        ],
    ),
];
