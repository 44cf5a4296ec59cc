"""Times Ed25519 in portable code beside a SHA-256: one JSON object a line, on both runtimes.

`micropython tests/bench/bench_ed25519.py`, with the sources on the path.
"""

import json
from hashlib import sha256

from leafkey.compat import MICROPYTHON
from leafkey.crypto import ed25519
from leafkey.crypto.sha512 import sha512
from tests.bench.timing import least_us

MESSAGE = bytes(range(48))
KEY = ed25519.SigningKey(bytes(range(32)))
SIGNATURE = KEY.sign(MESSAGE)
RUNTIME = "micropython-unix" if MICROPYTHON else "cpython"


def hashes():
    """A hundred of them: one is too short for the clock."""
    for _ in range(100):
        sha256(MESSAGE).digest()


def main():
    """Print the records."""
    for name, step, count in (
        ("sha256_48_bytes", hashes, 100),
        ("sha512_48_bytes", lambda: sha512(MESSAGE), 1),
        ("ed25519_key", lambda: ed25519.SigningKey(bytes(32)), 1),
        ("ed25519_sign", lambda: KEY.sign(MESSAGE), 1),
        ("ed25519_verify", lambda: ed25519.verify(KEY.public, SIGNATURE, MESSAGE), 1),
    ):
        us = least_us(step) / count
        print(json.dumps({"name": name, "runtime": RUNTIME, "us": round(us, 3)}))


main()
