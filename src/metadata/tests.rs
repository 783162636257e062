//! When metadata is asked for, and what answers make of what is known.

use super::*;
use crate::wire::Uuid;
use crate::wire::messages::metadata::{MetadataResponseBroker, MetadataResponsePartition};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant(0) + ms(millis)
}

/// Back-off 100 ms to 1000 ms; all answers come at once.
struct Room {
    metadata: Metadata,
    now: Instant,
}

impl Room {
    fn new() -> Room {
        let config = MetadataConfig {
            bootstrap: vec![("boot".to_owned(), 9092)],
            max_age: ms(300_000),
            max_idle: ms(60_000),
            backoff: ExponentialBackoff { initial: ms(100), max: ms(1000) },
            rebootstrap_trigger: Some(ms(10_000)),
        };
        let now = at(10_000);
        Room { metadata: Metadata::new(config, now), now }
    }

    fn wait_for(&self, topic: &str) -> Arc<Ticket<()>> {
        self.metadata.wait_for(topic, self.now, None).expect("open")
    }

    /// Waits until an update is due and begins it.
    fn begin(&mut self) -> UpdateRequest {
        let due = self.metadata.next_update();
        assert_ne!(due, Instant::NEVER, "no update is due");
        self.now = self.now.max(due);
        let mut request = self.metadata.begin_update(self.now, |_| false);
        request.topics.sort();
        request
    }

    /// As above, and answers it.
    fn update(&mut self, topics: Vec<MetadataResponseTopic>) -> UpdateRequest {
        let request = self.begin();
        self.metadata.update(answer(topics), &request, self.now).expect("of use");
        self.metadata.answer_waiters(&request);
        request
    }

    /// How long after now the next update is due.
    fn next_in(&self) -> Duration {
        self.metadata.next_update().since(self.now)
    }

    fn leader(&self, topic: &str) -> (i32, i32) {
        let cluster = self.metadata.cluster();
        let info = cluster.partition(topic, 0).expect("a partition");
        (info.leader, info.leader_epoch)
    }
}

fn answer(topics: Vec<MetadataResponseTopic>) -> MetadataResponse {
    let broker = |id: i32| MetadataResponseBroker {
        node_id: id,
        host: format!("b{id}").into(),
        port: 9092,
        rack: None,
    };
    MetadataResponse { brokers: vec![broker(1), broker(2)], topics, ..MetadataResponse::default() }
}

/// A topic with one partition.
fn topic(name: &str, id: u8, leader_id: i32, leader_epoch: i32) -> MetadataResponseTopic {
    let partition = MetadataResponsePartition {
        leader_id,
        leader_epoch,
        ..MetadataResponsePartition::default()
    };
    MetadataResponseTopic {
        name: Some(name.into()),
        topic_id: Uuid([id; 16]),
        partitions: vec![partition],
        ..MetadataResponseTopic::default()
    }
}

fn failed_topic(name: &str, code: ErrorCode) -> MetadataResponseTopic {
    MetadataResponseTopic {
        name: Some(name.into()),
        error_code: code.0 as i16,
        ..MetadataResponseTopic::default()
    }
}

#[test]
fn nothing_is_asked_for_until_a_topic_is_wanted() {
    let mut room = Room::new();
    assert_eq!(room.metadata.next_update(), Instant::NEVER);
    room.wait_for("t");
    assert_eq!(room.metadata.next_update(), Instant(0));
    assert_eq!(room.begin().topics, ["t"]);
    assert_eq!(room.metadata.next_update(), Instant::NEVER, "one at a time");
}

#[test]
fn a_waiter_is_woken_by_an_answer_for_its_topic_and_by_no_other() {
    let mut room = Room::new();
    let a = room.wait_for("a");
    let request = room.begin();
    let b = room.wait_for("b");
    room.metadata.update(answer(vec![topic("a", 1, 1, 0)]), &request, room.now).unwrap();
    room.metadata.answer_waiters(&request);
    assert_eq!((a.try_take(), b.try_take()), (Some(()), None));
    room.update(vec![topic("b", 2, 1, 0)]);
    assert_eq!(b.try_take(), Some(()));
}

