//! The command line as its users meet it: what it prints where, and its exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn ottla(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ottla"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end with `input` as stdin.
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = ottla(args).spawn().expect("the binary is built with this test");
    // One that ends early does not read its input.
    let _ = child.stdin.take().expect("it is piped").write_all(input);
    child.wait_with_output().expect("a child can be waited for")
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("ended by a signal: {output:?}"))
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it is text")
}

#[track_caller]
fn assert_says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

/// What is wrong with a command line: status 2, and one line.
#[track_caller]
fn refusal(args: &[&str]) -> String {
    let output = run(args, b"");
    assert_eq!(status(&output), 2, "{output:?}");
    let text = stderr(&output);
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

/// An address where nobody listens.
fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").to_string()
}

/// `produce` to nobody, with little patience for each record.
fn produce_to_nobody(extra: &[&str], input: &[u8]) -> Output {
    let port = closed_port();
    let base = ["produce", "--bootstrap-servers", &port, "--config", "max.block.ms=50"];
    run(&[&base, extra].concat(), input)
}

#[test]
fn help_names_the_commands_and_every_option() {
    let top = run(&["--help"], b"");
    assert_eq!(status(&top), 0);
    assert_says(&stdout(&top), &["produce", "perf", "cluster"]);
    let common = ["--bootstrap-servers", "--topic", "--config"];
    let produce = ["--key-separator", "--headers", "--sync", "--file", "--partition"];
    let perf = ["--num-records", "--record-size", "--threads", "--throughput", "--keyed", "--json"];
    for (command, options) in [("produce", &produce[..]), ("perf", &perf[..])] {
        let help = run(&[command, "--help"], b"");
        assert_eq!(status(&help), 0);
        assert_says(&stdout(&help), &common);
        assert_says(&stdout(&help), options);
        assert_says(&stdout(&help), &["exit status"]);
    }
}

#[test]
fn a_missing_server_and_wrong_configuration_are_one_line_that_names_the_remedy() {
    let missing = refusal(&["produce", "--topic", "t"]);
    assert_says(&missing, &["error: `bootstrap.servers` is required"]);
    let base = ["produce", "--topic", "t", "--bootstrap-servers", "localhost:9092", "--config"];
    let with = |config| refusal(&[&base[..], &[config]].concat());
    assert_says(&with("linger.mss=5"), &["unknown key `linger.mss`", "`linger.ms`"]);
    assert_says(&with("acks=2"), &["acks", "`2`", "must be"]);
    assert_says(&with("delivery.report.mode=none"), &["delivery.report.mode", "cannot be set"]);
}

