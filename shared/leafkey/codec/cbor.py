"""Deterministic CBOR (RFC 8949 section 4.2.1), strict in what it reads.

Every value has exactly one encoding: `decode` takes that one and refuses all others, so whatever it
accepts re-encodes to the same bytes, unless it is told to be lenient. Carried are
integers from -2^64 to 2^64-1, bytes, str, lists (tuples encode too), dicts with int, bytes or str
keys, True, False, None, floats and tags.
"""

from collections import namedtuple

from leafkey.codec import floats, utf8
from leafkey.codec.buffer import Reader
from leafkey.compat import const
from leafkey.errors import DecodeError, EncodeError

# Arrays, maps and tags that may lie within each other; bounds the recursion of both directions.
MAX_DEPTH = const(8)
# Data items in one message, keys and tags counted too; bounds the memory `decode` allocates.
MAX_ITEMS = const(256)

# Major types (RFC 8949 section 3.1) and what the low five bits of SIMPLE mean (section 3.3).
UINT = const(0)
NEGATIVE = const(1)
BYTES = const(2)
TEXT = const(3)
ARRAY = const(4)
MAP = const(5)
TAG = const(6)
SIMPLE = const(7)
FALSE = const(20)
TRUE = const(21)
NULL = const(22)
HALF = const(25)
SINGLE = const(26)
DOUBLE = const(27)

Tag = namedtuple("Tag", ("number", "value"))


def encode(value: object) -> bytes:
    """Return the one encoding of `value`.

    Raises EncodeError for a type, key type, integer or text that has none, and past MAX_DEPTH.
    """
    out = bytearray()
    _write(out, value, MAX_DEPTH)
    return bytes(out)


def decode(
    data: bytes,
    max_depth: int = MAX_DEPTH,
    max_items: int = MAX_ITEMS,
    lenient: bool = False,
) -> object:
    """Return the one value that fills `data` exactly.

    Raises DecodeError for anything but its deterministic encoding: bytes left over, longer forms,
    indefinite lengths, keys that repeat or are out of order, text that is not UTF-8, simple values
    other than false, true and null, nesting past `max_depth`, more than `max_items` items.

    `lenient` takes map keys in any order, and longer forms, as most protocols allow their peers
    (RFC 8949 section 5.1): what is encoded again then need not be the same.
    """
    reader = Reader(data)
    value = _Decoder(reader, max_items, lenient).item(max_depth)
    reader.end()
    return value


def decode_array(data: bytes, size: int, max_items: int = MAX_ITEMS) -> list:
    """Return the array of `size` items that fills `data`; DecodeError if it is anything else."""
    value = decode(data, MAX_DEPTH, max_items)
    if not isinstance(value, list) or len(value) != size:
        raise DecodeError("CBOR is not the array that belongs here")
    return value


