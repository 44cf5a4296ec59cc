"""Times the ChaCha20 block and the sha256 suite: one JSON object a line, on both runtimes.

`micropython tests/bench/bench_chacha20.py`, with the sources on the path. A figure is the best of
several repetitions, in microseconds a call; every repetition starts on a collected heap.
"""

import gc
import json
import time
from hashlib import sha256

from leafkey.compat import MICROPYTHON
from leafkey.crypto import chacha20

if MICROPYTHON:
    from leafkey.crypto.chacha20_viper import block as fast_block
else:
    from leafkey.crypto.pyca import PycaProvider

    fast_block = PycaProvider.chacha20_block

KEY = bytes(range(32))
NONCE = bytes(range(16))
REPETITIONS = 25
BATCH_US = 8000


if MICROPYTHON:
    now_us = time.ticks_us
    elapsed_us = time.ticks_diff
else:

    def now_us() -> float:
        """Return microseconds that count up."""
        return time.perf_counter_ns() / 1000

    def elapsed_us(end: float, start: float) -> float:
        """Return the time between two readings."""
        return end - start


def batch_us(function, a, b, count: int) -> float:
    """Return the time of `count` calls."""
    gc.collect()
    start = now_us()
    for _ in range(count):
        function(a, b)
    return elapsed_us(now_us(), start)


def best_us(function, a, b) -> float:
    """Return the best time of one call."""
    count = 1
    while batch_us(function, a, b, count) < BATCH_US:
        count *= 2
    return min(batch_us(function, a, b, count) for _ in range(REPETITIONS)) / count


def sha256_suite(key: bytes, data: bytes) -> bytes:
    """Return what the sha256 suite computes for one node: one compression of 48 bytes."""
    return sha256(key + data).digest()


def runtime() -> str:
    """Return the name of this runtime as the benchmark report spells it."""
    return "micropython-unix" if MICROPYTHON else "cpython"


def main():
    """Print the records."""
    figures = [
        ("chacha20_block_portable", chacha20.block),
        ("chacha20_block_viper" if MICROPYTHON else "chacha20_block_pyca", fast_block),
        ("sha256_48_bytes", sha256_suite),
    ]
    for name, function in figures:
        us = best_us(function, KEY, NONCE)
        print(json.dumps({"name": name, "runtime": runtime(), "us": round(us, 3)}))


main()
