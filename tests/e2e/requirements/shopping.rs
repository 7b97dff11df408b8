//! The requirements of the catalogue, stock, the basket and orders.

use super::Requirement;

pub(super) const CATALOGUE: &[Requirement] = &[
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
            "tui/src/update/tests/browsing.rs::a_search_that_finds_nothing_suggests_what_may_have_been_meant",
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
            "tests/e2e/operators.rs::what_an_operator_changes_becomes_its_own_event_and_is_seen_at_its_position",
            "tests/e2e/operators.rs::a_new_product_can_be_found_and_bought_at_once",
            "tests/e2e/operators.rs::a_picture_is_put_up_looked_at_replaced_and_taken_away",
            "tests/e2e/operators.rs::values_that_make_no_sense_are_all_reported_and_nothing_is_written",
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
            "tests/e2e/range.rs::an_unreadable_product_is_reported_and_the_others_are_handled_as_usual",
            "tests/e2e/range.rs::what_simpler_services_send_is_taken_or_reported",
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

pub(super) const STOCK: &[Requirement] = &[
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

pub(super) const BASKET: &[Requirement] = &[
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
            "server/domain/src/order/tests/basket.rs::a_price_that_changed_before_or_during_a_withdrawal_is_noted_when_the_product_is_back",
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

pub(super) const ORDERS: &[Requirement] = &[
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
            "server/domain/src/order/tests/checkout.rs::every_line_that_cannot_be_bought_is_reported_at_once",
            "tests/e2e/shopping.rs::stock_that_went_while_the_basket_waited_is_reported_at_checkout",
            "tests/e2e/shopping.rs::a_total_that_the_shopper_did_not_see_is_not_charged",
            "tests/e2e/contact.rs::goods_go_to_every_country_with_all_that_its_addresses_have_and_to_no_other",
            "server/api/src/text.rs::characters_that_hide_or_reverse_text_are_refused_and_reported",
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
            "tests/e2e/mails.rs::a_large_order_brings_mails_when_it_is_confirmed_when_it_is_sent_and_when_it_brings_a_voucher",
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
