//! Compressed batches: every codec from the producer through a broker and back.

use ottla::broker::{Cluster, ClusterConfig};

use super::rig::{Rig, persisted};

const CODECS: [&str; 4] = ["gzip", "snappy", "lz4", "zstd"];
const COUNT: u64 = 5000;

fn value(number: u64) -> Vec<u8> {
    format!("{{\"type\":\"order\",\"state\":\"accepted\",\"number\":{number}}}").into_bytes()
}

#[test]
fn every_codec_delivers_what_was_sent_in_fewer_bytes() {
    let topics = CODECS.iter().fold(ClusterConfig::brokers(1), |c, codec| c.topic(codec, 1));
    let cluster = Cluster::start(topics).unwrap();
    for codec in CODECS {
        let rig = Rig::new(&cluster, &[("compression.type", codec)]);
        (0..COUNT).for_each(|number| rig.send(codec, 0, &value(number), number));
        let reports = rig.reports();
        persisted(&reports);
        let offsets: Vec<i64> = reports.iter().map(|report| report.offset).collect();
        assert_eq!(offsets, (0..COUNT as i64).collect::<Vec<_>>());
        let records = cluster.records(codec, 0);
        assert_eq!(records.len() as u64, COUNT);
        for (number, record) in records.iter().enumerate() {
            assert_eq!(record.value.as_deref(), Some(&value(number as u64)[..]), "{codec}");
        }
        let metrics: serde_json::Value =
            serde_json::from_str(&rig.producer.metrics_json()).unwrap();
        let sent = metrics["byte-total"].as_u64().unwrap();
        assert!(sent < COUNT * 25, "{codec}: {sent} bytes");
        rig.producer.close(None).unwrap();
        let metrics: serde_json::Value =
            serde_json::from_str(&rig.producer.metrics_json()).unwrap();
        assert_eq!(metrics["buffer-available-bytes"], metrics["buffer-total-bytes"], "{codec}");
    }
}

#[test]
fn sends_wait_for_memory_that_is_being_compressed_and_go_on() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 4)).unwrap();
    let settings =
        [("compression.type", "zstd"), ("buffer.memory", "70000"), ("linger.ms", "1000")];
    let rig = Rig::new(&cluster, &settings);
    std::thread::scope(|scope| {
        for partition in 0..4 {
            let rig = &rig;
            scope.spawn(move || {
                (0..COUNT).for_each(|number| rig.send("t", partition, &value(number), number));
            });
        }
    });
    persisted(&rig.reports());
    for partition in 0..4 {
        let records = cluster.records("t", partition);
        assert!(
            records.iter().map(|record| record.value.clone().unwrap()).eq((0..COUNT).map(value))
        );
    }
}
