"""No key material in what is printed, logged, raised or represented."""

import pytest

from tests.lint import secrets
from tests.lint.sources import below, parse

# What a person asked to see: these commands print the key they are asked for.
ASKED_FOR = {"manager/leafmanager/cli/derive.py", "manager/leafmanager/cli/pseudonym.py"}


def test_nothing_shows_a_secret():
    problems = [
        f"{source.path}:{line}: {name}"
        for source in below("shared", "firmware", "manager")
        if source.path not in ASKED_FOR
        for line, name in secrets.findings(source)
    ]
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "print(key)",
        "print(f'{self.psk}')",
        "print('%s' % slot.ct)",
        "log.warning('bad', verif_k)",
        "raise ValueError(secret.hex())",
        "raise DecodeError(f'not a key: {session_key!r}')",
        "def __repr__(self):\n    return f'<{self.leaf}>'",
    ],
)
def test_a_shown_secret_is_found(text):
    assert list(secrets.findings(parse(text)))


@pytest.mark.parametrize(
    "text",
    ["print(len(key))", "f'{type(psk)}'", "raise ValueError('key has 32 bytes')", "f(key)"],
)
def test_what_only_speaks_about_a_secret_passes(text):
    assert list(secrets.findings(parse(text))) == []