#[test]
fn a_new_topic_is_asked_for_at_once_and_alone_and_the_others_are_kept() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 1, 1, 0)]);
    room.wait_for("b");
    assert_eq!(room.next_in(), ms(0));
    let request = room.update(vec![topic("b", 2, 2, 0)]);
    assert_eq!(request, UpdateRequest { topics: vec!["b".to_owned()], partial: true });
    assert_eq!((room.leader("a"), room.leader("b")), ((1, 0), (2, 0)));
}

#[test]
fn what_is_wanted_while_an_answer_is_under_way_is_asked_for_after_it() {
    let mut room = Room::new();
    room.wait_for("a");
    let first = room.begin();
    let b = room.wait_for("b");
    room.metadata.update(answer(vec![topic("a", 1, 1, 0)]), &first, room.now).expect("of use");
    room.metadata.answer_waiters(&first);
    assert_eq!(b.try_take(), None, "that request did not ask for it");
    assert_eq!(room.next_in(), ms(0));
    let second = room.update(vec![topic("b", 2, 1, 0)]);
    assert_eq!(second, UpdateRequest { topics: vec!["b".to_owned()], partial: true });
    assert_eq!(b.try_take(), Some(()));
    // As well an update of everything.
    room.metadata.request_update();
    let full = room.begin();
    room.metadata.request_update();
    let both = vec![topic("a", 1, 1, 0), topic("b", 2, 1, 0)];
    room.metadata.update(answer(both), &full, room.now).expect("of use");
    assert_eq!(room.next_in(), ms(100));
}

#[test]
fn a_known_topic_is_asked_for_with_all_others() {
    let mut room = Room::new();
    for name in ["a", "b"] {
        room.wait_for(name);
        room.update(vec![topic(name, 1, 1, 0)]);
    }
    room.wait_for("a");
    assert_eq!(room.next_in(), ms(100));
    let request = room.begin();
    assert_eq!(
        (request.topics.as_slice(), request.partial),
        (&["a".into(), "b".into()][..], false)
    );
}

#[test]
fn all_is_asked_for_again_at_metadata_max_age_and_new_topics_do_not_put_that_off() {
    let mut room = Room::new();
    room.wait_for("a");
    room.metadata.request_update();
    assert!(!room.update(vec![topic("a", 1, 1, 0)]).partial);
    assert_eq!(room.next_in(), ms(300_000));
    room.now = room.now + ms(200_000);
    room.wait_for("b");
    assert!(room.update(vec![topic("b", 1, 1, 0)]).partial);
    assert_eq!(room.next_in(), ms(100_000));
}

#[test]
fn requested_updates_keep_the_back_off_between_them() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 1, 1, 0)]);
    room.metadata.request_update();
    assert_eq!(room.next_in(), ms(100));
}

#[test]
fn failed_updates_back_off_longer_and_longer_until_one_succeeds() {
    let mut room = Room::new();
    room.wait_for("a");
    for wait in [100, 200, 400, 800, 1000, 1000] {
        room.begin();
        room.metadata.failed(ErrorCode::NETWORK_EXCEPTION.into(), room.now);
        assert_eq!(room.next_in(), ms(wait));
    }
    room.update(vec![topic("a", 1, 1, 0)]);
    room.metadata.request_update();
    assert_eq!(room.next_in(), ms(100));
}

