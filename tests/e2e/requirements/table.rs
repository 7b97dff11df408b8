//! The table: every line, what it says in short, and its tests.

use super::Line;
use super::lab::LAB;
use super::safety::SAFETY;

const CATALOGUE: &[Line] = &[
    (
        "C1",
        "lists with pages, totals and orders; one by id; unknown is 404",
        &[
            "tests/e2e/catalogue.rs::products_are_searched_filtered_sorted_and_paged",
            "tests/e2e/catalogue.rs::pages_join_while_products_come_go_and_change_their_price",
            "tests/e2e/bad_input.rs::bad_input_gets_the_exact_problem_and_writes_nothing",
        ],
    ),
    (
        "C2",
        "search: ranked, typos, as you type; filters; nothing found is an empty list",
        &[
            "tests/e2e/catalogue.rs::a_search_looks_into_name_description_sku_and_category_ranks_forgives_a_typo_and_finds_as_one_types",
            "server/src/views/search/tests.rs::words_as_they_are_come_before_beginnings_and_these_before_typos",
            "server/src/views/catalogue.rs::lists_are_filtered_and_sorted",
            "server/src/views/search/tests.rs::case_accents_and_unicode_forms_do_not_matter",
            "server/src/views/search/tests.rs::any_part_of_a_text_without_spaces_is_found",
            "server/src/views/search/tests.rs::an_article_number_is_found_without_its_signs",
            "server/src/views/search/tests.rs::what_is_near_but_not_near_enough_is_suggested",
            "tests/e2e/catalogue.rs::a_search_that_finds_nothing_offers_what_was_meant_and_signs_alone_find_nothing",
            "tui/src/update/tests/browsing.rs::a_search_that_finds_nothing_tells_what_may_have_been_meant",
        ],
    ),
    (
        "C3",
        "categories; the demo range",
        &[
            "tests/e2e/operators.rs::categories_are_set_up_and_a_product_needs_one",
            "tests/e2e/catalogue.rs::the_demo_range_has_sixty_products_in_eight_categories_with_pictures",
            "mocks/tests/stubs/products.rs::every_product_is_described_priced_and_taxed",
        ],
    ),
    (
        "C4",
        "operators create, change, reprice, withdraw, relist, draw; unique SKU and name; price above zero",
        &[
            "tests/e2e/operators.rs::what_an_operator_changes_is_told_as_what_it_is_and_seen_at_its_position",
            "tests/e2e/operators.rs::a_new_product_can_be_found_and_bought_at_once",
            "tests/e2e/operators.rs::a_picture_is_put_up_looked_at_replaced_and_taken_away",
            "tests/e2e/operators.rs::values_that_make_no_sense_are_all_named_and_nothing_is_written",
            "mocks/tests/stubs/products.rs::an_id_sku_or_name_can_be_used_only_once",
            "tests/e2e/operators.rs::sku_and_name_are_unique_whatever_their_case_and_unicode_form",
            "tests/e2e/operators.rs::prices_have_an_upper_bound_and_the_largest_order_at_it_is_counted",
            "tests/e2e/catalogue.rs::the_etag_of_a_product_makes_every_change_of_it_depend_on_what_was_read",
            "tests/e2e/catalogue.rs::of_two_changes_of_what_was_read_at_the_same_time_one_is_made",
            "server/src/views/statistics_tests.rs::amounts_beyond_all_reason_stop_at_the_end_of_the_range_and_lose_no_event",
        ],
    ),
    (
        "C5",
        "the feed keeps it up to date; repricing and withdrawal reach open baskets",
        &[
            "tests/e2e/catalogue.rs::a_repricing_reaches_the_catalogue_and_open_baskets",
            "tests/e2e/catalogue.rs::a_withdrawn_product_blocks_the_checkout_until_it_is_removed",
            "tests/e2e/range.rs::an_empty_list_is_an_alarm_that_an_operator_confirms_and_no_command",
            "tests/e2e/range.rs::an_unreadable_product_is_named_and_the_others_are_handled_as_usual",
            "tests/e2e/range.rs::what_simpler_services_send_is_taken_or_named",
            "tui/src/update/tests/counter.rs::when_most_of_the_range_is_missing_the_counter_says_so_and_a_form_confirms_it",
            "server/src/catalogue/sync_tests.rs::a_change_that_says_that_a_product_is_gone_withdraws_it_whatever_else_it_says",
            "tests/e2e/several_servers.rs::one_of_two_servers_follows_the_product_service_and_the_other_takes_over_when_it_is_killed",
        ],
    ),
    (
        "C6",
        "a compare-at price marks a sale",
        &["tests/e2e/catalogue.rs::a_product_with_a_compare_at_price_is_on_sale_and_found_as_such"],
    ),
    (
        "C7",
        "product service down: last known data, marked; sold at while the price is young, else 503; retries, breaker",
        &[
            "tests/e2e/catalogue.rs::without_the_product_service_the_last_known_data_is_served_and_sold",
            "tests/e2e/catalogue.rs::prices_that_are_too_old_are_not_sold_at",
            "server/src/integrations/product_service_tests.rs::after_failures_in_a_row_it_is_left_alone",
            "server/src/backoff.rs::two_callers_that_failed_together_come_back_apart",
        ],
    ),
];

