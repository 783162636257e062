//! Each field of each answer, bent in each way, once and for as long as records live.

use std::cell::Cell;
use std::rc::Rc;

use super::*;
use crate::wire::Uuid;
use crate::wire::messages::api_versions::{FinalizedFeatureKey, SupportedFeatureKey};
use crate::wire::messages::produce::BatchIndexAndErrorMessage;
use crate::wire::testing::{BENDS, Bend, bent};

/// Fills in what the model leaves out, so that there is more to bend.
trait Enrich: Message {
    fn enrich(&mut self, version: i16);
}

impl Enrich for ApiVersionsResponse {
    fn enrich(&mut self, version: i16) {
        if version >= 3 {
            self.supported_features = vec![SupportedFeatureKey::default(); 2];
            self.finalized_features_epoch = 3;
            self.finalized_features = vec![FinalizedFeatureKey::default()];
            self.zk_migration_ready = true;
        }
    }
}

impl Enrich for MetadataResponse {
    fn enrich(&mut self, version: i16) {
        self.cluster_id = Some("cluster".into());
        self.controller_id = 1;
        self.brokers.iter_mut().for_each(|broker| broker.rack = Some("rack".into()));
        for topic in &mut self.topics {
            topic.is_internal = version > 0;
            for partition in &mut topic.partitions {
                partition.replica_nodes = vec![1, 2];
                partition.isr_nodes = vec![1, 2];
                partition.offline_replicas = vec![3];
            }
        }
    }
}

impl Enrich for InitProducerIdResponse {
    fn enrich(&mut self, _version: i16) {}
}

impl Enrich for ProduceResponse {
    fn enrich(&mut self, version: i16) {
        let partitions = self.responses.iter_mut().flat_map(|t| &mut t.partition_responses);
        for partition in partitions.filter(|_| version >= 8) {
            if ErrorCode::from(partition.error_code) == ErrorCode::INVALID_RECORD {
                partition.record_errors = vec![BatchIndexAndErrorMessage {
                    batch_index: 0,
                    batch_index_error_message: Some("bad".into()),
                }];
                partition.error_message = Some("one is bad".into());
            }
        }
        self.node_endpoints.iter_mut().for_each(|node| node.rack = Some("rack".into()));
        assert!(self.responses.iter().all(|topic| version < 13 || topic.topic_id != Uuid::ZERO));
    }
}

/// Bends each field of `M` in one version and scene. Returns how many fields there were.
fn bend_all<M: Enrich>(version: i16, scene: Scene, tally: &mut Tally) -> usize {
    for target in 0.. {
        // Reset by the first answer that has so many fields.
        let past = Rc::new(Cell::new(true));
        let both = version == *M::VERSIONS.start() || version == *M::VERSIONS.end();
        let ways = BENDS.into_iter().flat_map(|bend| [(bend, true), (bend, false)]);
        for (number, (bend, once)) in ways.enumerate() {
            // Between the first version and the last one, one of two.
            if !both && once == ((target + number / 2) % 2 == 0) {
                continue;
            }
            let label = format!("{} v{version}: {scene:?} {target} {bend:?} {once}", M::NAME);
            let (name, past) = (Rc::new(Cell::new("")), past.clone());
            let change = move |header: &RequestHeader, good: &Bytes| {
                let decoded = frame::decode_response::<M>(good.clone(), header.api_version);
                let (id, mut answer) = decoded.expect("a good answer");
                answer.enrich(header.api_version);
                let (bytes, field) = bent(&mut answer, header.api_version, id, target, bend)?;
                name.set(field);
                past.set(false);
                Some(bytes)
            };
            let change = Box::new(change);
            let (api, label) = (M::KEY, label.as_str());
            Case { label, api, version, scene, once, change }.run(tally);
        }
        if past.get() {
            return target;
        }
    }
    unreachable!("messages have an end")
}

fn every_version<M: Enrich>(scenes: &[Scene], fields_min: usize, cases_min: usize) {
    let mut tally = Tally::default();
    for version in M::VERSIONS {
        for scene in scenes {
            let fields = bend_all::<M>(version, *scene, &mut tally);
            assert!(fields >= fields_min, "{} v{version} {scene:?}: {fields}", M::NAME);
        }
    }
    println!("{}: {tally:?}", M::NAME);
    assert!(tally.cases >= cases_min, "{tally:?}");
}

#[test]
fn any_field_of_api_versions_may_be_bent() {
    every_version::<ApiVersionsResponse>(&[Scene::Start], 10, 100);
}

#[test]
fn any_field_of_metadata_may_be_bent() {
    every_version::<MetadataResponse>(&[Scene::Start, Scene::Moved], 10, 100);
}

#[test]
fn any_field_of_a_producer_id_may_be_bent() {
    every_version::<InitProducerIdResponse>(&[Scene::Start], 4, 100);
}

#[test]
fn any_field_of_a_produce_answer_may_be_bent() {
    let scenes = [Scene::Start, Scene::Refused, Scene::Hinted];
    every_version::<ProduceResponse>(&scenes, 7, 100);
}

#[test]
fn a_field_that_is_not_bent_is_as_it_was() {
    let mut answer = ProduceResponse::default();
    let good = super::super::model::response(answer.clone(), 9, 7);
    // Zero is what the number was.
    let (bytes, name) = bent(&mut answer, 9, 7, 2, Bend::Zero).expect("a field");
    assert_eq!((bytes, name), (good, "throttle_time_ms"));
}
