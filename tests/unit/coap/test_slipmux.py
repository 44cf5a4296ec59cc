"""slipmux frames: the published vectors, and what noise and chunks cannot do."""

import unittest

from leafkey.coap import slipmux
from leafkey.coap.parameters import MAX_DATAGRAM
from leafkey.coap.slipmux import COAP, DIAGNOSTIC, Decoder
from tests.support import vectors

PING = b"\x40\x00\x12\x34"


def wire_frames(case: dict) -> list:
    return [(kind, vectors.unhex(content)) for kind, content in case["frames"]]


def fed(decoder: Decoder, data: bytes, size: int) -> list:
    """What comes of a stream in pieces of `size` bytes."""
    frames = []
    for start in range(0, len(data), size):
        frames += decoder.feed(data[start : start + size])
    return frames


class VectorTest(unittest.TestCase):
    def test_the_fcs(self):
        for name, case in vectors.load("slipmux/fcs"):
            data = vectors.unhex(case["data"])
            final = slipmux.fcs(data, len(data)) ^ 0xFFFF
            self.assertEqual(bytes((final & 0xFF, final >> 8)), vectors.unhex(case["fcs"]), name)

    def test_frames(self):
        for name, case in vectors.load("slipmux/frames"):
            content, wire = vectors.unhex(case["content"]), vectors.unhex(case["wire"])
            if case["kind"] == COAP:
                self.assertEqual(slipmux.encode(content), wire, name)
            else:
                self.assertEqual(slipmux.encode_diagnostic(content[:-1].decode()), wire, name)
            self.assertEqual(Decoder().feed(wire), [(case["kind"], content)], name)

    def test_streams_in_one_piece(self):
        for name, case in vectors.load("slipmux/streams"):
            self.assertEqual(Decoder().feed(vectors.unhex(case["stream"])), wire_frames(case), name)

    def test_streams_in_small_pieces(self):
        for name, case in vectors.load("slipmux/streams"):
            stream = vectors.unhex(case["stream"])
            for size in (1, 2, 7):
                self.assertEqual(fed(Decoder(), stream, size), wire_frames(case), name)


class DecoderTest(unittest.TestCase):
    def test_one_decoder_outlives_everything(self):
        decoder = Decoder()
        for name, case in vectors.load("slipmux/streams"):
            self.assertEqual(
                fed(decoder, vectors.unhex(case["stream"]), 5), wire_frames(case), name
            )

    def test_a_limit_of_its_own(self):
        decoder = Decoder(8)
        for size in range(1, 12):
            frames = decoder.feed(slipmux.encode(b"\xc0" * size))
            self.assertEqual(frames, [(COAP, b"\xc0" * size)] if size <= 8 else [])

    def test_memory_does_not_grow(self):
        decoder = Decoder()
        for byte in (0x00, COAP, DIAGNOSTIC, 0xDB, 0xDC):
            for _ in range(40):
                self.assertEqual(decoder.feed(bytes((byte,)) * 257), [])
            self.assertEqual(len(decoder._buffer), MAX_DATAGRAM + 3)
            decoder.feed(slipmux.END)
        self.assertEqual(decoder.feed(slipmux.encode(PING)), [(COAP, PING)])

    def test_nothing_is_no_frame(self):
        self.assertEqual(Decoder().feed(b""), [])


if __name__ == "__main__":
    unittest.main()