const STOCK: &[Line] = &[
    (
        "N1",
        "receive, adjust, set a counted number; never below zero; available is on hand less reserved; threshold 10",
        &[
            "tests/e2e/stock.rs::a_counted_number_is_set_and_its_event_says_by_how_much_the_books_were_off",
            "server/domain/src/stock/tests.rs::a_counted_number_is_set_and_the_event_says_by_how_much_the_books_were_off",
            "server/domain/src/stock/tests.rs::on_hand_never_goes_below_zero_or_below_what_is_reserved",
            "server/domain/src/stock/tests.rs::a_new_shelf_is_empty_and_runs_low_at_ten",
            "tests/e2e/bad_input.rs::bad_input_gets_the_exact_problem_and_writes_nothing",
        ],
    ),
    (
        "N2",
        "reserve up to available under any concurrency; a second reservation replaces the first; all lines or none",
        &[
            "tests/e2e/shopping.rs::of_two_shoppers_and_one_unit_one_gets_it",
            "server/domain/src/stock/tests.rs::of_n_pieces_the_one_after_the_last_is_refused",
            "server/domain/src/stock/tests.rs::a_second_reservation_of_an_order_replaces_the_first",
            "server/simulation/mod.rs::whatever_happens_the_books_balance_and_nothing_is_stuck",
        ],
    ),
    (
        "N3",
        "release, allocate, return, each once per order",
        &[
            "tests/e2e/shopping.rs::a_cancelled_order_gives_back_goods_and_money_once",
            "server/domain/src/stock/tests/properties.rs::an_order_gets_its_pieces_once_and_gives_them_back_once",
        ],
    ),
    (
        "N4",
        "a reservation expires and frees its stock",
        &[
            "tests/e2e/deadlines.rs::an_order_that_is_not_paid_in_time_is_open_again_and_is_never_charged",
            "tests/e2e/deadlines.rs::money_that_is_captured_after_the_reservation_ran_out_goes_back_once",
            "tests/e2e/deadlines.rs::a_reservation_that_ran_out_while_the_shop_was_closed_is_given_back_once_when_it_opens",
        ],
    ),
    (
        "N5",
        "ran_low and ran_out once per crossing, seen by an operator",
        &[
            "tests/e2e/stock.rs::an_operator_hears_once_that_stock_runs_low_and_once_that_it_is_out",
            "server/domain/src/stock/tests/properties.rs::alarms_come_with_each_crossing_and_only_then",
        ],
    ),
    (
        "N6",
        "a busy product's history stays cheap",
        &[
            "server/src/store/aggregates_tests.rs::a_long_stream_is_loaded_by_reading_few_of_its_events",
            "server/src/store/aggregates_tests.rs::a_change_of_stock_reads_few_events_of_a_long_history",
            "server/src/store/aggregates_tests.rs::however_much_was_sold_only_the_orders_that_are_open_are_kept",
            "tests/e2e/stock.rs::the_stock_forgets_an_order_that_was_sent_and_one_whose_pieces_are_back",
        ],
    ),
];

