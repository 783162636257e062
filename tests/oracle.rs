//! The oracle itself: a good history passes, and each way to go wrong is found.

#[path = "support/oracle.rs"]
mod oracle;

use std::time::{Duration, Instant};

use oracle::{Content, History, Logged, REPORT_LATE_MAX, Recreated, Sent, Told};
use ottla::producer::OwnedReport;
use ottla::{ErrorCode, State, TopicName};

/// Three records of one thread: persisted at 0 and 1, and one that is surely not in the log.
fn good() -> History {
    let at = Instant::now();
    let content = |value: &str| Content {
        key: None,
        value: Some(value.into()),
        headers: vec![("h".to_owned(), None)],
    };
    let sent = |opaque: u64| Sent {
        opaque,
        thread: 0,
        topic: "t".to_owned(),
        partition: None,
        content: content(&opaque.to_string()),
        created_ms: (100, 200),
        at,
    };
    let told = |opaque: u64, state: State| {
        let persisted = state == State::Persisted;
        let report = OwnedReport {
            topic: TopicName::new("t"),
            partition: 0,
            offset: if persisted { opaque as i64 } else { -1 },
            timestamp: 150,
            state,
            error: (!persisted).then(|| ErrorCode::DELIVERY_TIMED_OUT.into()),
            opaque,
        };
        Told { report, at, producer: 0 }
    };
    let logged = |opaque: u64| Logged {
        topic: "t".to_owned(),
        partition: 0,
        offset: opaque as i64,
        timestamp: 150,
        is_append_time: false,
        content: content(&opaque.to_string()),
    };
    History {
        sent: (0..3).map(sent).collect(),
        told: vec![
            told(0, State::Persisted),
            told(1, State::Persisted),
            told(2, State::NotPersisted),
        ],
        log: vec![logged(0), logged(1)],
        recreated: Vec::new(),
        delivery_timeout: Duration::from_secs(1),
        report_late_max: REPORT_LATE_MAX,
    }
}

/// Spoils a good history; the oracle must say so.
fn finds(expected: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = good();
    spoil(&mut history);
    let found = history.violations();
    assert!(found.iter().any(|sentence| sentence.contains(expected)), "{found:?}");
}

#[test]
fn a_good_history_passes() {
    assert_eq!(good().violations(), Vec::<String>::new());
}

#[test]
fn a_record_in_doubt_may_be_there_once_or_not() {
    let mut history = good();
    history.told[2].report.state = State::PossiblyPersisted;
    assert_eq!(history.violations(), Vec::<String>::new());
    let mut logged = history.log[1].clone();
    (logged.offset, logged.content) = (2, history.sent[2].content.clone());
    history.log.push(logged.clone());
    assert_eq!(history.violations(), Vec::<String>::new());
    logged.offset = 3;
    history.log.push(logged);
    assert_eq!(history.violations().len(), 1);
}

#[test]
fn reports_that_are_missing_twice_late_or_of_nobody_are_found() {
    finds("no report", |history| drop(history.told.pop()));
    finds("two reports", |history| history.told.push(history.told[0].clone()));
    finds("was not accepted", |history| drop(history.sent.pop()));
    finds("was reported after", |history| history.told[1].at += Duration::from_millis(1251));
}

#[test]
fn reports_that_contradict_themselves_or_the_record_are_found() {
    finds("contradicts itself", |history| history.told[0].report.offset = -1);
    finds("contradicts itself", |history| history.told[2].report.offset = 7);
    finds("without a reason", |history| history.told[2].report.error = None);
    finds("is reported on", |history| history.sent[0].partition = Some(1));
    finds("is reported on", |history| history.told[0].report.topic = TopicName::new("u"));
}

#[test]
fn lost_and_foreign_records_are_found() {
    finds("is not there", |history| drop(history.log.pop()));
    finds("shares that place", |history| history.told[1].report.offset = 0);
    finds("never accepted", |history| {
        let content = Content { key: None, value: None, headers: Vec::new() };
        history.log.push(Logged { offset: 2, content, ..history.log[0].clone() });
    });
}

