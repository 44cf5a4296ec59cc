"""The published vectors are what their generators write, byte for byte."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
# What a board can load beside its code (tests/vectors/README.md).
LARGEST = 16 * 1024


def generate(module: str, directory: Path) -> dict:
    subprocess.run([sys.executable, "-m", module, str(directory)], cwd=ROOT, check=True)
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def committed(suite: str) -> dict:
    return {path.name: path.read_bytes() for path in (VECTORS / suite).glob("*.json")}


def test_pat(tmp_path):
    assert generate("tests.vectors.generate_pat", tmp_path) == committed("pat")


def test_oscore(tmp_path):
    assert generate("tests.vectors.generate_oscore", tmp_path) == committed("oscore")


def test_ace(tmp_path):
    assert generate("tests.vectors.generate_ace", tmp_path) == committed("ace")


def test_group(tmp_path):
    assert generate("tests.vectors.generate_group", tmp_path) == committed("group")


def test_crypto(tmp_path):
    assert generate("tests.vectors.crypto.generate", tmp_path) == committed("crypto")


def test_coap(tmp_path):
    assert generate("tests.vectors.coap.generate", tmp_path) == committed("coap")


def test_slipmux(tmp_path):
    assert generate("tests.vectors.slipmux.generate", tmp_path) == committed("slipmux")


def test_cose(tmp_path):
    made = generate("tests.vectors.codec.generate", tmp_path)
    assert made.items() <= committed("codec").items()
    assert set(made) == {"cose_encrypt0.json", "cose_failure.json"}


@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for suite in ("pat", "oscore", "ace", "group")
        for path in (VECTORS / suite).glob("*.json")
    ),
    ids=lambda path: path.stem,
)
def test_a_board_can_load(path):
    assert path.stat().st_size < LARGEST


def test_the_generators_do_not_know_leafkey():
    sources = [*VECTORS.glob("**/*.py")]
    assert sources
    for source in sources:
        text = source.read_text(encoding="utf-8")
        assert "import leafkey" not in text, source
        assert "from leafkey" not in text, source