const BASKET: &[Line] = &[
    (
        "B1",
        "a repeat adds up, checked against stock; 99 per line, 50 lines",
        &[
            "server/domain/src/order/tests/basket.rs::adding_the_same_product_again_adds_up_on_its_line",
            "server/domain/src/order/tests/basket.rs::a_line_has_at_most_99_pieces",
            "server/domain/src/order/tests/basket.rs::a_basket_has_at_most_50_lines",
            "tests/e2e/shopping.rs::more_than_there_is_cannot_be_put_in",
        ],
    ),
    (
        "B2",
        "change, remove, clear; the total is right after every change",
        &[
            "server/domain/src/order/tests/basket.rs::changing_the_quantity_sets_it",
            "server/domain/src/order/tests/basket.rs::a_removed_line_is_gone",
            "server/domain/src/order/tests/basket.rs::clearing_removes_every_line",
            "server/domain/src/order/tests/properties.rs::whatever_is_asked_the_totals_are_right",
        ],
    ),
    (
        "B3",
        "one open basket; after checkout the next add starts a new one",
        &[
            "tui/src/update/tests/basket.rs::a_basket_that_was_bought_elsewhere_gives_way_to_a_new_one",
            "tui/src/update/tests/buying.rs::a_reopened_order_does_not_push_a_new_basket_away",
            "tests/e2e/contention.rs::a_basket_that_is_being_bought_takes_nothing_more",
        ],
    ),
    (
        "B4",
        "idle for a day: expires; the time is an option",
        &[
            "server/src/config_values.rs::a_life_is_a_number_of_seconds_or_of_larger_units",
            "tui/src/cli.rs::lives_of_the_shop_inside_are_taken_by_every_way_to_open_it",
            "tests/e2e/deadlines.rs::a_basket_in_which_nothing_happens_is_over_and_takes_nothing_more",
            "server/src/processes/end_idle_baskets_tests.rs::a_basket_in_which_nothing_happens_for_a_day_is_over_once",
        ],
    ),
    (
        "B5",
        "a repriced line shows both prices; a withdrawn one blocks checkout until its product is back; VAT follows",
        &[
            "server/domain/src/order/tests/basket.rs::a_relisted_line_loses_its_mark_and_can_be_bought",
            "server/domain/src/order/tests/basket.rs::a_price_that_changed_before_or_while_a_product_was_withdrawn_is_told_when_it_is_back",
            "tests/e2e/vat.rs::a_rate_that_changes_reaches_the_baskets_and_the_invoice_has_the_right_one",
            "tests/e2e/range.rs::an_empty_list_is_an_alarm_that_an_operator_confirms_and_no_command",
            "server/domain/src/order/tests/basket.rs::a_repriced_line_shows_old_and_new_price",
            "tests/e2e/catalogue.rs::a_withdrawn_product_blocks_the_checkout_until_it_is_removed",
        ],
    ),
    (
        "B6",
        "what may be bought is decided by the stock's stream, whatever views do, on every server at once",
        &[
            "tests/e2e/decisions.rs::what_was_received_can_be_sold_at_once",
            "tests/e2e/decisions.rs::what_was_received_at_one_server_can_be_sold_at_another_at_once",
            "tests/e2e/decisions.rs::the_last_piece_whose_payment_was_declined_can_be_bought_again_at_once",
            "tests/e2e/decisions.rs::while_every_view_stands_still_the_shop_decides_as_ever",
        ],
    ),
];

