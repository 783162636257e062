"""Every snippet of the Python pages is run, against the embedded cluster."""

import pathlib
import re
import subprocess
import sys

import pytest

import ottla

ROOT = pathlib.Path(__file__).resolve().parents[3]
PAGES = ["docs/python.md", "bindings/python/README.md", "README.md"]
ADDRESS = re.compile(r"(localhost|127\.0\.0\.1):9092")


def snippets():
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for number, found in enumerate(re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)):
            yield pytest.param(found.group(1), id=f"{page}-{number}")


@pytest.mark.parametrize("snippet", list(snippets()))
@pytest.mark.ottla_cluster(brokers=3, topics={"letters": 3, "orders": 3})
def test_a_snippet_runs(snippet, ottla_cluster, tmp_path):
    program = tmp_path / "test_snippet.py"
    servers = ottla_cluster.bootstrap_servers
    program.write_text("import ottla\n" + ADDRESS.sub(servers, snippet), encoding="utf-8")
    how = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if "def test_" in snippet else []
    done = subprocess.run([sys.executable, "-W", "error", *how, str(program)], timeout=60,
                          capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr


def test_the_pages_have_snippets_and_name_what_there_is():
    assert len(list(snippets())) > 8
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    for name in ottla.__all__:
        if name.endswith("Error") and name not in page:
            assert name in ("FatalError", "InCallbackError", "InterruptedError", "NetworkError",
                            "NotImplementedError", "PartitionerError"), f"{name} is not told"


def test_the_example_with_ctypes_sends_what_the_others_do_in_sixty_lines(own):
    example = ROOT / "examples" / "produce_ctypes.py"
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 60
    topic = own.topic(1)
    subprocess.run([sys.executable, str(example), own.servers, topic], check=True, timeout=60,
                   env={"LD_LIBRARY_PATH": str(ROOT / "build" / "lib")})
    sent = [(record["key"], record["value"], record["headers"])
            for record in own.cluster.records(topic, 0)]
    assert sent == [("ottla", "a letter", [["from", "Franz"], ["note", None]]),
                    (None, "a postcard without a key", []), ("ottla", None, [["empty", ""]]),
                    ("", "", [])]
