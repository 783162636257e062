//! What one can do to a running cluster, as lines of text: the control port of `ottla cluster` and
//! the C API speak it. Each line is one call of [`Cluster`], and no more than that.

mod fault;
mod json;
mod words;

#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::words::{Words, api_key, parse, wrong};
use super::cluster::Cluster;
use super::faults::{Fault, FaultId};
use super::journal::Arrival;
use crate::error::Result;

/// The commands, a line each: how it is written, and behind two spaces what it does.
pub const HELP: &str = "\
kill N                  a broker dies; its port refuses
stop N                  a broker ends in order
start N                 a broker that is down starts again
pause N                 a broker does nothing; its connections stay
resume N                a paused broker goes on
clients N cut|mend      the network between a broker and its clients
network N M cut|mend    the network between two brokers
controller N cut|mend   the network between a broker and the controller
pretend N [API=FIRST-LAST]…  a broker serves these APIs in no other versions; none: it is itself
topic NAME PARTITIONS [REPLICAS] [KEY=VALUE]…  makes a topic
leader TOPIC PARTITION N     a replica that is in sync becomes the leader
isr TOPIC PARTITION N,N      all other replicas fall out of sync, until `replicate`
replicate TOPIC PARTITION N yes|no  a replica replicates, or does not
elect                   preferred leaders take over
quota BYTES|none        a client that writes more in a second is held back
error CODE              requests fail
error-after CODE        requests are done, and answered with an error
delay MS                requests are begun later
throttle MS             clients are told to wait
drop                    requests are forgotten
drop-response           requests are done and not answered
close                   connections are closed instead
close-after             requests are done, then connections are closed
half-response           half of each response is sent, then connections are closed
drip BYTES MS           responses are sent slowly
corrupt-response        responses make no sense
fail-handler            the broker's code fails
  behind these, any of  api=API broker=N topic=TOPIC partition=PARTITION skip=COUNT times=COUNT
heal [FAULT]            a fault ends, or all faults do
bootstrap               bootstrap.servers
brokers                 the brokers and their states
broker N                one of them
controller              the active controller
topics                  the topics and how many partitions they have
partition TOPIC PARTITION    who leads and hosts a partition
replica N TOPIC PARTITION    how far a broker's replica is
records TOPIC PARTITION [N]  the records that the leader has, or that broker
requests [FROM]         the requests that arrived, all or from that number on
produced [FROM]         their records
frame NUMBER            a request in hexadecimal digits
count                   how many requests ever arrived
forget                  forgets the requests
connections             how many connections are open
health                  whether all is well
help                    this";

impl Cluster {
    /// Does what a line of [`HELP`] says; nothing, if a word of it is wrong, which the error names.
    /// The answer is lines without an end of line behind the last; most often there are none.
    /// What is not a single word or number is a JSON object on each line.
    pub fn obey(&self, line: &str) -> Result<String> {
        let mut words = Words::of(line);
        let command = words.text("a command")?;
        match command {
            "kill" | "stop" | "start" | "pause" | "resume" => {
                let id = words.number("N")?;
                words.end()?;
                self.obey_life(command, id).map(nothing)
            }
            "clients" | "network" | "pretend" => self.obey_network(command, &mut words),
            "controller" => match words.optional("N")? {
                None => Ok(self.controller().map(|id| id.to_string()).unwrap_or_default()),
                Some(id) => {
                    let cut = words.either("cut", "mend")?;
                    words.end()?;
                    self.cut_from_controller(id, cut).map(nothing)
                }
            },
            "topic" => self.obey_topic(&mut words),
            "leader" | "isr" | "replicate" => self.obey_partition(command, &mut words),
            "partition" | "replica" | "records" => self.look_at_partition(command, &mut words),
            "requests" | "produced" | "frame" => self.look_at_requests(command, &mut words),
            "broker" => {
                let id = self.known(words.number("N")?)?;
                words.end()?;
                Ok(self.broker(id).to_string())
            }
            "heal" => {
                let id = words.optional("FAULT")?;
                words.end()?;
                id.map_or_else(|| self.heal_all(), |id| self.heal(FaultId(id)));
                Ok(String::new())
            }
            "quota" => {
                let rate = words.text("BYTES or none")?;
                words.end()?;
                let rate = Some(rate).filter(|word| *word != "none");
                let rate = rate.map(|word| parse("BYTES", word)).transpose()?;
                self.set_producer_byte_rate(rate);
                Ok(String::new())
            }
            "elect" | "forget" | "bootstrap" | "brokers" | "topics" | "count" | "connections"
            | "health" | "help" => {
                words.end()?;
                Ok(self.obey_word(command))
            }
            _ => Ok(format!("fault {}", self.inject(Fault::parse(line)?).0)),
        }
    }