const ORDERS: &[Line] = &[
    (
        "O1",
        "the states; every illegal step is refused and writes nothing",
        &[
            "server/domain/src/order/tests/lifecycle.rs::every_illegal_step_is_refused_with_the_state_and_what_was_tried",
            "tests/e2e/bad_input.rs::a_closed_order_takes_no_changes",
        ],
    ),
    (
        "O2",
        "checkout names all wrong lines; another total charges nothing",
        &[
            "server/domain/src/order/tests/checkout.rs::every_line_that_cannot_be_bought_is_named_at_once",
            "tests/e2e/shopping.rs::stock_that_went_while_the_basket_waited_is_named_at_checkout",
            "tests/e2e/shopping.rs::a_total_that_the_shopper_did_not_see_is_not_charged",
            "tests/e2e/contact.rs::goods_go_to_every_country_with_all_that_its_addresses_have_and_to_no_other",
            "server/api/src/text.rs::what_hides_or_turns_text_around_is_refused_and_named",
        ],
    ),
    (
        "O3",
        "reserve, pay, confirm, invoice, mail, seen in the timeline",
        &[
            "tests/e2e/shopping.rs::a_basket_becomes_a_confirmed_order_with_one_charge_and_one_mail",
            "server/src/views/steps_tests.rs::all_goes_well",
            "tests/e2e/refunds.rs::the_confirmation_waits_for_the_invoice_and_names_it_every_time",
        ],
    ),
    (
        "O4",
        "out of stock or declined: all given back, reopened with the reason, payable again",
        &[
            "tests/e2e/shopping.rs::a_declined_card_reopens_the_basket_and_another_card_pays",
            "tests/e2e/money.rs::a_declined_card_and_a_cancel_before_confirmation_release_the_voucher",
            "tests/e2e/shopping.rs::of_two_shoppers_and_one_unit_one_gets_it",
        ],
    ),
    (
        "O5",
        "cancel until shipped: refund once, goods and voucher back",
        &[
            "tests/e2e/refunds.rs::a_voucher_comes_back_with_the_cancellation_and_can_be_used_again",
            "tests/e2e/shopping.rs::a_cancelled_order_gives_back_goods_and_money_once",
            "tests/e2e/money.rs::a_cancelled_order_credits_its_payer_once_and_the_movements_tell",
            "tests/e2e/authentications.rs::what_is_cancelled_before_it_is_charged_never_is",
            "tests/e2e/authentications.rs::a_wallet_does_not_pay_for_what_is_cancelled_before",
        ],
    ),
    (
        "O6",
        "ship, deliver; cancel races confirm",
        &[
            "tests/e2e/mails.rs::a_large_order_is_told_of_when_it_is_confirmed_when_it_is_sent_and_when_it_brings_a_voucher",
            "tests/e2e/contention.rs::cancelling_races_confirming_and_either_way_the_books_are_right",
        ],
    ),
    (
        "O7",
        "order numbers; lists, search, statistics",
        &[
            "tests/e2e/refunds.rs::a_refund_after_delivery_is_taken_off_what_was_sold_and_earned",
            "server/api/src/order_number.rs::every_single_wrong_character_is_caught",
            "server/api/src/order_number.rs::two_positions_never_share_a_number",
            "tests/e2e/shopping.rs::orders_are_listed_newest_first_page_by_page",
            "server/src/views/orders_tests.rs::orders_are_found_by_status_and_by_the_beginnings_of_the_words_in_them",
            "tests/e2e/views.rs::statistics_tell_what_was_earned_and_take_off_what_was_given_back",
        ],
    ),
];

