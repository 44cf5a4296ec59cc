"""Check types with pyright, once as CPython and once as MicroPython."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {
    "CPython": ROOT / "pyproject.toml",
    "MicroPython": ROOT / "tests" / "runner" / "pyright_micropython.json",
}


def check(runtime: str, project: Path) -> bool:
    """Print pyright's findings for one runtime and return whether there are none."""
    pyright = Path(sys.executable).parent / "pyright"
    command = [str(pyright), "--project", str(project)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(f"types on {runtime}: {done.stdout.strip() or done.stderr.strip()}", flush=True)
    return done.returncode == 0


def main() -> int:
    """Return the exit code: 0 only if both runtimes are clean."""
    results = [check(runtime, project) for runtime, project in PROJECTS.items()]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
