//! Each error code in the answer to each request that a producer makes: what becomes of the
//! request and of the producer, and what the report says. `error_table.tsv` has a row for every
//! code; its words are the ones that the functions here find for what they see.

use super::harness::World;
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

/// One thing that a broker was made to say, and what came of it in words.
type Probe = fn(ErrorCode) -> String;

/// The columns of the table behind the code and its name.
const COLUMNS: [(&str, Probe); 7] = [
    ("Produce", |code| produce(code, Setup::default)),
    ("Produce, no idempotence", |code| produce(code, || Setup::default().without_idempotence(-1))),
    ("Metadata, topic", metadata_of_a_topic),
    ("Metadata, partition", metadata_of_a_partition),
    ("Metadata, whole", metadata),
    ("InitProducerId", init_producer_id),
    ("ApiVersions", api_versions),
];

/// What the state of a failed record is called in the table.
fn state_of(world: &World, record: u64, code: ErrorCode) -> &'static str {
    let report = world.report(record);
    let shown = if code.0 < -1 { ErrorCode::UNKNOWN_SERVER_ERROR } else { code };
    assert_eq!(report.code(), shown, "the report tells the broker's code: {report:?}");
    match report.state {
        State::Persisted => "persisted",
        State::NotPersisted => "not persisted",
        State::PossiblyPersisted => "possibly persisted",
    }
}

/// A batch of two records is answered with `code`, once.
fn produce(code: ErrorCode, setup: fn() -> Setup) -> String {
    let mut world = setup().ready();
    world.send("t", 0);
    match code {
        ErrorCode::NONE => {}
        // The broker has it, and says so.
        ErrorCode::DUPLICATE_SEQUENCE_NUMBER => world.append_and_say("t", 0, code),
        _ => world.refuse("t", 0, code),
    }
    let asked = world.cluster.metadata_asked.len();
    let record = world.append("t", 0, 8);
    world.append("t", 0, 8);
    world.run();
    let at_once = world.is_reported(record);
    let attempts = world.arrived.len() - 1;
    world.advance(200);
    let mut words = Vec::new();
    match world.report(record).state {
        _ if world.shared.fatal().is_some() => words.push("fatal"),
        State::Persisted if at_once && attempts == 1 => words.push("acknowledged"),
        State::Persisted if at_once => words.push("split"),
        State::Persisted => words.push("retried"),
        _ => words.push("failed"),
    }
    if world.cluster.metadata_asked.len() > asked {
        words.push("refreshed");
    }
    if world.shared.fatal().is_none() {
        let next = world.send("t", 0);
        world.advance(1000);
        assert!(world.is_reported(next), "{code}: what comes next waits");
        assert_eq!(world.report(next).state, State::Persisted, "{code}: what comes next fails");
        if world.arrived.last().expect("sent").batches[0].epoch > 0 {
            words.push("bumped");
        }
    }
    let end = match words[0] {
        "acknowledged" | "split" => None,
        "retried" => Some(last_attempt(code, setup())),
        _ => Some(state_of(&world, record, code)),
    };
    world.finish();
    end.map_or(words.join(" "), |end| format!("{}: {end}", words.join(" ")))
}

/// The report where no attempt is left.
fn last_attempt(code: ErrorCode, setup: Setup) -> &'static str {
    let mut world = setup.retries(0).ready();
    world.send("t", 0);
    world.refuse("t", 0, code);
    let record = world.send("t", 0);
    let state = state_of(&world, record, code);
    world.finish();
    state
}

/// A topic is answered for with `code`, as long as somebody asks.
fn metadata_of_a_topic(code: ErrorCode) -> String {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    world.cluster.topics.get_mut("t").unwrap().error = code;
    world.ask("t");
    world.run();
    let asked = world.cluster.metadata_asked.len();
    world.advance(1000);
    let again = world.cluster.metadata_asked.len() > asked;
    let end = match world.shared.metadata.topic_error("t") {
        None => "known",
        Some(error) if error.is_retriable() => "sends wait",
        Some(_) => "sends fail",
    };
    world.cluster.topics.get_mut("t").unwrap().error = ErrorCode::NONE;
    world.finish();
    if again { format!("asked again, {end}") } else { end.to_owned() }
}