const PAYMENT: &[Line] = &[
    (
        "P1",
        "card, wallet, none",
        &[
            "tests/e2e/shopping.rs::a_basket_becomes_a_confirmed_order_with_one_charge_and_one_mail",
            "tests/e2e/money.rs::a_wallet_with_just_enough_pays_and_one_with_a_cent_less_is_left_alone",
            "tests/e2e/invoices.rs::many_confirmations_at_once_take_numbers_without_gap_or_repeat",
        ],
    ),
    (
        "P2",
        "the published HTTP shape; the test cards",
        &[
            "server/src/integrations/card_gateway_tests/intents.rs::an_intent_is_created_as_the_gateway_documents_it_and_moves_no_money",
            "server/src/integrations/card_gateway_tests/intents.rs::an_intent_is_confirmed_with_the_page_to_which_its_owner_comes_back",
            "server/src/integrations/card_amounts.rs::every_currency_is_counted_as_the_gateway_publishes_it",
            "server/src/integrations/card_gateway_tests/intents.rs::amounts_are_sent_and_compared_as_the_gateway_counts_them",
            "mocks/tests/stubs/cards.rs::amounts_are_multiples_of_the_smallest_step_of_their_currency",
            "server/src/integrations/card_gateway_tests/refunds.rs::a_refund_is_sent_as_the_gateway_documents_it",
            "mocks/tests/stubs/cards.rs::all_cards_that_work_work",
            "mocks/tests/stubs/cards.rs::a_decline_is_402_and_leaves_the_payment_open",
        ],
    ),
    (
        "P3",
        "card numbers never reach the server's log",
        &[
            "tests/e2e/bad_input.rs::a_card_number_in_the_place_of_a_token_is_refused_and_stands_nowhere_in_the_log",
            "tests/e2e/bad_input.rs::a_card_number_is_refused_wherever_text_is_taken",
            "server/src/http/card_numbers.rs::a_number_is_found_however_it_is_written",
            "server/src/http/card_numbers.rs::what_is_no_number_of_a_card_passes",
            "mocks/tests/stubs/cards.rs::a_card_number_becomes_a_token_that_behaves_like_the_card",
        ],
    ),
    (
        "P4",
        "a lost outcome is asked for by key, never charged anew",
        &[
            "tests/e2e/shopping.rs::a_lost_answer_of_the_gateway_is_asked_again_and_charges_once",
            "tests/e2e/crash.rs::killed_at_any_moment_of_a_checkout_it_ends_with_one_charge_one_mail_one_confirmation",
            "server/simulation/matrix.rs::whenever_a_notice_comes_and_wherever_the_server_dies_the_checkout_ends_as_it_must",
        ],
    ),
    (
        "P5",
        "webhooks: signed, repeated, out of order; before, in and after every step of a checkout",
        &[
            "tests/e2e/webhooks.rs::news_that_the_gateway_did_not_sign_are_refused_and_change_nothing",
            "tests/e2e/webhooks.rs::news_that_come_twice_and_in_the_wrong_order_change_nothing",
            "tests/e2e/webhooks.rs::an_order_whose_answers_are_all_lost_is_confirmed_by_the_gateways_own_word",
            "tests/e2e/webhooks.rs::money_of_another_amount_or_currency_is_not_booked_and_an_alarm_is_given",
            "tests/e2e/webhooks.rs::news_of_others_are_ignored_whatever_their_shape_and_size",
            "server/simulation/matrix.rs::whenever_a_notice_comes_and_wherever_the_server_dies_the_checkout_ends_as_it_must",
        ],
    ),
    (
        "P6",
        "refunds in full or part, never more than paid, each by its own id; pending for days, failed later, made or disputed at the gateway; captured too late or for no order goes back",
        &[
            "server/src/payments/reconciliation_tests.rs::a_charge_is_in_the_books_when_a_payment_asked_for_it_and_otherwise_it_is_said_why_not",
            "server/src/payments/reconciliation_tests.rs::a_charge_without_an_order_is_entered_and_its_refund_asked_for_once",
            "server/src/payments/reconciliation_tests.rs::what_went_back_at_the_gateway_itself_is_entered_too_and_only_the_rest_is_asked_for",
            "tui/src/update/tests/counter.rs::charges_without_an_order_are_listed_and_a_form_gives_one_back_and_lists_the_rest",
            "server/src/payments/refunds_tests.rs::a_parked_refund_that_is_skipped_has_failed_and_the_next_is_booked_under_its_own_amount",
            "server/src/payments/refunds_tests.rs::a_refund_too_old_for_its_key_is_looked_for_and_asked_for_again_only_where_there_is_none",
            "server/src/processes/ask_about_pending_refunds_tests.rs::a_refund_that_pends_for_days_is_asked_about_until_it_has_succeeded",
            "tests/e2e/refunds.rs::a_refund_that_pends_is_seen_as_pending_and_holds_nothing_up_until_the_gateway_tells_of_its_end",
            "tests/e2e/refunds.rs::a_refund_that_fails_after_it_succeeded_is_booked_back_its_credit_note_cancelled_and_everybody_told",
            "tests/e2e/refunds.rs::a_refund_that_fails_at_once_says_so_in_readiness_until_the_money_has_gone_back_otherwise",
            "tests/e2e/refunds.rs::a_refund_made_at_the_gateway_is_learned_and_the_rest_can_be_given_back_here",
            "tests/e2e/refunds.rs::a_refund_that_the_gateway_refuses_because_the_money_is_gone_teaches_the_shop_where_it_is",
            "tests/e2e/refunds.rs::a_dispute_takes_the_money_and_a_lost_one_is_credited_and_a_won_one_is_paid_again",
            "tests/e2e/refunds.rs::two_refunds_that_were_asked_for_while_the_gateway_was_away_are_made_each_under_its_own_amount",
            "server/simulation/matrix.rs::whenever_a_notice_comes_and_wherever_the_server_dies_the_checkout_ends_as_it_must",
            "server/simulation/mod.rs::whatever_happens_the_books_balance_and_nothing_is_stuck",
            "tests/e2e/invoices.rs::refunds_in_part_never_exceed_what_was_paid_and_each_brings_a_credit_note",
            "tests/e2e/mails.rs::money_that_came_too_late_goes_back_with_a_mail_and_no_invoice",
            "tests/e2e/webhooks.rs::money_that_comes_in_after_a_decline_is_recorded_and_goes_back",
        ],
    ),
    (
        "P7",
        "authentication required: the order waits, goes on by itself, and no intent stays open",
        &[
            "tests/e2e/authentications.rs::an_order_waits_for_its_cards_owner_and_goes_on_by_itself_when_the_bank_is_content",
            "tests/e2e/authentications.rs::a_failed_authentication_is_a_decline_and_leaves_no_intent_open",
            "tests/e2e/authentications.rs::an_authentication_that_is_given_up_can_not_be_passed_any_more",
            "tests/e2e/authentications.rs::an_authentication_that_takes_too_long_gives_the_goods_back_and_ends_the_intent",
            "server/simulation/matrix.rs::whenever_a_notice_comes_and_wherever_the_server_dies_the_checkout_ends_as_it_must",
            "server/simulation/mod.rs::whatever_happens_the_books_balance_and_nothing_is_stuck",
        ],
    ),
];

