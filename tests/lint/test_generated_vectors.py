"""The committed vectors are what their independent generators write."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
GENERATORS = sorted(VECTORS.glob("*/generate.py"))


@pytest.mark.parametrize("generator", GENERATORS, ids=[path.parent.name for path in GENERATORS])
def test_generator_reproduces_the_committed_files(generator, tmp_path):
    module = "tests.vectors." + generator.parent.name + ".generate"
    command = [sys.executable, "-m", module, tmp_path]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    committed = {name: (generator.parent / name).read_text(encoding="utf-8") for name in written}
    assert written
    assert written == committed


@pytest.mark.parametrize("generator", GENERATORS, ids=[path.parent.name for path in GENERATORS])
def test_generator_does_not_import_leafkey(generator):
    assert "leafkey" not in generator.read_text(encoding="utf-8").replace("Leafkey", "")
