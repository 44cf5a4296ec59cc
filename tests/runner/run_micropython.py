"""Run the both-runtimes unit tests on MicroPython.

Usage: `python -m tests.runner.run_micropython [FILE...]`; all of `tests/unit` without arguments.

Each file gets a process of its own with a board's heap. Two comment lines, used sparingly, ask for
more: `# heap: 1m` and `# timeout: 120` (seconds). A file in which no test ran has failed. All of
it runs compiled, as boards freeze it, where mpy-cross is at hand: compiling would take more of that
heap than running.
"""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from tests.runner import cross

ROOT = Path(__file__).resolve().parents[2]
RUNNER = ROOT / "tests" / "runner" / "micropython" / "run_module.py"
SOURCES = ("shared", "firmware", ".")
# A board's heap, and room for the code: a board has it in flash, this port loads it into its heap,
# where every object is twice a board's size.
HEAP = "320k"
# The architecture of MicroPython's unix port on the machines it is published for.
HOST = "x64"
TIMEOUT = 60
AT_ONCE = 2


class Outcome(NamedTuple):
    """What came of one file; `output` is what it printed."""

    name: str
    passed: int
    failed: int
    seconds: float
    output: str


def interpreter() -> str:
    """Path of the MicroPython to run: MICROPYTHON, else the one in this virtual environment."""
    return os.environ.get("MICROPYTHON") or str(Path(sys.executable).parent / "micropython")


def compiled() -> bool:
    """Compile what runs for this machine's MicroPython; False where that cannot be.

    RuntimeError with the compiler's words if something does not compile.
    """
    command = cross.compiler()
    if command is None or platform.machine() != "x86_64" or sys.platform != "linux":
        return False
    problems = cross.compile_all(command, (HOST,), [*cross.sources(), *cross.tests()])
    if problems:
        raise RuntimeError("\n".join(problems))
    # The vectors are looked for beside the tests.
    (cross.OUTPUT / HOST / "tests" / "vectors").symlink_to(ROOT / "tests" / "vectors")
    return True


def environment(root: Path = ROOT) -> dict[str, str]:
    """The process environment in which MicroPython finds the modules and its own asyncio."""
    ready = cross.OUTPUT / HOST
    sources = [str(ready)] if root == ROOT and ready.is_dir() else []
    places = sources + [str(root / source) for source in SOURCES]
    return {**os.environ, "MICROPYPATH": ":".join([*places, ".frozen"])}


def _asked(source: str, word: str, default: str) -> str:
    found = re.search(rf"^# {word}: (\w+)$", source, re.MULTILINE)
    return found.group(1) if found else default


def _timeout(source: str) -> float:
    return float(_asked(source, "timeout", str(TIMEOUT)))


def _module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts)


def _outcome(name: str, seconds: float, code: int, output: str) -> Outcome:
    found = re.search(r"^passed (\d+) failed (\d+)\s*$", output, re.MULTILINE)
    passed, failed = (int(found.group(1)), int(found.group(2))) if found else (0, 0)
    if code != 0 and failed == 0:
        failed = 1
        output += f"exit code {code}" + ("" if passed else ", no test ran") + "\n"
    return Outcome(name, passed, failed, seconds, output)


def run_file(path: Path, root: Path = ROOT) -> Outcome:
    """Run one test file in a process of its own, ended at its time limit."""
    source = path.read_text(encoding="utf-8")
    name = _module_name(path, root)
    heap = "heapsize=" + _asked(source, "heap", HEAP)
    timeout = _timeout(source)
    command = [interpreter(), "-X", heap, str(RUNNER), name]
    start = time.monotonic()
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment(root),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode("utf-8", "replace")
        return Outcome(name, 0, 1, timeout, output + f"\nended after {timeout:g} s\n")
    seconds = time.monotonic() - start
    return _outcome(name, seconds, done.returncode, done.stdout.decode("utf-8", "replace"))


def _files(arguments: list[str]) -> list[Path]:
    if arguments:
        return [Path(argument).resolve() for argument in arguments]
    return sorted((ROOT / "tests" / "unit").rglob("test_*.py"))


def _run(files: list[Path]) -> Iterator[Outcome]:
    """Yield outcomes as they come. What may take longest begins first."""
    longest_first = sorted(files, key=lambda file: -_timeout(file.read_text(encoding="utf-8")))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in as_completed([pool.submit(run_file, file) for file in longest_first]):
            yield done.result()


def main(arguments: list[str]) -> int:
    """Run the files named, or all, and return the exit code: 0 only if all passed."""
    how = "compiled" if compiled() else "from source"
    print(f"MicroPython, {how}, heaps of {HEAP} unless a file asks for more")
    passed = failed = 0
    for outcome in _run(_files(arguments)):
        passed += outcome.passed
        failed += outcome.failed
        mark = "FAILED" if outcome.failed else "ok"
        print(f"{mark:6} {outcome.passed:4}  {outcome.seconds:5.1f} s  {outcome.name}", flush=True)
        if outcome.failed:
            print(outcome.output)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
