//! Answers that end at each byte, and with each byte replaced.

use super::*;

/// How one byte is damaged; `None` is the end of the answer before it.
const DAMAGES: [Option<u8>; 5] = [None, Some(0), Some(0xff), Some(0x7f), Some(0x80)];

/// Runs a case for each byte, which begin behind the correlation id's.
fn every_byte(api: i16, versions: std::ops::RangeInclusive<i16>, scenes: &[Scene], min: usize) {
    let mut tally = Tally::default();
    for (version, scene) in versions.flat_map(|v| scenes.iter().map(move |scene| (v, *scene))) {
        for at in 0.. {
            let before = tally.cases;
            for (number, damage) in DAMAGES.into_iter().enumerate() {
                let label = format!("API {api} v{version}: {scene:?} byte {at} {damage:?}");
                let change = move |_: &RequestHeader, good: &Bytes| {
                    let mut bytes = good.to_vec();
                    match damage {
                        None => bytes.truncate(at),
                        Some(value) => *bytes.get_mut(at)? = value,
                    }
                    Some(bytes.into())
                };
                // Some once, some for ever.
                let once = (at + number) % 2 == 0;
                let change = Box::new(change);
                Case { label: &label, api, version, scene, once, change }.run(&mut tally);
            }
            if before == tally.cases {
                break;
            }
        }
    }
    println!("API {api}: {tally:?}");
    assert!(tally.cases >= min, "{tally:?}");
}

#[test]
fn any_byte_of_api_versions_may_be_wrong_or_missing() {
    every_byte(ApiVersionsRequest::KEY, ApiVersionsRequest::VERSIONS, &[Scene::Start], 100);
}

#[test]
fn any_byte_of_metadata_may_be_wrong_or_missing() {
    every_byte(MetadataRequest::KEY, MetadataRequest::VERSIONS, &[Scene::Start], 100);
}

#[test]
fn any_byte_of_a_producer_id_may_be_wrong_or_missing() {
    every_byte(InitProducerIdRequest::KEY, InitProducerIdRequest::VERSIONS, &[Scene::Start], 100);
}

#[test]
fn any_byte_of_a_produce_answer_may_be_wrong_or_missing() {
    let scenes = [Scene::Start, Scene::Refused, Scene::Hinted];
    every_byte(ProduceRequest::KEY, ProduceRequest::VERSIONS, &scenes, 100);
}
