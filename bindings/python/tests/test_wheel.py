"""What is published, which test.sh made: a wheel for many, and a source distribution."""

import importlib.metadata
import pathlib
import re
import subprocess
import sys
import tarfile
import venv
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
DIST = ROOT / "build" / "python" / "dist"
[WHEEL] = DIST.glob("*.whl")
TAG = r"cp311-abi3-manylinux_2_\d+_(x86_64|aarch64)"


def test_the_wheel_is_for_many_linuxes_and_every_python_from_3_11():
    assert re.fullmatch(rf"ottla-[\d.]+-{TAG}\.whl", WHEEL.name)
    installed = importlib.metadata.distribution("ottla").read_text("WHEEL")
    assert re.findall(r"^Tag: (.*)$", installed, re.M) == [WHEEL.stem.split("-", 2)[2]]
    shown = subprocess.run([sys.executable, "-m", "auditwheel", "show", WHEEL], check=True,
                           capture_output=True, text=True).stdout
    assert WHEEL.stem.rsplit("-", 1)[1] in shown, shown
    names = zipfile.ZipFile(WHEEL).namelist()
    assert "ottla/_native.abi3.so" in names and "ottla/py.typed" in names
    assert any(name.endswith("/LICENSE") for name in names)


def test_the_wheel_works_where_there_is_neither_a_compiler_nor_anything_else(tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    alone = {"env": {"PATH": str(python.parent)}, "cwd": tmp_path, "check": True, "timeout": 120}
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", WHEEL], **alone)
    subprocess.run([python, "-X", "dev", pathlib.Path(__file__).with_name("smoke.py")], **alone)


def test_the_source_distribution_has_the_crate_and_all_that_a_build_takes():
    [packed] = DIST.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for name in ["pyproject.toml", "setup.py", "LICENSE", "README.md", "src/native/ottla_native.h",
                 "src/ottla/py.typed", "crate/Cargo.toml", "crate/Cargo.lock", "crate/src/lib.rs",
                 "crate/include/ottla.h", "crate/scripts/lib.sh", "crate/scripts/static_lib.sh"]:
        assert name in names, name
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "src").rglob("*.rs")}
    assert {f"crate/{path}" for path in sources} <= names
