//! The requirements of payments, wallets, vouchers and invoices.

use super::Requirement;

pub(super) const PAYMENT: &[Requirement] = &[
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
            "server/src/payments/unmatched_charges_tests.rs::a_charge_is_in_the_books_when_a_payment_asked_for_it_and_otherwise_it_is_said_why_not",
            "server/src/payments/unmatched_charges_tests.rs::a_charge_without_an_order_is_entered_and_its_refund_asked_for_once",
            "server/src/payments/unmatched_charges_tests.rs::what_went_back_at_the_gateway_itself_is_entered_too_and_only_the_rest_is_asked_for",
            "tui/src/update/tests/counter.rs::charges_without_an_order_are_listed_and_a_form_gives_one_back_and_lists_the_rest",
            "server/src/payments/refunds_tests.rs::a_parked_refund_that_is_skipped_has_failed_and_the_next_is_booked_under_its_own_amount",
            "server/src/payments/refunds_tests.rs::a_refund_too_old_for_its_key_is_looked_for_and_asked_for_again_only_where_there_is_none",
            "server/src/processes/ask_about_pending_refunds_tests.rs::a_refund_that_pends_for_days_is_asked_about_until_it_has_succeeded",
            "tests/e2e/refunds.rs::a_refund_that_pends_is_seen_as_pending_and_holds_nothing_up_until_the_gateway_reports_its_end",
            "tests/e2e/refunds.rs::a_refund_that_fails_after_it_succeeded_is_booked_back_its_credit_note_cancelled_and_everybody_notified",
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

pub(super) const WALLET: &[Requirement] = &[
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

pub(super) const VOUCHERS: &[Requirement] = &[
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

pub(super) const INVOICES: &[Requirement] = &[
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
