"""Builds the native module: C against Python's limited API, with libottla.a inside.

Where libottla.a comes from: the folder that OTTLA_LIB names, else `scripts/lib.sh` of the
repository, which takes cargo. Users of the wheel need neither that nor a compiler. A source
distribution has the crate inside, as `cargo package` packs it.
"""

import os
import pathlib
import shutil
import subprocess
import sysconfig
import tarfile
import tempfile

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

HERE = pathlib.Path(__file__).resolve().parent
PACKED = HERE / "crate"
ROOT = PACKED if PACKED.exists() else HERE.parent.parent
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def version():
    """The version of the crate: there is one for all languages."""
    lines = (ROOT / "Cargo.toml").read_text(encoding="utf-8").splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


class BuildExt(build_ext):
    """Makes libottla.a first, and says so if it cannot."""

    def run(self):
        folder = pathlib.Path(os.environ.get("OTTLA_LIB", ROOT / "build" / "lib"))
        if "OTTLA_LIB" not in os.environ:
            subprocess.run([ROOT / "scripts" / "lib.sh"], check=True)
        library = folder / "libottla.a"
        if not library.exists():
            raise SystemExit(f"{library} is not there: OTTLA_LIB names the folder of libottla.a")
        for extension in self.extensions:
            extension.extra_objects.append(str(library))
            extension.depends.append(str(library))
        super().run()


class BdistWheel(bdist_wheel):
    """One wheel for CPython 3.11 and later; a free-threaded build is for its own version only."""

    def finalize_options(self):
        if not FREE_THREADED:
            self.py_limited_api = "cp311"
        super().finalize_options()


class Sdist(sdist):
    """With the crate in the folder `crate`."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        if PACKED.exists():
            shutil.copytree(PACKED, f"{base_dir}/crate", dirs_exist_ok=True)
            return
        with tempfile.TemporaryDirectory() as target:
            subprocess.run(["cargo", "package", "--quiet", "--no-verify", "--allow-dirty",
                            "--locked", "--target-dir", target], cwd=ROOT, check=True)
            [packed] = pathlib.Path(target, "package").glob("*.crate")
            with tarfile.open(packed) as archive:
                archive.extractall(target)
            shutil.move(pathlib.Path(target, packed.stem), f"{base_dir}/crate")


native = Extension(
    "ottla._native",
    sources=sorted(str(path.relative_to(HERE)) for path in (HERE / "src/native").glob("*.c")),
    depends=["src/native/ottla_native.h"],
    include_dirs=[str(ROOT / "include")],
    extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
    # Only PyInit__native is visible: two libraries with an Ottla inside do not meet.
    extra_link_args=["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-Wl,-s"],
    libraries=["pthread", "dl", "m"],
    py_limited_api=not FREE_THREADED,
)

setup(
    version=version(),
    ext_modules=[native],
    cmdclass={"build_ext": BuildExt, "bdist_wheel": BdistWheel, "sdist": Sdist},
)
