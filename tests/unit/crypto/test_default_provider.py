"""Which provider a runtime gets by default, and what it gets without its fast backend."""

import sys
import unittest

from leafkey.compat import MICROPYTHON
from leafkey.crypto.provider import default_provider
from leafkey.errors import UnsupportedError
from tests.unit.crypto.backends import all_backends

FAST = "leafkey.crypto.native" if MICROPYTHON else "leafkey.crypto.pyca"


class WithoutFastBackend(unittest.TestCase):
    def setUp(self):
        all_backends()
        self.module = sys.modules[FAST]
        # An entry that is no module makes its import fail on both runtimes.
        sys.modules[FAST] = None  # pyright: ignore[reportArgumentType]

    def tearDown(self):
        sys.modules[FAST] = self.module

    def test_the_portable_one_serves_and_says_so(self):
        provider = default_provider()
        self.assertEqual(provider.name, "portable")
        self.assertEqual(len(provider.chacha20_block(bytes(32), bytes(16))), 64)
        self.assertEqual(provider.aead(24).tag_size, 16)

    def test_aes_is_there_where_the_runtime_has_one(self):
        provider = default_provider()
        if MICROPYTHON:
            self.assertEqual(provider.aead(10).tag_size, 8)
        else:
            with self.assertRaises(UnsupportedError):
                provider.aead(10)


class WithFastBackend(unittest.TestCase):
    def test_the_fast_one_serves(self):
        self.assertEqual(default_provider().name, "native" if MICROPYTHON else "pyca")


if __name__ == "__main__":
    unittest.main()
