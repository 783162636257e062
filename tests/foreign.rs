//! Clients of others on the embedded cluster: Java, librdkafka (confluent-kafka) and franz-go
//! write; they and Kafka's console consumer read as groups. tests/kafka/run.sh builds them
//! (tests/foreign/build.sh) and runs this; `make test` does.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig};

const COUNT: usize = 300;
const PARTITIONS: i32 = 3;
/// How long a client may take; each gives up by itself before that.
const LIMIT: Duration = Duration::from_secs(120);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn built(name: &str) -> PathBuf {
    let path = root().join("build/foreign").join(name);
    assert!(path.exists(), "{} is not there: run tests/foreign/build.sh", path.display());
    path
}

fn java() -> Command {
    let libs = std::fs::read_to_string(built("libs")).unwrap();
    let mut command = Command::new("java");
    let classes = format!("{}/*:{}", libs.trim(), built("java").display());
    let log = root().join("tests/kafka/log4j2.properties");
    command.args(["-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dlevel=ERROR"]);
    command.arg(format!("-Dlog4j2.configurationFile={}", log.display()));
    command.args(["-cp", &classes]);
    command
}

/// A client of another library.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Client {
    Java,
    Librdkafka,
    FranzGo,
    Console,
}
use Client::*;

impl Client {
    /// Runs it to its end; what it printed.
    fn run(self, mode: &str, cluster: &Cluster, topic: &str, name: &str, count: usize) -> String {
        let mut command = match self {
            Java => java(),
            Console => java(),
            Librdkafka => Command::new("python3"),
            FranzGo => Command::new(built("franz")),
        };
        let (bootstrap, count) = (cluster.bootstrap_servers(), count.to_string());
        match self {
            Console => {
                command.arg("org.apache.kafka.tools.consumer.ConsoleConsumer");
                command.args(["--bootstrap-server", &bootstrap, "--topic", topic]);
                command.args(["--group", name, "--max-messages", &count, "--from-beginning"]);
                command.args(["--timeout-ms", "60000"]);
                for shown in ["partition", "offset", "key", "headers"] {
                    command.args(["--property", &format!("print.{shown}=true")]);
                }
            }
            Java => {
                command.arg("Client").args([mode, &bootstrap, topic, name, &count]);
            }
            Librdkafka => {
                command.arg(root().join("tests/foreign/client.py"));
                command.env("PYTHONPATH", built("python"));
                command.args([mode, &bootstrap, topic, name, &count]);
            }
            FranzGo => {
                command.args([mode, &bootstrap, topic, name, &count]);
            }
        }
        let before = Instant::now();
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{self:?} {mode}: {errors}");
        assert!(before.elapsed() < LIMIT, "{self:?} {mode} took {:?}", before.elapsed());
        String::from_utf8(output.stdout).unwrap()
    }

    /// What it read, as [`logged`] writes it.
    fn read(self, cluster: &Cluster, topic: &str, group: &str, count: usize) -> Vec<String> {
        let printed = self.run("consume", cluster, topic, group, count);
        let lines = printed.lines().filter(|line| !line.starts_with("Option "));
        match self {
            Console => lines.map(of_console).collect(),
            _ => lines.map(str::to_owned).collect(),
        }
    }
}

/// `Partition:0 Offset:1 n:5 k5 java-5` with tabs, as the others write it.
fn of_console(line: &str) -> String {
    let fields: Vec<&str> = line.split('\t').collect();
    let [partition, offset, header, key, value] = fields[..] else { panic!("{line}") };
    let after = |text: &str| text.split_once(':').unwrap().1.to_owned();
    let (partition, offset, header) = (after(partition), after(offset), after(header));
    format!("{partition}\t{offset}\t{key}\t{value}\t{header}")
}

/// What is in the topic.
fn logged(cluster: &Cluster, topic: &str) -> BTreeSet<String> {
    let text = |bytes: &Option<Vec<u8>>| String::from_utf8(bytes.clone().unwrap()).unwrap();
    let mut lines = BTreeSet::new();
    for partition in 0..PARTITIONS {
        for record in cluster.records(topic, partition) {
            let (name, header) = &record.headers[0];
            assert_eq!((name.as_str(), record.headers.len()), ("n", 1));
            let (key, value, header) = (text(&record.key), text(&record.value), text(header));
            lines.insert(format!("{partition}\t{}\t{key}\t{value}\t{header}", record.offset));
        }
    }
    lines
}

/// Each writes its records, and each key's in order into one partition.
fn check_written(cluster: &Cluster, topic: &str, writers: &[Client]) {
    let mut count = 0;
    for partition in 0..PARTITIONS {
        let records = cluster.records(topic, partition);
        for writer in writers {
            let prefix = format!("{writer:?}-");
            let own = records.iter().filter_map(|record| {
                let value = String::from_utf8(record.value.clone().unwrap()).unwrap();
                value.strip_prefix(&prefix).map(|number| number.parse::<usize>().unwrap())
            });
            let own: Vec<usize> = own.collect();
            assert!(own.is_sorted(), "{writer:?}: {own:?}");
            count += own.len();
        }
    }
    assert_eq!(count, writers.len() * COUNT);
}

fn clients_write_and_read(brokers: u16) {
    let cluster =
        Cluster::start(ClusterConfig::brokers(brokers).topic("foreign", PARTITIONS)).unwrap();
    let (cluster, topic) = (&cluster, "foreign");
    let writers = [Java, Librdkafka, FranzGo];
    std::thread::scope(|scope| {
        for writer in writers {
            scope.spawn(move || {
                writer.run("produce", cluster, topic, &format!("{writer:?}"), COUNT);
            });
        }
    });
    check_written(cluster, topic, &writers);
    let all = logged(cluster, topic);
    assert_eq!(all.len(), writers.len() * COUNT);
    let all = &all;
    std::thread::scope(|scope| {
        for reader in [Java, Librdkafka, FranzGo, Console] {
            scope.spawn(move || {
                let group = format!("group-{reader:?}");
                let first = all.len() / 3;
                let mut read = reader.read(cluster, topic, &group, first);
                assert_eq!(read.len(), first, "{reader:?}");
                // Another process goes on where the first stopped.
                read.extend(reader.read(cluster, topic, &group, all.len() - first));
                let set: BTreeSet<String> = read.iter().cloned().collect();
                assert_eq!(set.len(), read.len(), "{reader:?} read something twice");
                assert_eq!(&set, all, "{reader:?}");
            });
        }
    });
}

#[test]
#[ignore = "needs make test"]
fn clients_of_others_write_and_read_on_one_broker() {
    clients_write_and_read(1);
}

#[test]
#[ignore = "needs make test"]
fn clients_of_others_write_and_read_on_three_brokers() {
    clients_write_and_read(3);
}
