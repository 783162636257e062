//! The entry points, driven over a small corpus and thousands of damages to it that are the same
//! in each run.

use super::*;

/// How many damaged inputs each target gets.
const RUNS: usize = 6000;

const FRAMES: &str = include_str!("../../tests/vectors/protocol_frames.json");
const BROKER_FRAMES: &str = include_str!("../../tests/vectors/broker_frames.json");
const BATCHES: &str = include_str!("../../tests/vectors/record_batches.json");

fn cases(text: &str) -> Vec<serde_json::Value> {
    let file: serde_json::Value = serde_json::from_str(text).expect("JSON");
    file["cases"].as_array().expect("cases").clone()
}

fn unhex(value: &serde_json::Value) -> Option<Vec<u8>> {
    let pairs = value.as_str()?.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// Frames of the Java client and of brokers, as `kind` wants them.
fn frames(kind: &str) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for case in cases(FRAMES).into_iter().chain(cases(BROKER_FRAMES)) {
        let frame = unhex(&case["frame_hex"]).expect("a frame").split_off(4);
        let place = KEYS.iter().position(|key| Some(i64::from(*key)) == case["key"].as_i64());
        if case["kind"] != kind {
            continue;
        }
        match (kind, place) {
            ("response", Some(place)) => {
                let version = case["version"].as_i64().expect("a version") as u8;
                seeds.push([&[place as u8, version], &frame[..]].concat());
            }
            _ => seeds.push(frame),
        }
    }
    seeds
}

/// One to four damages: a byte, a cut, a doubled part, a length at its extremes.
fn damage(input: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    for _ in 0..rng.usize(1..5) {
        let at = rng.usize(..input.len().max(1));
        match rng.u8(..8) {
            0 => input.truncate(at),
            1 => {
                let part = input[at..input.len().min(at + rng.usize(..20))].to_vec();
                drop(input.splice(at..at, part));
            }
            2 => input.extend([0, 0, 0, 1]),
            3 => drop(input.splice(at..input.len().min(at + 4), [0x7f, 0xff, 0xff, 0xff])),
            4 => drop(input.splice(at..input.len().min(at + 5), [0xff, 0xff, 0xff, 0xff, 0x0f])),
            5 => drop(input.splice(at..input.len().min(at + 2), [0xff, 0xfe])),
            6 => input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << rng.u8(..8)),
            _ => input.iter_mut().skip(at).take(1).for_each(|byte| *byte = rng.u8(..)),
        }
    }
}

fn drive(seeds: Vec<Vec<u8>>, runs: usize, target: fn(&[u8])) {
    assert!(seeds.len() >= 4, "{} seeds", seeds.len());
    seeds.iter().for_each(|seed| target(seed));
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..runs {
        let mut input = seeds[rng.usize(..seeds.len())].clone();
        damage(&mut input, &mut rng);
        target(&input);
    }
}

#[test]
fn damaged_responses_do_no_harm() {
    drive(frames("response"), RUNS, response);
}

#[test]
fn damaged_requests_do_no_harm() {
    drive(frames("request"), RUNS, request);
}

#[test]
fn damaged_record_batches_do_no_harm() {
    let hex = |case: serde_json::Value| {
        case.as_object().expect("a case").values().filter_map(unhex).find(|b| b.len() > 60)
    };
    drive(cases(BATCHES).into_iter().filter_map(hex).collect(), RUNS, record_batches);
}

#[test]
fn damaged_configurations_do_no_harm() {
    let seeds = [
        "bootstrap.servers=a:1,[::1]:9092\nacks=all\nlinger.ms=5",
        "bootstrap.servers=localhost:9092\nbatch.size=16384\nenable.idempotence=false\nacks=0",
        "delivery.timeout.ms=1\nrequest.timeout.ms=2147483647\nretries=-1",
        "buffer.memory=99999999999999999999\nclient.id=\u{fffd}\nlog.level=debug",
        "compression.type=zstd\nsecurity.protocol=SSL\nqueue.buffering.max.ms=0.5",
    ];
    drive(seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect(), RUNS / 4, configuration);
}
