"""The types that the package declares: right in themselves, and those of the native module."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
WRONG = """
import ottla
producer = ottla.Producer()
producer.send(5)
producer.send("t", partition="one")
producer.send("t", report=False).result()
ottla.Delivery()
"""


def run(*args: str, cwd=None) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", *args], capture_output=True, text=True, cwd=cwd,
                          timeout=200, check=False)


def test_a_typed_program_passes_mypy_strict(tmp_path):
    done = run("mypy", "--strict", str(HERE / "typed.py"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_mistakes_are_found(tmp_path):
    (tmp_path / "wrong.py").write_text(WRONG)
    done = run("mypy", "--strict", "wrong.py", cwd=tmp_path)
    lines = [line for line in WRONG.splitlines() if "producer.send" in line]
    assert done.stdout.count("error:") >= len(lines), done.stdout


def test_the_package_itself_passes_mypy_strict(tmp_path):
    done = run("mypy", "--strict", "-p", "ottla", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


@pytest.mark.filterwarnings("default")
def test_the_stubs_are_those_of_the_native_module(tmp_path):
    done = run("mypy.stubtest", "ottla", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