const WALLET: &[Line] = &[
    (
        "W1",
        "registering opens one wallet",
        &["tests/e2e/money.rs::registering_opens_exactly_one_wallet_however_often_it_is_sent"],
    ),
    (
        "W2",
        "enough passes, less is left alone; cancel credits once",
        &[
            "tests/e2e/money.rs::a_wallet_with_just_enough_pays_and_one_with_a_cent_less_is_left_alone",
            "tests/e2e/invoices.rs::a_wallet_gets_some_of_its_money_back_and_then_only_the_rest",
            "tests/e2e/crash.rs::killed_at_any_moment_of_a_wallet_payment_it_charges_once_and_credits_once",
        ],
    ),
    (
        "W3",
        "balance, movements, top-ups",
        &[
            "tests/e2e/money.rs::a_cancelled_order_credits_its_payer_once_and_the_movements_tell",
            "tests/e2e/money.rs::a_top_up_repeated_with_its_key_puts_the_money_in_once",
        ],
    ),
    (
        "W4",
        "the spending limit hides and refuses",
        &["tests/e2e/money.rs::what_costs_more_than_the_spending_limit_is_hidden_and_refused_at_add_and_at_checkout"],
    ),
];

const VOUCHERS: &[Line] = &[
    (
        "V1",
        "one voucher of 5.00 over 100.00 that were spent, once",
        &[
            "server/src/processes/issue_a_voucher_when_a_large_order_ships_tests.rs::what_went_back_before_it_was_sent_was_not_spent_and_what_goes_back_later_was",
            "tests/e2e/money.rs::an_order_of_100_01_brings_its_customer_one_voucher_and_one_of_100_00_none",
            "server/src/processes/issue_a_voucher_when_a_large_order_ships_tests.rs::a_cent_over_the_threshold_brings_one_voucher_however_often_the_event_comes",
        ],
    ),
    (
        "V2",
        "the code; a guest finds it by the order",
        &[
            "server/src/processes/issue_a_voucher_when_a_large_order_ships_tests.rs::codes_are_drawn_from_all_characters_and_hardly_ever_twice",
            "server/src/processes/issue_a_voucher_when_a_large_order_ships_tests.rs::a_code_that_is_taken_is_left_alone_and_another_is_drawn",
            "tests/e2e/money.rs::a_guest_finds_the_voucher_by_the_order_and_a_total_of_nothing_needs_no_gateway",
        ],
    ),
    (
        "V3",
        "redeemed by its owner, once, never below zero; reserved, released, given back, revoked; no rest too small for a card",
        &[
            "tests/e2e/refunds.rs::a_voucher_comes_back_with_the_cancellation_and_can_be_used_again",
            "server/src/processes/give_back_the_voucher_of_a_refunded_order_tests.rs::a_voucher_comes_back_when_all_that_was_paid_has_gone_back_and_not_before",
            "server/src/processes/give_back_the_voucher_of_a_refunded_order_tests.rs::a_voucher_comes_back_when_the_money_has_gone_back_before_the_order_was_confirmed",
            "server/domain/src/order/basket.rs::a_voucher_leaves_nothing_or_enough_to_be_charged",
            "tests/e2e/refunds.rs::a_voucher_that_would_leave_a_rest_too_small_for_a_card_takes_off_less",
            "tests/e2e/money.rs::a_voucher_works_for_its_owner_only_and_can_be_taken_off_again",
            "tests/e2e/money.rs::of_two_orders_with_one_voucher_at_once_one_gets_it_and_the_other_comes_back_with_the_reason",
            "tests/e2e/money.rs::a_declined_card_and_a_cancel_before_confirmation_release_the_voucher",
            "tests/e2e/money.rs::a_voucher_that_was_taken_back_is_listed_as_such_and_can_no_longer_be_used",
            "server/domain/src/order/tests/voucher.rs::a_voucher_never_takes_the_total_below_zero",
        ],
    ),
];

