"""The command `leafkey` as its users run it: a process of its own."""

import io
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from leafmanager.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "leafmanager.cli.main"]
PATIENCE = 20


class Result(NamedTuple):
    """How a command ended, and what it said."""

    returncode: object
    stdout: str
    stderr: str


class Leafkey:
    """Runs commands on one state directory, in a working directory beside it."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.state = directory / "state"
        paths = f"{ROOT / 'shared'}:{ROOT / 'manager'}"
        self.environment = os.environ | {
            "PYTHONPATH": paths,
            "LEAFKEY_STATE": str(self.state),
            "LEAFKEY_CAM_STATE": str(directory / "cam"),
            "PYTHONUNBUFFERED": "1",
            "COLUMNS": "200",
        }

    def run(self, *arguments: str, stdin: str = "") -> "Result":
        """Run a command to its end, whatever that is, in this process: that takes a tenth."""
        out, err = io.StringIO(), io.StringIO()
        before = (sys.argv, sys.stdin, dict(os.environ), os.getcwd())
        sys.argv, sys.stdin = ["leafkey", *arguments], io.StringIO(stdin)
        os.environ.update(self.environment)
        os.chdir(self.directory)
        try:
            with redirect_stdout(out), redirect_stderr(err):
                main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        finally:
            sys.argv, sys.stdin, environment, directory = before
            os.environ.clear()
            os.environ.update(environment)
            os.chdir(directory)
        return Result(code, out.getvalue(), err.getvalue())

    def spawn(self, *arguments: str) -> "Result":
        """Run a command to its end as a process of its own."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            cwd=self.directory,
            env=self.environment,
            timeout=PATIENCE,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Run a command that succeeds; return what it prints."""
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def fails(self, *arguments: str, code: int = 1, stdin: str = "") -> str:
        """Run a command that fails as a user's mistake does; return the error's two lines."""
        result = self.run(*arguments, stdin=stdin)
        assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
        assert "Traceback" not in result.stderr
        assert result.stderr.startswith("error: "), result.stderr
        assert len(result.stderr.splitlines()) == 2, result.stderr
        assert not result.stdout
        return result.stderr


class Serving:
    """A `leafkey serve` that runs; `lines` is what it printed so far, errors included."""

    words = ("serve",)
    command = COMMAND

    def __init__(self, leafkey: Leafkey, *arguments: str):
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [*self.command, *self.words, "--host", "127.0.0.1", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=leafkey.directory,
            env=leafkey.environment,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.port = self._ready()
        except AssertionError:
            self.kill()
            raise

    def _ready(self) -> int:
        return int(re.findall(r"\d+", self.line("ready"))[-1])

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def line(self, part: str) -> str:
        """Wait for a line that contains `part`."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for line in list(self.lines):
                if part in line:
                    return line
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"no line with {part!r} among {self.lines}")

    def stop(self) -> int:
        """End it as an operator does; return its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append(line.rstrip())


class CamServing(Serving):
    """A `leafkey cam serve` that runs."""

    words = ("cam", "serve")