/// A partition is answered for with `code`, and has no leader; then it has one all the same.
fn metadata_of_a_partition(code: ErrorCode) -> String {
    let mut world = Setup::default().delivery_timeout(2000).start();
    world.cluster.create("t", 1);
    let partition = world.cluster.partition("t", 0);
    let leader = partition.leader;
    (partition.leader, partition.error) = (-1, code);
    world.shared.accumulator.topics.get_or_add("t");
    world.ask("t");
    world.run();
    let asked = world.cluster.metadata_asked.len();
    world.advance(1000);
    let again = world.cluster.metadata_asked.len() > asked;
    let record = world.append("t", 0, 8);
    world.advance(3000);
    let report = world.report(record);
    let shown = if code.0 < -1 { ErrorCode::UNKNOWN_SERVER_ERROR } else { code };
    let told = report.reason().contains(&format!("({shown})"));
    assert!(report.reason().contains("waited for a leader of t-0"), "{report:?}");
    let mut words = vec![if again { "asked again" } else { "known" }];
    words.extend(told.then_some("told"));
    world.cluster.partition("t", 0).leader = leader;
    let record = world.append("t", 0, 8);
    world.advance(1000);
    let end = match world.is_reported(record) && world.report(record).state == State::Persisted {
        true => "with a leader: used",
        false => "with a leader: sends wait",
    };
    world.finish();
    format!("{}, {end}", words.join(", "))
}

/// The answer as a whole carries `code`.
fn metadata(code: ErrorCode) -> String {
    let mut world = Setup::default().ready();
    world.send("t", 0);
    world.advance(1000);
    world.cluster.metadata_errors.push_back(code);
    let (connected, asked) = (world.connected.len(), world.cluster.metadata_asked.len());
    world.request_metadata();
    world.advance(1000);
    let again = world.cluster.metadata_asked.len() > asked + 1;
    let end = match world.connected.len() > connected {
        true => "starts from bootstrap",
        false if again => "asked again",
        false => "taken",
    };
    world.finish();
    end.to_owned()
}

fn init_producer_id(code: ErrorCode) -> String {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    world.cluster.id_errors.push_back(code);
    if code == ErrorCode::NONE {
        world.cluster.id_errors.clear();
    }
    world.shared.accumulator.topics.get_or_add("t");
    world.ask("t");
    world.advance(1000);
    let asked = world.cluster.ids_asked;
    let end = match world.shared.fatal() {
        Some(error) => {
            assert!(error.message().contains("enable.idempotence=true"), "{error}");
            "fatal"
        }
        None if asked == 1 => "taken",
        None => "retried",
    };
    world.finish();
    end.to_owned()
}

fn api_versions(code: ErrorCode) -> String {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    world.cluster.version_errors.push_back(code);
    world.know("t");
    assert!(world.shared.metadata.cluster().topics.contains_key("t"), "{code}");
    let end = match world.connected.len() {
        1 if world.cluster.versions_asked == 1 => "taken",
        1 => "asked in an older version",
        _ => "connects anew",
    };
    world.finish();
    end.to_owned()
}

#[test]
fn every_error_code_means_for_every_request_what_the_table_says() {
    let mut lines = include_str!("error_table.tsv").lines().filter(|line| !line.starts_with('#'));
    let titles: Vec<&str> = lines.next().expect("a line of titles").split('\t').collect();
    assert_eq!(titles[..2], ["code", "name"]);
    assert_eq!(titles[2..], COLUMNS.map(|(title, _)| title));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    let mut wrong = Vec::new();
    for code in ErrorCode::ALL.iter().copied().chain([ErrorCode(1234)]) {
        let seen = COLUMNS.map(|(_, probe)| probe(code));
        let row = rows.iter().find(|row| row[0] == code.0.to_string());
        if row.is_none_or(|row| row[1] != code.name() || row[2..] != seen.each_ref()[..]) {
            wrong.push(format!("{}\t{}\t{}", code.0, code.name(), seen.join("\t")));
        }
    }
    let (codes, wrong_count) = (ErrorCode::ALL.len() + 1, wrong.len());
    assert!(wrong.is_empty(), "{wrong_count} rows are not so, but:\n{}", wrong.join("\n"));
    assert_eq!(rows.len(), codes, "one row per code");
    // Numbers that have no name here are all one.
    let nameless = rows.iter().find(|row| row[0] == "1234").expect("a row of one");
    for code in (0..200).map(ErrorCode).filter(|code| !code.is_known()) {
        let seen = COLUMNS.map(|(_, probe)| probe(code));
        assert_eq!(nameless[2..], seen.each_ref()[..], "{code}");
    }
}