    /// The commands of one word.
    fn obey_word(&self, command: &str) -> String {
        match command {
            "elect" => {
                self.elect_preferred_leaders();
                String::new()
            }
            "forget" => {
                self.forget_requests();
                String::new()
            }
            "bootstrap" => self.bootstrap_servers(),
            "brokers" => json::lines(self.broker_ids().into_iter().map(|id| self.broker(id))),
            "topics" => {
                let topics = self.topics().into_iter();
                json::lines(
                    topics.map(
                        |(name, partitions)| json!({ "topic": name, "partitions": partitions }),
                    ),
                )
            }
            "count" => self.request_count().to_string(),
            "connections" => self.connections().to_string(),
            "health" => json::health(&self.health()).to_string(),
            _ => HELP.to_owned(),
        }
    }

    /// The commands about the life of one broker.
    fn obey_life(&self, command: &str, id: i32) -> Result<()> {
        match command {
            "kill" => self.kill_broker(id),
            "stop" => self.stop_broker(id),
            "start" => self.start_broker(id),
            "pause" => self.pause_broker(id),
            _ => self.resume_broker(id),
        }
    }

    /// The commands about what is between brokers and others.
    fn obey_network(&self, command: &str, words: &mut Words<'_>) -> Result<String> {
        let id = self.known(words.number("N")?)?;
        match command {
            "clients" => {
                let cut = words.either("cut", "mend")?;
                words.end()?;
                self.cut_clients(id, cut);
            }
            "network" => {
                let other = self.known(words.number("M")?)?;
                let cut = words.either("cut", "mend")?;
                words.end()?;
                self.cut_brokers(id, other, cut);
            }
            _ => {
                let mut versions = Vec::new();
                while let Some(word) = words.next() {
                    versions.push(api_versions(word)?);
                }
                self.pretend_versions(id, &versions);
            }
        }
        Ok(String::new())
    }

    /// Makes a topic.
    fn obey_topic(&self, words: &mut Words<'_>) -> Result<String> {
        let (name, partitions) = (words.text("NAME")?, words.number("PARTITIONS")?);
        let (mut replicas, mut config) = (None, Vec::new());
        while let Some(word) = words.next() {
            match word.split_once('=') {
                Some(pair) => config.push(pair),
                None if replicas.is_none() => replicas = Some(parse("REPLICAS", word)?),
                None => return Err(wrong(format!("`{word}` is not KEY=VALUE"))),
            }
        }
        self.create_replicated_topic(name, partitions, replicas, &config).map(nothing)
    }

    /// The commands that change a partition.
    fn obey_partition(&self, command: &str, words: &mut Words<'_>) -> Result<String> {
        let (topic, partition) = (words.text("TOPIC")?, words.number("PARTITION")?);
        match command {
            "leader" => {
                let id = words.number("N")?;
                words.end()?;
                self.move_leader(topic, partition, id)?;
            }
            "isr" => {
                let ids = words.text("N,N")?.split(',').map(|word| parse("N", word));
                let ids = ids.collect::<Result<Vec<i32>>>()?;
                words.end()?;
                ids.iter().try_for_each(|id| self.known_replica(*id, topic, partition))?;
                self.shrink_isr(topic, partition, &ids);
            }
            _ => {
                let (id, may) = (words.number("N")?, words.either("yes", "no")?);
                words.end()?;
                self.known_replica(id, topic, partition)?;
                self.let_replicate(id, topic, partition, may);
            }
        }
        Ok(String::new())
    }

