"""The pytest fixture `ottla_cluster`: a cluster of three brokers for one test.

    def test_it(ottla_cluster):
        with ottla.Producer(bootstrap_servers=ottla_cluster.bootstrap_servers) as producer: ...

Other brokers or topics: `@pytest.mark.ottla_cluster(brokers=1, topics={"letters": 3})`.
"""

from collections.abc import Iterator

import pytest

from ottla.cluster import Cluster


def pytest_configure(config: pytest.Config) -> None:
    """Makes the mark known."""
    config.addinivalue_line(
        "markers", "ottla_cluster(brokers, topics, …): arguments of the ottla.Cluster of a test"
    )


@pytest.fixture
def ottla_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster that ends with the test."""
    mark = request.node.get_closest_marker("ottla_cluster")
    args = mark.args if mark else ()
    kwargs = mark.kwargs if mark else {}
    with Cluster(*args, **{"brokers": 3, **kwargs} if not args else kwargs) as cluster:
        yield cluster