#[test]
fn duplicates_and_records_that_should_be_absent_are_found() {
    finds("no report says so", |history| {
        history.log.push(Logged { offset: 2, ..history.log[0].clone() });
    });
    finds("holds record 2", |history| {
        let content = history.sent[2].content.clone();
        history.log.push(Logged { offset: 2, content, ..history.log[0].clone() });
    });
}

#[test]
fn changed_bytes_and_timestamps_are_found() {
    finds("reads", |history| history.log[0].content.value = None);
    finds("reads", |history| history.log[0].content.key = Some(Vec::new()));
    finds("reads", |history| history.log[0].content.headers[0].1 = Some(Vec::new()));
    finds("has timestamp", |history| history.log[0].timestamp = 151);
    finds("was sent with", |history| history.sent[0].created_ms = (1, 1));
}

#[test]
fn a_changed_order_is_found() {
    finds("was sent after", |history| {
        (history.told[0].report.offset, history.told[1].report.offset) = (1, 0);
        history.log.reverse();
        (history.log[0].offset, history.log[1].offset) = (0, 1);
    });
    finds("was reported after @", |history| history.told.swap(0, 1));
}

/// As `good`, and record 0 was persisted at 5 before the topic was deleted and made again.
fn recreated() -> History {
    let mut history = good();
    let from = history.told[0].at + Duration::from_millis(1);
    let until = from + Duration::from_millis(1);
    history.recreated.push(Recreated { topic: "t".to_owned(), from, until, by_name: None });
    history.told[0].report.offset = 5;
    history.told[1].at = until;
    history.told[1].report.offset = 0;
    history.log.remove(0);
    history.log[0].offset = 0;
    history
}

#[test]
fn what_was_in_a_topic_that_was_made_again_is_gone_with_it() {
    assert_eq!(recreated().violations(), Vec::<String>::new());
    let mut none_since = recreated();
    none_since.told.remove(1);
    none_since.sent.remove(1);
    none_since.log.clear();
    assert_eq!(none_since.violations(), Vec::<String>::new());
}

#[test]
fn offsets_start_anew_once_for_each_time_that_a_topic_was_made_again() {
    let finds = |expected: &str, spoil: fn(&mut History)| {
        let mut history = recreated();
        spoil(&mut history);
        let found = history.violations();
        assert!(found.iter().any(|sentence| sentence.contains(expected)), "{found:?}");
    };
    finds("was reported after @5", |history| history.recreated.clear());
    finds("was reported after @5", |history| history.recreated[0].topic = "u".to_owned());
    finds("was reported after @5", |history| history.recreated[0].from += Duration::from_secs(1));
    finds("is not there", |history| history.log.clear());
    finds("holds record 0", |history| {
        let content = history.sent[0].content.clone();
        history.log.push(Logged { offset: 1, content, ..history.log[0].clone() });
    });
}

#[test]
fn requests_that_named_a_topic_made_again_may_come_into_it_in_any_order() {
    let mut history = recreated();
    history.recreated[0].by_name = Some(history.told[1].at);
    // Record 1 was sent meanwhile and is there; record 0 is gone, and was told of after it.
    history.told.swap(0, 1);
    assert_eq!(history.violations(), Vec::<String>::new());
    let mut sent_later = history.clone();
    sent_later.sent[0].at = sent_later.recreated[0].until + Duration::from_nanos(1);
    assert!(sent_later.violations().iter().any(|s| s.contains("record 0, reported at t-0@5")));
    history.log.clear();
    history.log.extend(good().log.into_iter().next());
    assert!(history.violations().iter().any(|s| s.contains("no report says so")));
}

#[test]
fn each_of_several_producers_reports_in_the_order_of_the_log() {
    let mut history = good();
    history.told.swap(0, 1);
    history.told[1].producer = 1;
    assert_eq!(history.violations(), Vec::<String>::new());
}
