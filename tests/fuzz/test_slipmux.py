"""The slipmux decoder on what hypothesis makes: chunks, noise, and a good frame after it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from leafkey.coap import slipmux
from leafkey.coap.slipmux import COAP, DIAGNOSTIC, Decoder

# Bytes that mean something to the decoder come often.
BYTES = st.one_of(st.sampled_from((0xC0, 0xDB, 0xDC, 0xDD, 0x0A, 0xA9)), st.integers(0, 255))
NOISE = st.lists(BYTES, max_size=300).map(bytes)
CONTENTS = st.one_of(NOISE, st.binary(max_size=40))
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=20)
LIMIT = 300


def fed(decoder: Decoder, data: bytes, cuts: list[int]) -> list:
    """What comes of a stream whose pieces have these sizes, over and over."""
    frames = []
    start = turn = 0
    while start < len(data):
        end = start + cuts[turn % len(cuts)]
        frames += decoder.feed(data[start:end])
        start, turn = end, turn + 1
    return frames


def frame(kind: int, content: bytes) -> bytes:
    if kind == COAP:
        return slipmux.encode(content)
    return slipmux.encode_diagnostic(content.decode("latin-1"))


def received(kind: int, content: bytes) -> bytes:
    return content if kind == COAP else content.decode("latin-1").encode() + b"\n"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from((COAP, DIAGNOSTIC)), CONTENTS), max_size=5), CUTS)
def test_frames_come_back_however_they_are_cut(frames, cuts):
    wire = b"".join(frame(*sent) for sent in frames)
    expected = [(kind, received(kind, content)) for kind, content in frames]
    assert fed(Decoder(), wire, cuts) == expected


@settings(max_examples=500, deadline=None)
@given(NOISE, st.binary(min_size=4, max_size=LIMIT), CUTS)
def test_a_good_frame_after_noise_is_received(noise, message, cuts):
    decoder = Decoder(LIMIT)
    frames = fed(decoder, noise + slipmux.encode(message), cuts)
    assert frames[-1:] == [(COAP, message)]
    assert len(decoder._buffer) == LIMIT + 3


@settings(max_examples=500, deadline=None)
@given(NOISE, CUTS)
def test_cuts_make_no_difference(noise, cuts):
    assert fed(Decoder(LIMIT), noise, cuts) == Decoder(LIMIT).feed(noise)


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=4, max_size=60), st.integers(0, 200), st.integers(0, 7))
def test_one_bit_that_is_wrong_never_makes_another_message(message, position, bit):
    wire = bytearray(slipmux.encode(message))
    wire[position % len(wire)] ^= 1 << bit
    messages = [content for kind, content in Decoder().feed(bytes(wire)) if kind == COAP]
    assert messages in ([], [message])
