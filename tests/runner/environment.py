"""Set up the virtual environment: `python3 tests/runner/environment.py .venv {node,test}`.

Uses only the standard library and no syntax newer than Python 3.6, so that an older interpreter
says what is wrong instead of failing to parse. Versions come from constraints.txt.
"""

import os
import platform
import shutil
import subprocess
import sys

OLDEST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONSTRAINTS = os.path.join(ROOT, "constraints.txt")
BUILD = ["setuptools"]
STUBS = ["micropython-unix-stubs", "micropython-stdlib-stubs"]


class SetupError(Exception):
    """What a user reads: what is wrong and what to do."""


class Progress:
    """One line that is rewritten on a terminal; elsewhere a line for each stage."""

    def __init__(self):
        self.packages = 0
        self.terminal = sys.stdout.isatty()

    def show(self, text):
        """Show on a terminal what is being done now."""
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write("\r\033[K" + text[:width])
            sys.stdout.flush()

    def package(self, name):
        """Show the next package."""
        self.packages += 1
        self.show(f"fetching package {self.packages}: {name}")

    def stage(self, text):
        """Show a stage that is worth a line in a log too."""
        if not self.terminal:
            print(text, flush=True)
        self.show(text)

    def close(self, text):
        """End the display with a line that stays."""
        print(("\r\033[K" if self.terminal else "") + text, flush=True)


def check_python():
    """Raise SetupError unless this interpreter is new enough and can make an environment."""
    if sys.version_info < OLDEST:
        found = f"{sys.executable} is {platform.python_version()}"
        raise SetupError(
            f"Leafkey needs Python 3.11 or newer; {found}.\n"
            "Install one, or name it: make setup PYTHON=python3.12"
        )
    try:
        __import__("ensurepip")
        __import__("venv")
    except ImportError:
        raise SetupError(
            f"{sys.executable} cannot make virtual environments (no venv or ensurepip).\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        ) from None


def run(command, progress):
    """Run a command; show pip's progress; raise SetupError with its last lines when it fails."""
    lines = []
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    for line in process.stdout or ():
        lines.append(line.rstrip())
        words = line.split()
        if words[:1] == ["Collecting"]:
            progress.package(words[1])
        elif words[:1] == ["Installing"]:
            progress.show(f"installing {len(words) - 3} packages")
    if process.wait() != 0:
        raise SetupError("\n".join(lines[-15:]) + "\nfailed: " + " ".join(command))


def pip(venv, arguments, progress):
    """Run pip in the environment, bound to the pinned versions."""
    base = [os.path.join(venv, "bin", "python"), "-m", "pip", "--disable-pip-version-check"]
    run([*base, "install", "--no-input", "-c", CONSTRAINTS, *arguments], progress)


def link_micropython(venv):
    """Make `micropython` available where no wheel brings it: the one on the PATH."""
    inside = os.path.join(venv, "bin", "micropython")
    if os.path.exists(inside):
        return
    outside = os.environ.get("MICROPYTHON") or shutil.which("micropython")
    if not outside:
        raise SetupError(
            f"No prebuilt MicroPython for {platform.system()} {platform.machine()}.\n"
            "Install one (Debian: apt-get install micropython; macOS: brew install micropython), "
            "or name it: make setup MICROPYTHON=/path/to/it"
        )
    os.symlink(outside, inside)


def install(venv, extra):
    """Bring the environment to what `extra` needs; quick when most of it is there."""
    progress = Progress()
    # pip comes last: without it the environment was left half made.
    if not os.path.exists(os.path.join(venv, "bin", "pip")):
        progress.stage("making the virtual environment in " + os.path.relpath(venv, ROOT))
        run([sys.executable, "-m", "venv", "--clear", venv], progress)
    progress.stage("fetching what Leafkey needs")
    pip(venv, BUILD, progress)
    pip(venv, ["--no-build-isolation", "-e", f".[{extra}]"], progress)
    link_micropython(venv)
    if extra == "test":
        stubs = os.path.join(venv, "micropython-stubs")
        shutil.rmtree(stubs, ignore_errors=True)
        pip(venv, ["--no-deps", "--target", stubs, *STUBS], progress)
    progress.close(f"{os.path.relpath(venv, ROOT)} is ready")


def main(arguments):
    """Return the exit code; what is wrong is said without a traceback."""
    venv, extra = os.path.join(ROOT, arguments[0]), arguments[1]
    try:
        check_python()
        install(venv, extra)
    except SetupError as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
