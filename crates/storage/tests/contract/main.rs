//! What every database has to keep, in one suite: each rule is a function of a
//! database, and the list below runs it on all kinds of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a rule that does not hold ends its test"
)]

mod answers;
mod changes;
mod clients;
mod concurrency;
mod environments;
mod events;
mod fidelity;
mod filters;
mod glances;
mod groups;
mod make;
mod migrations;
mod numbered;
mod operators;
mod paging;
mod records;
mod staff;
mod tenants;
mod tokens;
mod unique;
mod units;
mod usecases;
mod watch;
mod webhook_number;
mod webhooks;

/// Makes a test of each rule for each kind of database. A rule that is missing in the
/// list is dead code, and the compiler says so.
macro_rules! on_every_database {
    ($($area:ident: $($rule:ident)+;)+) => {
        mod sqlite {
            $(mod $area {
                $(#[test]
                fn $rule() {
                    crate::$area::$rule(&tenantry_storage::testing::TestDatabase::sqlite());
                })+
            })+
        }

        mod postgres {
            $(mod $area {
                $(#[test]
                fn $rule() {
                    // Where there is no server, it has been said that this half is skipped.
                    if let Some(db) = tenantry_storage::testing::TestDatabase::postgres() {
                        crate::$area::$rule(&db);
                    }
                })+
            })+
        }
    };
}

on_every_database! {
    environments:
        come_back_as_they_went_in
        are_found_several_at_once
        are_changed_and_deleted_in_the_version_that_was_read
        are_known_to_have_tenants
        one_at_the_most_is_the_default
        need_their_region
        are_shown_to_those_who_may_see_them;
    tenants:
        come_back_as_they_went_in
        get_rising_numbers_that_never_come_back
        are_updated_from_the_version_that_was_read
        are_deleted_in_the_version_that_was_read
        may_change_their_id
        need_their_environment
        with_a_bad_row_are_corrupt;
    records:
        are_shown_by_number
        are_those_that_the_model_finds
        may_be_asked_for_by_very_many_names
        have_their_total_from_the_same_state;
    clients:
        come_back_with_all_that_decides_about_them
        are_gone_with_their_tenant
        stay_bound_when_their_environments_are_gone
        need_their_owner
        are_told_apart_from_the_operators
        are_listed_for_their_tenant
        are_changed_and_deleted
        get_and_lose_secrets
        get_a_new_hash_only_for_the_old_one
        are_used_later_and_later;
    operators:
        management_clients_are_listed_disabled_rotated_and_deleted
        a_tenants_client_is_none_of_the_operators;
    staff:
        accounts_come_back_as_they_went_in
        accounts_get_a_new_hash_only_for_the_old_one
        accounts_are_made_changed_and_deleted
        keys_come_back_oldest_first
        keys_are_updated_and_deleted
        keys_are_rotated_retired_and_kept
        keys_are_sealed_anew_all_or_none;
    tokens:
        a_revoked_token_stays_so_until_it_has_expired
        all_tokens_of_a_key_can_be_revoked;
    glances:
        find_a_client_with_all_that_decides_about_it
        find_no_client_of_a_revoked_token
        find_a_tenant_with_its_environment
        answer_no_second_question;
    unique:
        everything_unique_is_told_apart;
    paging:
        every_object_is_seen_once
        rows_that_come_and_go_disturb_no_other
        pages_of_some_environments_are_merged_in_order
        nothing_is_visible_to_who_may_see_nothing
        a_last_page_says_where_to_go_on
        clients_and_environments_are_paged_likewise;
    numbered:
        pages_are_whole_at_the_edges_of_blocks
        emptied_blocks_and_gaps_are_passed_over
        pages_and_totals_are_exact_while_others_write
        tenants_from_before_the_counts_are_counted
        wrong_counts_are_found_and_mended;
    filters:
        narrow_by_environment_and_status
        narrow_by_label
        narrow_by_the_beginning_of_names_in_any_script
        names_of_an_older_program_are_found;
    answers:
        come_back_as_they_went_in
        are_forgotten_in_small_steps
        server_secrets_come_back_and_are_replaced;
    fidelity:
        data_keeps_order_and_digits
        text_and_instants_come_back_exactly;
    changes:
        are_recorded_with_everything
        many_at_once_are_numbered_as_single_ones_are
        have_numbers_without_gaps
        are_read_in_order_after_a_place
        come_back_as_they_went_in
        of_other_environments_are_passed_over;
    events:
        are_two_of_each_request
        are_those_that_the_model_finds
        of_a_running_request_are_completed_once
        are_paged_while_others_come_in
        get_the_environment_of_their_tenant
        are_there_with_their_change_or_not_at_all
        are_forgotten_in_small_steps
        of_a_newer_program_are_shown
        that_nobody_named_are_found_by_the_id_of_the_first;
    webhooks:
        come_back_as_they_went_in
        are_changed_in_the_version_that_was_read
        have_secrets_that_come_and_go
        have_a_line_and_a_lease
        deliveries_come_back_in_order
        finished_deliveries_are_forgotten_in_small_steps
        only_one_works_on_a_webhook
        what_fails_keeps_its_place
        no_more_is_foreseen_than_can_be_sent
        one_that_only_fails_is_disabled_with_a_change
        a_survey_finds_what_can_be_sent;
    webhook_number:
        are_no_more_than_there_may_be;
    watch:
        commits_of_others_are_noticed
        who_is_told_need_not_ask;
    units:
        dropped_without_commit_have_done_nothing
        that_panic_have_done_nothing
        that_failed_can_only_be_dropped
        see_their_own_writes
        read_one_state
        wait_no_longer_than_they_may;
    groups:
        keep_what_succeeds_and_undo_the_rest_alone
        that_are_dropped_have_done_nothing
        end_with_a_first_unit_that_fails
        tell_each_how_its_own_work_went
        of_many_servers_keep_the_order_of_changes;
    concurrency:
        one_of_many_gets_a_label
        one_of_many_changes_a_version
        no_update_is_lost
        snapshots_hold_while_others_write
        two_processes_write_side_by_side
        numbers_rise_in_the_order_of_changes;
    migrations:
        up_down_up_leaves_the_same_schema
        are_applied_once_by_two_that_start_together
        of_a_newer_program_are_refused
        that_are_missing_fail_the_check
        can_be_listed_without_touching_the_database;
    usecases:
        a_tenant_and_its_client_are_made_both_or_none
        a_tenant_is_made_read_changed_and_deleted
        a_patch_changes_the_version_it_finds
        a_tenants_clients_come_change_and_go
        secrets_are_rotated_and_retired
        an_environment_comes_changes_and_goes
        records_go_to_the_default_environment
        an_id_that_was_given_up_can_be_used_again
        a_clock_that_is_set_back_hides_no_tenant
        bootstrap_fills_an_empty_database_once
        faults_of_unique_names_point_at_their_member;
}