#[test]
fn a_missing_topic_is_asked_for_again_with_a_growing_back_off() {
    let mut room = Room::new();
    room.wait_for("a");
    for wait in [100, 200, 400, 800, 1000] {
        room.update(vec![failed_topic("a", ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)]);
        assert_eq!(room.next_in(), ms(wait));
    }
    let error = room.metadata.topic_error("a").unwrap();
    assert_eq!(error.code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    room.update(vec![topic("a", 1, 1, 0)]);
    assert!(room.metadata.topic_error("a").is_none());
    assert_eq!(room.next_in(), ms(300_000));
}

#[test]
fn a_partition_without_a_leader_is_asked_for_again() {
    let mut room = Room::new();
    room.wait_for("a");
    for wait in [100, 200, 400] {
        room.update(vec![topic("a", 1, -1, 3)]);
        assert_eq!(room.next_in(), ms(wait));
    }
}

#[test]
fn an_answer_that_leaves_a_new_topic_out_does_not_make_a_storm_of_requests() {
    let mut room = Room::new();
    room.wait_for("a");
    for wait in [100, 200, 400] {
        room.update(vec![]);
        assert_eq!(room.next_in(), ms(wait));
    }
}

#[test]
fn a_topic_that_may_not_be_used_is_told_and_not_asked_for_again() {
    for code in [ErrorCode::TOPIC_AUTHORIZATION_FAILED, ErrorCode::INVALID_TOPIC_EXCEPTION] {
        let mut room = Room::new();
        let ticket = room.wait_for("a");
        room.update(vec![failed_topic("a", code)]);
        assert_eq!(ticket.try_take(), Some(()));
        assert_eq!(room.metadata.topic_error("a").unwrap().code(), code);
        assert_eq!(room.metadata.trouble("a").unwrap().code(), code);
        assert!(room.next_in() >= ms(200_000));
    }
}

#[test]
fn a_stale_leader_epoch_does_not_replace_a_newer_one() {
    let mut room = Room::new();
    room.wait_for("a");
    let expected = [(1, 5, (1, 5)), (2, 4, (1, 5)), (2, 5, (2, 5)), (1, 6, (1, 6))];
    for (leader, epoch, known) in expected {
        room.metadata.request_update();
        room.update(vec![topic("a", 1, leader, epoch)]);
        assert_eq!(room.leader("a"), known);
    }
}

#[test]
fn an_epoch_that_no_other_answer_knows_is_given_up() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 1, 7, i32::MAX)]);
    let mut again = |leader, epoch| {
        room.metadata.request_update();
        room.update(vec![topic("a", 1, leader, epoch)]);
        room.leader("a")
    };
    (0..10).for_each(|_| assert_eq!(again(1, 5), (7, i32::MAX), "it may be late news"));
    assert_eq!(again(1, 5), (1, 5));
    // An answer that knows the epoch says that the others were late.
    assert_eq!(again(2, 6), (2, 6));
    for _ in 0..5 {
        (0..9).for_each(|_| assert_eq!(again(1, 5), (2, 6)));
        assert_eq!(again(2, 6), (2, 6));
    }
}

#[test]
fn an_answer_without_epochs_counts_as_it_is() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 0, 1, 5)]);
    room.metadata.request_update();
    room.update(vec![topic("a", 0, 2, -1)]);
    assert_eq!(room.leader("a"), (2, -1));
}

#[test]
fn a_topic_made_anew_starts_its_epochs_anew() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 1, 1, 5)]);
    room.metadata.request_update();
    room.update(vec![topic("a", 2, 2, 0)]);
    assert_eq!(room.leader("a"), (2, 0));
    // A broker that knows no topic ids does not make it another topic.
    room.metadata.request_update();
    room.update(vec![topic("a", 0, 1, -1)]);
    room.metadata.request_update();
    room.update(vec![topic("a", 2, 2, 3)]);
    room.metadata.request_update();
    room.update(vec![topic("a", 0, 1, 2)]);
    assert_eq!(room.leader("a"), (2, 3));
}

#[test]
fn a_leader_named_by_a_broker_counts_if_its_epoch_is_newer() {
    let mut room = Room::new();
    room.wait_for("a");
    let version = room.metadata.version();
    room.update(vec![topic("a", 1, 1, 5)]);
    assert_ne!(room.metadata.version(), version);
    let node = |id| Node { id, host: "new".to_owned(), port: 1 };
    assert!(!room.metadata.update_leader("a", 0, node(7), 5));
    assert!(!room.metadata.update_leader("a", 9, node(7), 6));
    assert!(!room.metadata.update_leader("a", i32::MIN, node(7), 6));
    assert!(!room.metadata.update_leader("b", 0, node(7), 6));
    assert_eq!(room.leader("a"), (1, 5));
    let version = room.metadata.version();
    assert!(room.metadata.update_leader("a", 0, node(7), 6));
    assert_eq!(room.leader("a"), (7, 6));
    assert_ne!(room.metadata.version(), version, "what was found before is looked up again");
    assert_eq!(room.metadata.cluster().nodes[&7].host, "new");
}

