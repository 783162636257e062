"""ottla.Cluster: the embedded cluster and its faults, and the fixture of the pytest plugin."""

import pytest
from waiting import until

import ottla


@pytest.mark.ottla_cluster(brokers=2, topics={"letters": 3})
def test_the_fixture_takes_the_arguments_of_its_mark(ottla_cluster):
    assert len(ottla_cluster.ask("brokers")) == 2
    with ottla.Producer(bootstrap_servers=ottla_cluster.bootstrap_servers) as producer:
        assert len(producer.partitions_for("letters")) == 3
        producer.send("letters", "v", partition=1).result(30)
    [record] = ottla_cluster.records("letters", 1)
    assert record["value"] == "v"
    assert ottla_cluster.records("letters", 0) == []


def test_without_a_mark_the_fixture_has_three_brokers(ottla_cluster):
    assert len(ottla_cluster.bootstrap_servers.split(",")) == 3


def test_a_cluster_can_be_configured():
    keys = {"num.partitions": 7}
    with ottla.Cluster(config=keys, auto_create_topics_enable=True) as cluster:
        with ottla.Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            assert len(producer.partitions_for("new")) == 7
    with pytest.raises(ottla.ConfigurationError, match="brokers"):
        ottla.Cluster(brokers=0)


def test_faults_strike_and_heal():
    with ottla.Cluster(brokers=3, topics={"letters": 1}) as cluster:
        leader = cluster.leader("letters", 0)
        cluster.move_leader("letters", 0, leader % 3 + 1)
        assert cluster.leader("letters", 0) == leader % 3 + 1
        fault = cluster.inject("error INVALID_RECORD api=Produce times=1")
        other = cluster.inject("delay 1")
        with ottla.Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            assert producer.send("letters", "v").exception(30).name == "INVALID_RECORD"
            assert producer.send("letters", "v").result(30).ok
            cluster.heal(fault)
            cluster.heal(other)
            cluster.heal()
            cluster.stop(1)
            cluster.start(1)
            cluster.kill(1)
            until(lambda: cluster.leader("letters", 0) != 1, "another leader")
            producer.send("letters", "v").result(30)
        assert any(request["api"] == "Produce" for request in cluster.requests())
        assert "kill N" in cluster.command("help")
        with pytest.raises(ottla.InvalidArgumentError, match="dance"):
            cluster.command("dance")


def test_a_cluster_that_is_closed_says_so():
    cluster = ottla.Cluster()
    cluster.close()
    cluster.close()
    with pytest.raises(ottla.ClosedError, match="the cluster is closed"):
        cluster.command("health")


def test_a_long_answer_is_whole():
    with ottla.Cluster(topics={"letters": 1}) as cluster:
        with ottla.Producer(bootstrap_servers=cluster.bootstrap_servers) as producer:
            producer.send_many("letters", ["x" * 1000] * 500).result(30)
        assert len(cluster.records("letters", 0)) == 500
