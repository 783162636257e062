//! What brokers do, shown on the embedded cluster and on Apache Kafka by the same tests: without
//! `OTTLA_TEST_BOOTSTRAP` each runs on an embedded cluster of its own, with it on that one.
//! tests/kafka/run.sh runs `one_broker` and `three_brokers` on a Kafka of as many nodes, and
//! `alone` while nobody else is there, as it kills nodes.

#[path = "behaviour/batches.rs"]
mod batches;
#[path = "behaviour/configs.rs"]
mod configs;
#[path = "behaviour/connections.rs"]
mod connections;
#[path = "behaviour/deaths.rs"]
mod deaths;
#[path = "behaviour/fetch.rs"]
mod fetch;
#[path = "behaviour/groups.rs"]
mod groups;
#[path = "behaviour/member.rs"]
mod member;
#[path = "behaviour/metadata.rs"]
mod metadata;
#[path = "behaviour/produce.rs"]
mod produce;
#[path = "behaviour/producer.rs"]
mod producer;
#[path = "support/raw.rs"]
mod raw;
#[path = "behaviour/replicas.rs"]
mod replicas;
#[path = "support/rig.rs"]
mod rig;
#[path = "behaviour/sequences.rs"]
mod sequences;
#[path = "behaviour/target.rs"]
mod target;
#[path = "behaviour/topics.rs"]
mod topics;

/// Tests of behaviours on so many brokers.
macro_rules! on {
    ($brokers:literal: $($module:ident { $($behaviour:ident,)* })*) => {
        $(mod $module {
            $(#[test]
            fn $behaviour() {
                crate::$module::$behaviour(&crate::target::Target::of($brokers));
            })*
        })*
    };
}

macro_rules! behaviours {
    (any { $($any:tt)* } three { $($three:tt)* } alone { $($alone:tt)* }) => {
        mod one_broker {
            on! { 1: $($any)* }
        }
        mod three_brokers {
            on! { 3: $($any)* $($three)* }
        }
        mod alone {
            on! { 3: $($alone)* }
        }
    };
}

behaviours! {
any {
    batches {
        damaged_batches_are_refused_and_leave_nothing,
        records_that_do_not_fit_their_batch_are_refused,
        a_batch_over_the_topics_limit_is_refused,
        a_batch_larger_than_a_segment_is_refused,
        timestamps_out_of_range_are_named_one_by_one,
        the_broker_puts_its_time_where_the_topic_says_so,
        a_producer_may_not_claim_the_brokers_time_where_that_counts,
        a_compacted_topic_refuses_records_without_keys_and_names_them,
    }
    configs {
        a_topic_tells_its_configuration_and_where_it_comes_from,
        a_topics_configuration_can_be_changed_and_governs_what_follows,
    }
    connections {
        the_apis_are_served_in_kafkas_versions,
        every_version_of_apiversions_is_answered,
        an_unknown_version_of_apiversions_is_answered_with_error_35_as_version_0,
        frames_that_are_none_close_the_connection,
        a_request_that_cannot_be_read_closes_the_connection,
        requests_that_come_at_once_are_answered_in_their_order,
    }
    fetch {
        records_come_in_batches_from_the_one_that_holds_the_offset,
        every_version_of_fetch_is_answered,
        an_offset_out_of_range_is_refused,
        what_is_not_there_is_refused_by_its_name,
        the_leaders_epoch_is_compared,
        the_first_batch_comes_whole_and_others_only_if_they_fit,
        an_answer_waits_for_records_and_no_longer_than_asked,
        offsets_are_found_by_name_and_by_time,
        the_end_of_an_epoch_can_be_asked_for,
    }
    groups {
        a_group_has_one_coordinator_whoever_is_asked,
        one_member_joins_syncs_lives_and_leaves,
        who_is_not_of_the_group_is_told_so,
        a_second_member_makes_the_group_begin_anew,
        members_must_have_a_protocol_in_common,
        an_old_member_joins_without_asking_for_an_id_first,
        a_nameless_group_and_a_strange_session_are_refused,
        offsets_are_kept_for_the_group_and_for_who_comes_later,
        transactions_are_not_confused_with_groups,
        groups_can_be_listed_and_described,
        a_static_member_comes_back_to_its_place_and_fences_its_double,
        the_oldest_versions_serve_a_member_from_joining_to_leaving,
    }
    metadata {
        brokers_and_leaders_are_named,
        every_version_of_metadata_is_answered,
        a_topic_can_be_asked_for_by_its_id,
        a_topic_is_made_by_who_asks_for_it_and_the_first_answer_says_that_it_is_not_there,
        producing_makes_no_topic,
        the_cluster_describes_itself_as_metadata_does,
    }
    produce {
        every_version_writes_and_is_told_where,
        a_topic_id_that_nobody_has_is_refused,
        acks_that_do_not_exist_are_refused,
        without_acks_there_is_no_answer_and_an_error_closes_the_connection,
        each_partition_of_a_request_has_its_own_fate,
        nothing_at_all_is_answered_with_nothing,
        records_of_a_transaction_need_a_transactional_id,
        kafkas_own_topics_take_no_records_of_others,
        every_producer_gets_its_own_id,
    }
    producer {
        records_arrive_in_order_with_all_their_fields,
        a_topic_that_is_not_there_is_made_by_the_first_record,
        acks_of_one_and_none_are_reported_as_what_they_are,
        what_a_topic_refuses_is_reported_with_the_brokers_reason,
    }
    sequences {
        each_of_the_last_five_batches_is_answered_again_with_its_offset,
        a_gap_and_a_half_known_batch_are_out_of_order,
        a_new_epoch_begins_at_zero_and_fences_the_old_one,
        a_producer_that_nobody_knows_begins_where_it_likes,
        sequences_wrap_around,
        a_batch_is_known_again_whatever_the_acks,
    }
    topics {
        a_topic_that_is_made_tells_what_it_became,
        topics_that_cannot_be_made_are_refused_with_a_reason,
        topics_can_be_made_on_chosen_brokers,
        a_topic_can_be_tried_without_being_made,
        a_topic_named_twice_in_a_request_is_refused,
        a_deleted_topic_is_gone_and_comes_back_empty_under_another_id,
        topics_to_delete_can_be_named_by_id_and_must_exist,
        a_topic_grows_and_does_not_shrink,
    }
}
three {
    replicas {
        a_follower_refuses_and_names_the_leader,
        a_broker_without_a_replica_refuses_and_names_the_leader,
        what_is_acknowledged_by_all_is_at_once_readable,
        more_replicas_in_sync_than_there_are_cannot_be_asked_for,
    }
}
alone {
    deaths {
        a_broker_dies_and_comes_back,
    }
}
}