def _write(out: bytearray, value: object, depth: int) -> None:
    if value is None or value is True or value is False:
        out.append(SIMPLE << 5 | (NULL if value is None else TRUE if value else FALSE))
    elif isinstance(value, int):
        _write_int(out, value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        _write_head(out, BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        _write_text(out, value)
    elif isinstance(value, float):
        out.extend(floats.encode(value))
    else:
        _write_container(out, value, depth - 1)


def _write_container(out: bytearray, value: object, depth: int) -> None:
    if depth < 0:
        raise EncodeError("nested too deeply")
    if isinstance(value, Tag):
        _write_tag(out, value, depth)
    elif isinstance(value, (list, tuple)):
        _write_head(out, ARRAY, len(value))
        for element in value:
            _write(out, element, depth)
    elif isinstance(value, dict):
        _write_map(out, value, depth)
    else:
        raise EncodeError("no CBOR form for this type")


def _write_tag(out: bytearray, tag: Tag, depth: int) -> None:
    if not _is_int(tag.number) or tag.number < 0:
        raise EncodeError("tag number")
    _write_head(out, TAG, tag.number)
    _write(out, tag.value, depth)


def _write_map(out: bytearray, value: dict, depth: int) -> None:
    pairs = []
    for key, element in value.items():
        if not _is_int(key) and not isinstance(key, (bytes, str)):
            raise EncodeError("map keys are integers, bytes or text")
        encoded = bytearray()
        _write(encoded, key, 0)
        pairs.append((bytes(encoded), element))
    pairs.sort(key=lambda pair: pair[0])
    _write_head(out, MAP, len(pairs))
    for encoded, element in pairs:
        out.extend(encoded)
        _write(out, element, depth)


def _write_int(out: bytearray, value: int) -> None:
    if value < 0:
        _write_head(out, NEGATIVE, -1 - value)
    else:
        _write_head(out, UINT, value)


def _write_text(out: bytearray, value: str) -> None:
    try:
        data = value.encode()
    except UnicodeError:
        raise EncodeError("text has no UTF-8 form")
    if not utf8.is_valid(data):
        raise EncodeError("text has no UTF-8 form")
    _write_head(out, TEXT, len(data))
    out.extend(data)


def _write_head(out: bytearray, major: int, argument: int) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for info in (24, 25, 26, 27):
        size = 1 << (info - 24)
        if argument >> (8 * size) == 0:
            out.append(major << 5 | info)
            out.extend(argument.to_bytes(size, "big"))
            return
    raise EncodeError("integer beyond 64 bits")


def _is_int(value: object) -> bool:
    # bool is a kind of int on CPython and is not on MicroPython.
    return isinstance(value, int) and value is not True and value is not False


class _Decoder:
    def __init__(self, reader: Reader, max_items: int, lenient: bool):
        self._reader = reader
        self._items_left = max_items
        self._lenient = lenient

    def item(self, depth: int) -> object:
        initial = self._initial()
        major = initial >> 5
        if major == SIMPLE:
            return self._simple(initial & 31)
        argument = self._argument(initial & 31)
        if major < ARRAY:
            return self._scalar(major, argument)
        if depth <= 0:
            raise DecodeError("nested too deeply")
        if major == ARRAY:
            return self._array(argument, depth - 1)
        if major == MAP:
            return self._map(argument, depth - 1)
        return Tag(argument, self.item(depth - 1))

    def _initial(self) -> int:
        self._items_left -= 1
        if self._items_left < 0:
            raise DecodeError("too many items")
        return self._reader.uint(1)

    def _argument(self, info: int) -> int:
        if info < 24:
            return info
        if info > 27:
            raise DecodeError("indefinite or reserved length")
        size = 1 << (info - 24)
        argument = self._reader.uint(size)
        smallest = 24 if size == 1 else 1 << (4 * size)
        if argument < smallest and not self._lenient:
            raise DecodeError("integer is not in its shortest form")
        return argument

    def _scalar(self, major: int, argument: int) -> object:
        if major == UINT:
            return argument
        if major == NEGATIVE:
            return -1 - argument
        data = self._reader.take(argument)
        return data if major == BYTES else utf8.decode(data)

    def _array(self, count: int, depth: int) -> list:
        self._expect(count)
        elements = []
        for _ in range(count):
            elements.append(self.item(depth))
        return elements

    def _map(self, count: int, depth: int) -> dict:
        self._expect(2 * count)
        entries = {}
        previous = b""
        for _ in range(count):
            start = self._reader.position()
            key = self._key()
            encoded = self._reader.since(start)
            if key in entries or (encoded <= previous and not self._lenient):
                raise DecodeError("map keys repeat or are out of order")
            previous = encoded
            entries[key] = self.item(depth)
        return entries

    def _key(self) -> object:
        initial = self._initial()
        if initial >> 5 > TEXT:
            raise DecodeError("map keys are integers, bytes or text")
        return self._scalar(initial >> 5, self._argument(initial & 31))

    def _expect(self, count: int) -> None:
        """Refuse a claimed count that cannot be true before anything is made for it."""
        if count > self._items_left or count > self._reader.left():
            raise DecodeError("more items claimed than there can be")

    def _simple(self, info: int) -> object:
        if info == HALF:
            return floats.from_half(self._reader.uint(2))
        if info == SINGLE:
            return floats.from_single(self._reader.uint(4), self._lenient)
        if info == DOUBLE:
            return floats.from_double(self._reader.uint(8), self._lenient)
        if info < FALSE or info > NULL:
            raise DecodeError("simple value other than false, true and null")
        return None if info == NULL else info == TRUE