#[test]
fn a_server_may_be_named_by_the_configuration() {
    let config = ["--config", "metadata.broker.list=localhost:9092"];
    let output = run(&[&["produce", "--topic", "t"], &config[..]].concat(), b"");
    assert_eq!(status(&output), 0, "{output:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_named_and_nothing_is_sent() {
    let base = ["produce", "--topic", "t", "--bootstrap-servers", "localhost:9092", "--file"];
    let missing = refusal(&[&base[..], &["no/such/file"]].concat());
    assert_says(&missing, &["no/such/file", "No such file"]);
    let directory = refusal(&[&base[..], &[env!("CARGO_MANIFEST_DIR")]].concat());
    assert_says(&directory, &["is a directory"]);
}

#[test]
fn an_empty_input_needs_no_broker_and_succeeds() {
    let output = produce_to_nobody(&["--topic", "t"], b"");
    assert_eq!(status(&output), 0, "{output:?}");
    assert_says(&stderr(&output), &["0 records, 0 bytes", "0 acknowledged"]);
    assert_eq!(stdout(&output), "");
}

#[test]
fn without_a_broker_each_record_fails_in_its_time_and_the_summary_says_why() {
    let output = produce_to_nobody(&["--topic", "t"], b"one\ntwo\nthree");
    assert_eq!(status(&output), 1, "{output:?}");
    let why = ["3 records", "3 failed:", "  3, the first: TIMED_OUT", "connection refused"];
    assert_says(&stderr(&output), &why);
}

#[test]
fn with_sync_each_failure_is_printed_where_its_offset_would_be() {
    let extra = ["--topic", "not a topic", "--sync"];
    let output = produce_to_nobody(&extra, b"one\ntwo\n");
    assert_eq!(status(&output), 1, "{output:?}");
    let lines = stdout(&output);
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(lines.lines().all(|l| l.starts_with("error: INVALID_TOPIC_EXCEPTION: ")), "{lines}");
}

#[test]
fn a_line_without_the_key_separator_fails_by_its_number_and_the_next_ones_are_tried() {
    let extra = ["--topic", "t", "--key-separator", "::", "--sync"];
    let output = produce_to_nobody(&extra, b"a:b\nkey::value\nc");
    assert_eq!(status(&output), 1, "{output:?}");
    let lines = stdout(&output);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert_eq!(lines[0], "error: line 1 has no key separator \"::\"");
    assert_says(lines[1], &["TIMED_OUT"]);
    assert_says(lines[2], &["line 3"]);
    assert_says(&stderr(&output), &["3 failed:", "  2, the first: line 1 has no key separator"]);
}

#[test]
fn a_line_longer_than_any_record_may_be_is_refused_by_its_number() {
    let extra = ["--topic", "t", "--config", "max.request.size=100", "--sync"];
    let long = b"x".repeat(1000);
    let output = produce_to_nobody(&extra, &[&long[..], b"\n"].concat());
    assert_eq!(status(&output), 1, "{output:?}");
    assert_eq!(stdout(&output), "error: line 1 is longer than max.request.size\n");
}

/// Sends the signal of Ctrl-C; waits for the end.
fn interrupt(mut child: Child) -> Output {
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("there is a kill").success());
    let mut output =
        Output { status: child.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
    child.stdout.take().expect("it is piped").read_to_end(&mut output.stdout).unwrap();
    child.stderr.take().expect("it is piped").read_to_end(&mut output.stderr).unwrap();
    output
}

#[test]
fn ctrl_c_ends_a_wait_for_input_with_the_summary_and_status_130() {
    let port = closed_port();
    let base = ["produce", "--bootstrap-servers", &port, "--topic", "not a topic", "--sync"];
    let mut child = ottla(&base).spawn().unwrap();
    // The input stays open, and the answer to its first line shows that the command is at work.
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"one\n").unwrap();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_says(&line, &["INVALID_TOPIC"]);
    child.stdout = Some(out.into_inner());
    let output = interrupt(child);
    assert_eq!(status(&output), 130);
    assert_says(&stderr(&output), &["1 records", "1 failed:"]);
    drop(stdin);
}

#[test]
fn ctrl_c_ends_a_wait_for_a_broker_and_says_that_its_record_was_not_sent() {
    let port = closed_port();
    let base = ["produce", "--bootstrap-servers", &port, "--topic", "t"];
    let mut child = ottla(&base).spawn().unwrap();
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(b"one\n").unwrap();
    // The first warning of the broker that is not there shows that the record waits for it.
    let mut err = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert_says(&line, &["connection refused"]);
    child.stderr = Some(err.into_inner());
    let output = interrupt(child);
    assert_eq!(status(&output), 130);
    assert_says(&stderr(&output), &["1 failed:", "not sent: interrupted"]);
    drop(stdin);
}

/// `perf` with `--json`: the status, and the one object that is all of stdout.
fn perf(servers: &str, extra: &[&str]) -> (i32, Value) {
    let base = ["perf", "--bootstrap-servers", servers, "--json"];
    let output = run(&[&base, extra].concat(), b"");
    let object =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e} {output:?}"));
    (status(&output), object)
}

#[test]
fn perf_without_a_broker_reports_every_record_as_failed_with_the_reason() {
    let sizes = ["--topic", "t", "--num-records", "3", "--record-size", "10"];
    let extra = [&sizes[..], &["--config", "max.block.ms=50", "--threads", "2"]].concat();
    let (status, object) = perf(&closed_port(), &extra);
    assert_eq!(status, 1);
    assert_eq!(object["records"], 3);
    assert_eq!((&object["acked"], &object["failed"]), (&0.into(), &3.into()));
    assert!(object["latency_ms"].is_null());
    let (reason, count) = object["failures"].as_object().unwrap().iter().next().unwrap();
    assert_says(reason, &["TIMED_OUT", "connection refused"]);
    assert_eq!(*count, 3);
}

