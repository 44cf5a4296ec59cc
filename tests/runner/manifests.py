"""Read boards' manifests as MicroPython's build does, to know what a firmware freezes."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "boards"
NAMES = ("core", "server", "client", "microcoapy")


class Options:
    """What an including manifest passed, over what the included one takes for granted."""

    def __init__(self, given: dict[str, object]) -> None:
        self._given = given

    def defaults(self, **values: object) -> None:
        """Say what holds where nothing was passed."""
        self._given = {**values, **self._given}

    def __getattr__(self, name: str) -> object:
        return self._given.get(name)


class Manifest:
    """Evaluates a manifest; `frozen` maps the path on the board to the source file."""

    def __init__(self) -> None:
        self.frozen: dict[str, Path] = {}

    def include(self, path: str, **options: object) -> None:
        """Evaluate another manifest, unless it is one of MicroPython's own."""
        if path.startswith("$("):
            return
        file = Path(path).resolve()
        before = Path.cwd()
        os.chdir(file.parent)
        try:
            exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), self._names(options))
        finally:
            os.chdir(before)

    def _names(self, options: dict[str, object]) -> dict[str, object]:
        return {
            "include": self.include,
            "package": self.package,
            "module": self.module,
            "options": Options(options),
        }

    def package(
        self, name: str, files: list | None = None, base_path: str = ".", opt: int | None = None
    ) -> None:
        """Freeze a package: the files named, or all of its folder."""
        base = Path(base_path).resolve()
        chosen = [base / name / file for file in files] if files else (base / name).rglob("*.py")
        for file in chosen:
            self._add(file, base)

    def module(self, name: str, base_path: str = ".", opt: int | None = None) -> None:
        """Freeze one module."""
        base = Path(base_path).resolve()
        self._add(base / name, base)

    def _add(self, file: Path, base: Path) -> None:
        if not file.is_file():
            raise FileNotFoundError(file)
        self.frozen[file.relative_to(base).as_posix()] = file


def frozen(name: str) -> dict[str, Path]:
    """Return what `boards/manifest_NAME.py` freezes: path on the board -> source file."""
    manifest = Manifest()
    manifest.include(str(BOARDS / f"manifest_{name}.py"))
    return dict(sorted(manifest.frozen.items()))
