//! The contract of `EventStore`, as tests that run on every backend.
//!
//! A test gets an empty log and does not know its backend. Tests of durable data get a world whose log can be reopened.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appends;
mod closing;
mod consumers;
mod data_keys;
mod database_copy;
mod encryption;
mod fences;
mod files;
mod hash_tree;
mod kills;
mod leases;
mod model;
mod order_race;
mod postgres_server;
mod races;
mod reads;
mod register;
mod repeats;
mod servers;
mod silence;
mod snapshots;
mod timers;
mod tools;
mod waiting;
mod world;

/// Runs tests on a backend, each with its own world. The tests after the semicolon get the world, the others its log.
macro_rules! on_backend {
    ($backend:ident: $($module:ident { $($story:ident),* $(,)? })* ;
        $($wide_module:ident { $($wide_story:ident),* $(,)? })*) => {
        mod $backend {
            use crate::world::World;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $story() {
                    let world = World::$backend().await;
                    crate::$module::$story(world.log()).await;
                }
            )*)*
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $wide_story() {
                    crate::$wide_module::$wide_story(World::$backend().await).await;
                }
            )*)*
        }
    };
}

/// The tests that every backend must pass.
macro_rules! the_contract_on {
    ($backend:ident) => {
        on_backend! { $backend:
            appends {
                the_first_event_has_position_and_version_one,
                positions_run_on_over_all_streams,
                what_is_read_back_is_what_was_written,
                a_wrong_expected_version_is_a_conflict_and_writes_nothing,
                any_version_will_do_when_the_caller_says_so,
                several_streams_land_together,
                several_streams_land_not_at_all_when_one_conflicts,
                a_stream_can_be_checked_without_being_written,
                an_empty_append_answers_the_head,
                an_append_that_makes_no_sense_is_refused,
                an_append_that_is_too_big_is_refused,
                a_large_append_lands_whole,
            }
            repeats {
                an_append_sent_again_is_answered_as_it_was_then,
                an_append_sent_again_on_any_version_is_not_written_twice,
                an_append_sent_again_returns_the_versions_of_the_first_time_also_of_checked_streams,
                an_append_sent_twice_at_once_is_written_once,
                an_append_with_some_known_events_is_refused,
                known_events_in_another_order_are_refused,
                known_events_in_another_stream_are_refused,
                known_events_from_two_appends_are_refused,
            }
            races {
                one_of_many_callers_wins_a_version,
                positions_stay_dense_when_callers_fight,
                refused_neighbours_fail_nobody_else,
                what_is_answered_can_be_read_at_once,
                a_reader_never_finds_anything_new_behind_itself,
                long_pages_have_no_holes_while_others_write,
                atomic_appends_are_never_seen_in_halves,
            }
            register {
                appends_and_reads_look_as_if_they_happened_one_by_one,
            }
            reads {
                a_stream_is_read_from_a_version_on,
                an_unknown_stream_is_empty,
                the_log_is_read_in_pages,
                long_pages_are_as_short_ones_would_be_together,
                reading_beyond_the_end_finds_nothing_and_stays_there,
                types_are_filtered_by_name_and_by_prefix,
                streams_are_filtered_by_name_and_by_prefix,
                a_correlation_is_read_alone,
                all_parts_of_a_filter_must_hold,
                only_the_last_star_is_special_in_a_pattern,
                a_page_full_of_matches_ends_at_its_last_event,
                reading_on_moves_past_what_the_filter_left_out,
                a_long_stretch_without_matches_is_crossed_in_bounded_steps,
                a_read_answers_no_more_than_its_bound,
                a_stream_is_read_as_far_as_asked_whatever_its_length_and_weight,
            }
            consumers {
                a_checkpoint_commits_with_its_events,
                a_checkpoint_does_not_move_when_the_append_is_refused,
                a_checkpoint_never_moves_backwards,
                an_answer_is_kept_with_the_position_that_it_wrote,
                a_refused_append_leaves_no_answer,
                a_key_is_answered_once,
                an_answered_key_matters_more_than_a_conflict,
                the_same_append_with_its_answer_is_answered_as_it_was_then,
                of_two_commands_with_one_key_one_takes_effect,
                a_caller_whose_clock_is_ahead_costs_nobody_an_answer,
            }
            waiting {
                waiting_for_what_is_there_answers_at_once,
                an_append_wakes_all_who_wait,
                a_refused_append_wakes_nobody,
                who_is_woken_can_read_the_news,
                following_the_log_loses_nothing,
                a_follower_gets_each_event_once_however_far_it_falls_behind,
                a_follower_learns_the_position_of_what_its_filter_left_out,
            }
            closing {
                a_closed_log_refuses_everything,
                closing_wakes_those_who_wait,
                closing_twice_is_fine,
                what_was_queued_is_finished_before_the_log_closes,
            }
            hash_tree {
                the_hash_of_a_log_is_that_of_its_events_however_they_were_written,
                every_event_is_proven_without_the_log_and_a_changed_proof_proves_nothing,
                a_changed_line_of_an_export_is_found,
            }
            tools {
                an_export_is_imported_byte_for_byte,
                an_export_has_a_line_for_each_event,
                only_an_empty_log_takes_an_import,
                an_import_says_which_line_is_wrong,
                a_sound_log_passes_its_check,
            }
            ;
            consumers {
                answers_are_kept_for_a_day_and_then_forgotten,
                a_clock_that_is_ahead_for_a_moment_costs_nobody_an_answer,
            }
            leases {
                a_lease_has_one_holder_at_a_time,
                of_many_who_want_a_lease_one_gets_it,
                a_lease_that_ran_out_goes_to_the_next_in_another_epoch,
                a_lease_that_is_renewed_does_not_run_out,
                a_lease_that_ran_out_is_still_its_holders_until_somebody_takes_it,
                a_lease_that_was_given_back_is_free_at_once,
                a_clock_that_is_set_back_keeps_nobody_from_a_lease_for_longer_than_it_lasts,
                a_wish_for_a_lease_that_makes_no_sense_is_refused,
                an_append_under_a_lease_lands,
                a_paused_holder_that_wakes_up_late_cannot_commit,
                a_stale_lease_fails_only_its_own_caller,
                what_was_written_under_a_lease_is_answered_as_it_was_then,
                a_lease_that_nobody_ever_took_fences_everybody,
            }
            timers {
                a_timer_commits_with_its_events,
                a_timer_comes_due_by_the_clock_of_the_store,
                the_timers_of_an_owner_come_in_the_order_in_which_they_are_due,
                a_timer_that_is_set_again_replaces_the_one_before,
                a_timer_fires_once_however_many_act_on_it,
                a_timer_fires_once_when_two_act_on_it_in_one_batch,
                a_timer_that_was_set_anew_is_not_the_one_that_was_read,
                a_timer_that_fires_can_be_set_again_in_the_same_append,
                a_timer_can_be_cleared_without_being_read,
                timers_that_make_no_sense_are_refused,
            }
            hash_tree {
                a_changed_digit_is_found_and_reported_with_its_position,
                events_that_were_changed_with_their_checksums_are_found_by_the_hash,
                the_hash_goes_on_when_the_log_is_opened_anew,
            }
            data_keys {
                a_key_is_found_until_it_is_erased,
                what_is_kept_of_an_erased_stream_beside_its_events_goes,
                an_export_takes_the_keys_along,
            }
            snapshots {
                a_snapshot_is_found_again_in_its_schema_version_only,
                a_snapshot_replaces_the_one_before,
                only_what_is_in_the_log_is_kept_as_a_snapshot,
                a_snapshot_of_another_history_is_as_good_as_none,
                what_stands_beside_the_log_outlives_its_closing,
                what_stands_beside_the_log_is_not_exported,
            }
        }
    };
}

the_contract_on!(memory);
the_contract_on!(file);
the_contract_on!(postgres);