#[test]
fn perf_refuses_sizes_and_rates_that_mean_nothing() {
    let base = ["perf", "--bootstrap-servers", "localhost:9092", "--topic", "t"];
    for wrong in [
        ["--num-records=0", "--record-size=1", "--threads=1"],
        ["--num-records=1", "--record-size=-1", "--threads=1"],
        ["--num-records=1", "--record-size=1", "--threads=0"],
        ["--num-records=1", "--record-size=1", "--throughput=0"],
    ] {
        let output = run(&[&base[..], &wrong[..]].concat(), b"");
        assert_eq!(status(&output), 2, "{wrong:?}");
        assert_says(&stderr(&output), &["invalid value"]);
    }
}

fn cluster(extra: &[&str]) -> (Child, String, String) {
    cluster_of(&[&["cluster", "--control-port", "0"], extra].concat())
}

/// `ottla cluster` with a control port, and what its first two lines say.
fn cluster_of(args: &[&str]) -> (Child, String, String) {
    let mut child = ottla(args).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut read = |key: &str| {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line.trim_end().strip_prefix(key).unwrap_or_else(|| panic!("{key}: {line}")).to_owned()
    };
    let (servers, control) = (read("bootstrap.servers="), read("control.port="));
    child.stdout = Some(out.into_inner());
    (child, servers, format!("127.0.0.1:{control}"))
}

#[test]
fn a_cluster_says_where_it_is_takes_records_and_ends_with_ctrl_c_and_status_0() {
    let (child, servers, _) = cluster(&["--brokers", "3", "--topic", "letters:2"]);
    assert_eq!(servers.split(',').count(), 3, "{servers}");
    let base = ["produce", "--bootstrap-servers", &servers, "--topic", "letters"];
    let output = run(&[&base[..], &["--sync", "--partition", "1"]].concat(), b"one\ntwo\n");
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(stdout(&output), "letters-1@0\nletters-1@1\n");
    let output = interrupt(child);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_eq!(stderr(&output), "");
}