    /// The commands that look at a partition.
    fn look_at_partition(&self, command: &str, words: &mut Words<'_>) -> Result<String> {
        let mut id = match command {
            "replica" => Some(words.number("N")?),
            _ => None,
        };
        let (topic, index) = (words.text("TOPIC")?, words.number("PARTITION")?);
        if command == "records" {
            id = words.optional("N")?;
        }
        words.end()?;
        let none = || wrong(format!("there is no partition {index} of a topic `{topic}`"));
        let image = self.partition(topic, index).ok_or_else(none)?;
        match (command, id) {
            ("partition", _) => Ok(json::partition(topic, index, &image).to_string()),
            ("replica", Some(id)) => {
                let none = || wrong(format!("broker {id} has no replica of {topic}-{index}"));
                let status = self.replica(id, topic, index).ok_or_else(none)?;
                Ok(json::replica(&status).to_string())
            }
            (_, None) => Ok(json::lines(self.records(topic, index).iter().map(json::record))),
            (_, Some(id)) => {
                let records = self.records_of(self.known(id)?, topic, index);
                Ok(json::lines(records.iter().map(json::record)))
            }
        }
    }

    /// The commands that look at what arrived.
    fn look_at_requests(&self, command: &str, words: &mut Words<'_>) -> Result<String> {
        let all = |from: Option<u64>| {
            let requests = self.requests().into_iter();
            requests.filter(move |arrival| from.is_none_or(|from| arrival.number >= from))
        };
        if command == "frame" {
            let number = words.number("NUMBER")?;
            words.end()?;
            let found = all(Some(number)).next().filter(|arrival| arrival.number == number);
            let gone = || wrong(format!("request {number} did not arrive or is forgotten"));
            return Ok(json::hex(&found.ok_or_else(gone)?.frame));
        }
        let from = words.optional("FROM")?;
        words.end()?;
        if command == "requests" {
            return Ok(json::lines(all(from).map(|arrival| json::request(&arrival))));
        }
        let records = |arrival: Arrival| {
            let records = arrival.records();
            let objects = records.iter().map(|record| json::produced(&arrival, record));
            objects.collect::<Vec<Value>>()
        };
        Ok(json::lines(all(from).flat_map(records)))
    }

    /// A broker as JSON.
    fn broker(&self, id: i32) -> Value {
        let state = self.broker_state(id).map(|state| format!("{state:?}"));
        let history = self.broker_history(id);
        let history: Vec<String> = history.iter().map(|state| format!("{state:?}")).collect();
        json!({ "broker": id, "state": state, "history": history })
    }

    /// A broker's number, if there is such a broker.
    fn known(&self, id: i32) -> Result<i32> {
        let known = self.broker_ids().contains(&id);
        known.then_some(id).ok_or_else(|| wrong(format!("there is no broker {id}")))
    }

    /// An error, unless the broker hosts the partition.
    fn known_replica(&self, id: i32, topic: &str, index: i32) -> Result<()> {
        match self.partition(topic, index) {
            None => Err(wrong(format!("there is no partition {index} of a topic `{topic}`"))),
            Some(image) if !image.replicas.contains(&id) => {
                Err(wrong(format!("broker {id} does not host {topic}-{index}")))
            }
            Some(_) => Ok(()),
        }
    }
}

/// The answer of a command that has none.
fn nothing((): ()) -> String {
    String::new()
}

/// `API=FIRST-LAST` or `API=VERSION`.
fn api_versions(word: &str) -> Result<(i16, i16, i16)> {
    let Some((api, versions)) = word.split_once('=') else {
        return Err(wrong(format!("`{word}` is not API=FIRST-LAST")));
    };
    let (first, last) = versions.split_once('-').unwrap_or((versions, versions));
    let (first, last) = (parse("FIRST", first)?, parse("LAST", last)?);
    if !(0..=last).contains(&first) {
        return Err(wrong(format!("`{word}` has no versions: FIRST is not 0 to LAST")));
    }
    Ok((api_key(api)?, first, last))
}