const INVOICES: &[Line] = &[
    (
        "F1",
        "one invoice, numbers without gap or repeat, VAT per rate; a refund brings a credit note, one that fails later cancels it",
        &[
            "server/domain/src/invoice/tests.rs::a_credit_note_whose_refund_failed_later_is_cancelled_once_and_its_amount_can_be_credited_anew",
            "tests/e2e/invoices.rs::a_paid_order_gets_one_invoice_as_json_as_text_and_as_pdf",
            "tests/e2e/invoices.rs::an_invoice_with_a_voucher_has_the_vat_of_what_is_left_at_each_rate_to_the_cent",
            "tests/e2e/several_servers.rs::invoices_of_two_servers_that_sell_at_once_have_numbers_without_gap_or_repeat",
            "tests/e2e/invoices.rs::refunds_in_part_never_exceed_what_was_paid_and_each_brings_a_credit_note",
            "server/domain/src/tax.rs::a_half_is_rounded_up",
            "server/domain/src/tax.rs::rates_with_decimals_are_counted_exactly",
            "tests/e2e/vat.rs::rates_with_decimals_come_from_the_product_service_and_stand_on_the_invoice",
            "server/src/documents/tests.rs::the_pdf_shows_what_the_text_says_with_its_fonts_embedded",
        ],
    ),
    (
        "F2",
        "list own; show; download as text and PDF",
        &[
            "tests/e2e/invoices.rs::invoices_and_credit_notes_are_listed_newest_first_everybodys_or_a_customers_own",
            "tests/e2e/invoices.rs::a_paid_order_gets_one_invoice_as_json_as_text_and_as_pdf",
            "tests/e2e/documents.rs::an_invoice_has_the_letters_of_every_script_with_its_fonts_embedded",
            "tests/e2e/documents.rs::a_shop_without_fonts_says_which_scripts_it_lacks_and_shows_such_letters_by_their_code_points",
            "server/src/documents/tests.rs::long_names_wrap_and_fifty_lines_take_several_numbered_pages_with_nothing_on_top_of_anything",
            "server/src/documents/tests.rs::amounts_end_at_the_margin_in_bold_too",
            "server/src/documents/tests.rs::composed_and_decomposed_letters_look_the_same",
            "server/src/documents/tests.rs::arabic_runs_from_right_to_left_with_joined_letters",
        ],
    ),
];

const MAILS: &[Line] = &[
    (
        "R1",
        "confirmation, shipped, cancelled, refunded, voucher, each once per cause",
        &[
            "tests/e2e/refunds.rs::an_order_that_is_cancelled_before_it_is_confirmed_is_told_of_once",
            "server/src/processes/tell_customers_what_came_of_their_orders_tests.rs::a_refund_of_what_is_on_an_invoice_is_told_with_its_credit_note_and_not_before",
            "tests/e2e/mails.rs::a_large_order_is_told_of_when_it_is_confirmed_when_it_is_sent_and_when_it_brings_a_voucher",
            "tests/e2e/mails.rs::each_refund_is_told_of_once_with_its_amount_and_its_credit_note",
            "tests/e2e/contact.rs::mail_goes_to_addresses_in_every_script_and_what_no_server_takes_is_refused_at_the_checkout",
            "server/src/integrations/mailer.rs::a_mail_is_handed_in_with_its_message_id_and_whole",
            "server/src/integrations/mailer.rs::whatever_the_checkout_takes_as_an_address_can_be_mailed",
            "server/src/integrations/mailer.rs::a_server_that_does_not_take_such_addresses_is_told_of_in_the_refusal",
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

const LOG: &[Line] = &[
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
];

/// Every part, in the order of the description.
pub(super) const ALL: [&[Line]; 12] =
    [CATALOGUE, STOCK, BASKET, ORDERS, PAYMENT, WALLET, VOUCHERS, INVOICES, MAILS, LOG, LAB, SAFETY];