/// The commands in the README's blocks for a shell, in words, without comments.
fn commands_of_the_readme() -> Vec<Vec<&'static str>> {
    let blocks = include_str!("../README.md").split("\n```sh\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("\n```").next().unwrap_or(block).lines());
    let words = |line: &'static str| line.split_whitespace().take_while(|word| *word != "#");
    lines.map(|line| words(line).collect()).collect()
}

#[test]
fn the_commands_of_the_readme_do_what_it_says() {
    let mut commands = commands_of_the_readme();
    // `make test` is what runs this test. `make demo` builds a release, which takes minutes.
    let makefile = include_str!("../Makefile");
    for goal in ["demo", "test"] {
        assert_eq!(commands.remove(0), ["make", goal]);
        assert!(makefile.contains(&format!("\n{goal}:\n")), "make {goal}");
    }
    let [produce, perf, cluster] = &mut commands[..] else { panic!("{commands:?}") };
    // Others may use the ports.
    cluster.iter_mut().filter(|word| ["9092", "9099"].contains(word)).for_each(|port| *port = "0");
    let (brokers, servers, _) = cluster_of(&cluster[1..]);
    for command in [&mut *produce, &mut *perf] {
        let server = command.iter_mut().find(|word| **word == "127.0.0.1:9092");
        *server.expect("the address of the documents") = &servers;
    }
    let redirected = produce.split_off(produce.len() - 2);
    assert_eq!(redirected, ["<", "letters.txt"]);
    let output = run(&produce[1..], b"Milena:Dear Milena\nFelice:Dearest Felice\n");
    assert_eq!(status(&output), 0, "{output:?}");
    assert_says(&stderr(&output), &["2 records", "2 acknowledged"]);
    // Fewer, as this is no release.
    *perf.iter_mut().find(|word| **word == "1000000").expect("a million") = "10000";
    let output = run(&perf[1..], b"");
    assert_eq!(status(&output), 0, "{output:?}");
    assert_says(&stdout(&output), &["acknowledged             10000\n", "MB/s"]);
    assert_eq!(status(&interrupt(brokers)), 0);
}

#[test]
fn a_control_port_answers_each_line_and_what_it_breaks_is_broken() {
    let (child, servers, control) = cluster(&["--brokers", "2", "--topic", "t:1"]);
    let stream = TcpStream::connect(&control).unwrap();
    let mut answers = BufReader::new(&stream);
    let mut ask = |line: &str| {
        (&stream).write_all(line.as_bytes()).unwrap();
        let mut read = || {
            let mut line = String::new();
            answers.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let mut lines = vec![read()];
        let count = lines[0].strip_prefix("ok ").map_or(0, |count| count.parse().unwrap());
        lines.extend((0..count).map(|_| read()));
        lines
    };
    assert_says(&ask("help\n").join("\n"), &["ok ", "\nkill N ", "\nhealth "]);
    assert_says(&ask("kill everyone\n")[0], &["error INVALID_ARGUMENT", "`everyone`"]);
    assert_eq!(ask("error TOPIC_AUTHORIZATION_FAILED topic=t times=1\n"), ["ok 1", "fault 1"]);
    let base = ["produce", "--bootstrap-servers", &servers, "--topic", "t", "--sync"];
    let output = run(&base, b"one\ntwo\n");
    assert_eq!(status(&output), 1, "{output:?}");
    let lines = stdout(&output);
    let mut lines = lines.lines();
    assert_says(lines.next().unwrap(), &["error: TOPIC_AUTHORIZATION_FAILED"]);
    assert_says(lines.next().unwrap(), &["t-0@0"]);
    let requests = ask("requests\n");
    assert_eq!(requests[0], format!("ok {}", requests.len() - 1));
    assert_says(&requests[1], &[r#""api":"ApiVersions""#, r#""correlation_id":"#, r#""number":0"#]);
    let json = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let produced = ask("produced\n");
    let values: Vec<Value> = produced[1..].iter().map(|line| json(line)["value"].clone()).collect();
    assert_eq!(values, ["one", "two"]);
    assert_eq!(json(&ask("records t 0\n")[1])["value"], "two");
    // A restart under its clients; what they sent is still there.
    for _ in 0..5 {
        assert_eq!(ask("kill 1\n"), ["ok 0"]);
        assert_says(&ask("kill 1\n")[0], &["broker 1 does not run"]);
        assert_eq!(ask("start 1\n"), ["ok 0"]);
        assert_eq!(status(&run(&base, b"three\n")), 0);
    }
    assert_eq!(ask("records t 0\n")[0], "ok 6");
    (&stream).write_all(b"\xff\n").unwrap();
    assert_says(&ask("health\n")[0], &["error INVALID_UTF8"]);
    let endless = TcpStream::connect(&control).unwrap();
    // It is answered before it is all read, and then nobody reads.
    let _ = (&endless).write_all(&[b'x'; 64 << 10]);
    let mut answer = String::new();
    let _ = BufReader::new(&endless).read_line(&mut answer);
    assert_says(&answer, &["error INVALID_ARGUMENT", "65536 bytes"]);
    // Both ends of the conversation are open when the cluster ends.
    assert_eq!(status(&interrupt(child)), 0);
}

#[test]
fn a_cluster_that_cannot_be_is_refused_in_one_line() {
    assert_says(&refusal(&["cluster", "--topic", "letters"]), &["`letters`", "NAME:PARTITIONS"]);
    assert_says(&refusal(&["cluster", "--brokers", "0"]), &["brokers is 0", "1 to 1000"]);
    assert_says(&refusal(&["cluster", "--topic", "a b:3"]), &["a b"]);
    assert_says(&refusal(&["cluster", "--topic", "t:0"]), &["partitions"]);
    assert_says(&refusal(&["cluster", "--port", "65535", "--brokers", "2"]), &["65536"]);
    assert_says(&refusal(&["cluster", "--replication-factor", "2"]), &["replication.factor is 2"]);
    assert_says(&refusal(&["cluster", "--config", "linger.ms=5"]), &["linger.ms"]);
    for (extra, named) in [(["--brokers", "many"], "'many'"), (["--broker", "3"], "'--brokers'")] {
        let output = run(&[&["cluster"][..], &extra].concat(), b"");
        assert_eq!(status(&output), 2, "{output:?}");
        assert_says(&stderr(&output), &[named, "--brokers"]);
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    assert_says(&refusal(&["cluster", "--port", &port]), &[&port, "cannot be taken"]);
}

/// The cluster, and a topic of this run that is made by its first use.
fn kafka(name: &str) -> (String, String) {
    let servers = std::env::var("OTTLA_TEST_BOOTSTRAP").expect("OTTLA_TEST_BOOTSTRAP is set");
    (servers, format!("cli-{name}-{}", std::process::id()))
}

#[test]
#[ignore = "needs a real Kafka"]
fn kafka_sync_prints_the_offset_of_each_record_in_order() {
    let (servers, topic) = kafka("sync");
    let base = ["produce", "--bootstrap-servers", &servers, "--topic", &topic];
    let extra = ["--partition", "1", "--sync", "--key-separator", ":", "--headers", "a=b,c="];
    let output = run(&[&base[..], &extra].concat(), b"k:one\nno key\n\xff\0:\xfe\nk:last");
    assert_eq!(status(&output), 1, "{output:?}");
    let expected = format!(
        "{topic}-1@0\nerror: line 2 has no key separator \":\"\n{topic}-1@1\n{topic}-1@2\n"
    );
    assert_eq!(stdout(&output), expected);
    assert_says(&stderr(&output), &["4 records, 12 bytes", "3 acknowledged", "1 failed:"]);
}

#[test]
#[ignore = "needs a real Kafka"]
fn kafka_gets_every_line_of_a_stream_and_a_partition_that_is_not_there_fails() {
    let (servers, topic) = kafka("stream");
    let base = ["produce", "--bootstrap-servers", &servers, "--topic", &topic];
    let lines: Vec<u8> = (0..20_000).flat_map(|i| format!("line {i}\n").into_bytes()).collect();
    let output = run(&base, &lines);
    assert_eq!(status(&output), 0, "{output:?}");
    assert_says(&stderr(&output), &["20000 records", "20000 acknowledged"]);
    let output = run(&[&base[..], &["--partition", "9999"]].concat(), b"x");
    assert_eq!(status(&output), 1, "{output:?}");
    assert_says(&stderr(&output), &["has no partition 9999"]);
}

#[test]
#[ignore = "needs a real Kafka"]
fn kafka_perf_counts_every_record_and_keeps_to_its_throughput() {
    let (servers, topic) = kafka("perf");
    let load = ["--topic", &topic, "--num-records", "4000", "--record-size", "100"];
    let extra = ["--throughput", "2000", "--threads", "3", "--keyed", "--print-metrics"];
    let (status, object) = perf(&servers, &[&load[..], &extra].concat());
    assert_eq!(status, 0);
    assert_eq!((&object["records"], &object["acked"]), (&4000.into(), &4000.into()));
    assert_eq!(object["failed"], 0);
    let number = |name: &str| object[name].as_f64().unwrap_or_else(|| panic!("{name} {object}"));
    // The last record leaves after two seconds; a slow machine may be late, never early.
    assert!(number("seconds") >= 1.99, "{object}");
    assert!(number("records_per_second") <= 2010.0, "{object}");
    assert!(number("cpu_seconds") > 0.0 && number("max_rss_mb") > 0.5, "{object}");
    let latency = |name: &str| object["latency_ms"][name].as_f64().unwrap();
    let quantiles = ["p50", "p95", "p99", "p999", "max"].map(latency);
    assert!(quantiles[0] > 0.0 && quantiles.is_sorted(), "{object}");
    assert_eq!(object["metrics"]["record-ack-total"], 4000);
}