#[test]
fn topics_that_nobody_sends_to_are_forgotten() {
    let mut room = Room::new();
    for name in ["a", "b"] {
        room.wait_for(name);
        room.update(vec![topic(name, 1, 1, 0)]);
    }
    room.now = room.now + ms(60_001);
    room.metadata.request_update();
    let mut request = room.metadata.begin_update(room.now, |name| name == "b");
    request.topics.sort();
    assert_eq!(request.topics, ["b"]);
    room.metadata.update(answer(vec![topic("b", 1, 1, 0)]), &request, room.now).unwrap();
    let cluster = room.metadata.cluster();
    assert_eq!(cluster.topics.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_topic_that_is_wanted_is_news_if_it_was_not_wanted_before() {
    let mut room = Room::new();
    for (topic, news) in [("a", true), ("a", false), ("b", true)] {
        room.metadata.want(topic, room.now);
        assert_eq!(room.metadata.has_news(), news, "{topic}");
        room.metadata.take_news();
    }
    assert_eq!(room.begin().topics, ["a", "b"]);
}

#[test]
fn an_answer_without_a_usable_broker_is_of_no_use_and_changes_nothing() {
    let mut room = Room::new();
    room.wait_for("a");
    room.update(vec![topic("a", 1, 1, 0)]);
    let mut none = answer(vec![topic("a", 1, 2, 9)]);
    none.brokers[0].port = -1;
    none.brokers[1].host = "".into();
    none.brokers.push(MetadataResponseBroker { node_id: i32::MIN, ..none.brokers[0].clone() });
    room.metadata.request_update();
    let request = room.begin();
    let error = room.metadata.update(none, &request, room.now).unwrap_err();
    assert_eq!(error.code(), ErrorCode::PROTOCOL_VIOLATION);
    assert_eq!(room.leader("a"), (1, 0));
}

#[test]
fn odd_partitions_of_an_answer_do_no_harm() {
    let mut room = Room::new();
    room.wait_for("a");
    let mut odd = topic("a", 1, i32::MIN, i32::MIN);
    for index in [i32::MIN, -1, i32::MAX, 2] {
        odd.partitions.push(MetadataResponsePartition {
            partition_index: index,
            leader_id: 1,
            ..MetadataResponsePartition::default()
        });
    }
    let unwanted = topic("other", 1, 1, 1);
    let nameless = MetadataResponseTopic::default();
    room.update(vec![odd, unwanted, nameless]);
    let cluster = room.metadata.cluster();
    let leaders: Vec<i32> = cluster.topics["a"].partitions.iter().map(|p| p.leader).collect();
    assert_eq!(leaders, [-1, -1, 1, -1, -1]);
    assert_eq!(cluster.topics.len(), 1);
}

#[test]
fn the_known_brokers_are_given_up_when_none_answered_for_the_time_that_is_set() {
    let mut room = Room::new();
    room.wait_for("a");
    room.begin();
    assert_eq!(room.metadata.rebootstrap_at(), Instant::NEVER, "they are the bootstrap ones");
    room.metadata.failed(ErrorCode::NETWORK_EXCEPTION.into(), room.now);
    room.update(vec![topic("a", 1, 1, 0)]);
    assert_eq!(room.metadata.rebootstrap_at(), Instant::NEVER, "all is well");
    room.metadata.request_update();
    room.begin();
    assert_eq!(room.metadata.rebootstrap_at(), room.now + ms(10_000));
    let version = room.metadata.version();
    room.metadata.rebootstrap(room.now);
    assert_ne!(room.metadata.version(), version);
    let cluster = room.metadata.cluster();
    assert_eq!(cluster.nodes[&-1].host, "boot");
    assert_eq!(cluster.nodes.len(), 1);
    assert_eq!(room.leader("a"), (1, 0), "topics are kept");
    assert!(!room.metadata.can_rebootstrap());
}

#[test]
fn closing_ends_all_waits_and_refuses_new_ones() {
    let room = Room::new();
    let ticket = room.wait_for("a");
    room.metadata.close(ErrorCode::CLOSED.into());
    assert_eq!(ticket.try_take(), Some(()));
    let refused = room.metadata.wait_for("b", room.now, None);
    assert_eq!(refused.map(|_| ()).unwrap_err().code(), ErrorCode::CLOSED);
    assert_eq!(room.metadata.next_update(), Instant::NEVER);
}
