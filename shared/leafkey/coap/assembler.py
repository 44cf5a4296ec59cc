"""The server's side of block-wise transfers (RFC 7959)."""

from binascii import crc32

from leafkey.coap.blockoption import block_size, decode_block, encode_block
from leafkey.coap.message import Message, encode_options, encode_uint
from leafkey.coap.numbers import (
    BAD_OPTION,
    BAD_REQUEST,
    BLOCK1,
    BLOCK2,
    CONTINUE,
    ECHO,
    ETAG,
    GET,
    MAX_AGE,
    OBSERVE,
    PAT,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SERVICE_UNAVAILABLE,
    SIZE1,
    SIZE2,
)
from leafkey.coap.shelf import DEFAULT_LIMITS, Body, Limits, Shelf
from leafkey.errors import DecodeError

# What differs from block to block of one body, or is renewed with each request.
BLOCK_OPTIONS = (OBSERVE, BLOCK1, BLOCK2, SIZE1, SIZE2, ECHO, PAT)


class Assembler:
    """Puts request bodies together and cuts response bodies; one body a peer and direction.

    A peer is `key`, any hashable: its remote, or who its security context says it is. A body
    belongs to method, options and Request-Tag (RFC 9175) of the requests that carry its blocks.
    """

    def __init__(self, random_bytes, limits: Limits = DEFAULT_LIMITS):
        """Bounded by `limits`; random_bytes(n) salts the ETags: they tell nothing of the body."""
        self._limits = limits
        self._largest = block_size(limits.szx)
        self._salt = int.from_bytes(random_bytes(4), "big")
        self._uploads = Shelf(limits)
        self._downloads = Shelf(limits)

    def request(self, key: object, message: Message, now: int) -> tuple:
        """(complete request, None) for the application or (None, response to send at once).

        A complete request keeps the Block1 and Block2 options, for `response`. now: ms.
        """
        if not is_in_blocks(message):
            return message, None
        try:
            block1 = decode_block(message, BLOCK1)
            block2 = decode_block(message, BLOCK2)
        except DecodeError:
            return None, message.reply(BAD_OPTION)
        if block1 is not None:
            return self._receive_block(key, message, block1, now)
        if block2 is not None and block2[0] > 0:
            return self._next_block(key, message, block2, now)
        return message, None

    def response(self, key: object, request: Message, response: Message, now: int) -> Message:
        """What to send for the application's response: itself, or one block of it.

        The rest is kept for the requests that follow. Cuts notifications too: then `request` is
        the one that registered. `response` is not changed. now: ms.
        """
        if len(response.payload) <= self._largest and not is_in_blocks(request):
            return response
        num, _, szx = decode_block(request, BLOCK2) or (0, False, self._limits.szx)
        block1 = request.option(BLOCK1)
        if num or len(response.payload) > block_size(min(szx, self._limits.szx)):
            self._keep(key, request, response, now)
            response = self._cut(response, request, num, szx)
        elif block1 is not None:
            response = response.copy()
        if block1 is not None:
            response.add(BLOCK1, block1)
        return response

    def peers(self) -> list:
        """The keys of all peers with a body under way."""
        return self._uploads.keys() + self._downloads.keys()

    def forget(self, key: object):
        """Drop the bodies of a peer."""
        self._uploads.drop(key)
        self._downloads.drop(key)

    def usage(self) -> dict:
        """Bodies and bytes held, by direction."""
        return {
            "uploads": len(self._uploads),
            "upload_bytes": self._uploads.size(),
            "downloads": len(self._downloads),
            "download_bytes": self._downloads.size(),
        }

    # Bodies that come in

    def _receive_block(self, key: object, message: Message, block: tuple, now: int) -> tuple:
        num, more, szx = block
        size = block_size(szx)
        if len(message.payload) > size or (more and len(message.payload) != size):
            return None, message.reply(BAD_REQUEST)
        if num == 0:
            self._uploads.drop(key)
            return self._start(key, message, szx, now) if more else (message, None)
        body = self._uploads.find(key, _identity(message), now)
        if body is None:
            return None, message.reply(REQUEST_ENTITY_INCOMPLETE)
        if body.ends_with(message.payload, num * size) and more:
            return None, self._continue(message, num, szx)
        if num * size != len(body.data):
            return None, message.reply(REQUEST_ENTITY_INCOMPLETE)
        return self._append(key, message, body, block, now)

    def _start(self, key: object, message: Message, szx: int, now: int) -> tuple:
        announced = int.from_bytes(message.option(SIZE1) or b"", "big")
        if announced > self._limits.body_bytes:
            return None, self._too_large(message)
        if not self._uploads.make_room(1, len(message.payload), now, _has_one_block):
            return None, self._busy(message)
        body = Body(_identity(message), bytearray(message.payload), None)
        self._uploads.put(key, body, now)
        return None, self._continue(message, 0, szx)

    def _append(self, key: object, message: Message, body: Body, block: tuple, now: int) -> tuple:
        num, more, szx = block
        size = len(message.payload)
        if len(body.data) + size > self._limits.body_bytes:
            self._uploads.drop(key)
            return None, self._too_large(message)
        body.blocks += 1
        if not more:
            self._uploads.drop(key)
            body.extend(message.payload)
            whole = message.copy()
            whole.remove(SIZE1)
            whole.payload = bytes(body.data)
            return whole, None
        if not self._uploads.make_room(0, size, now, _has_one_block):
            return None, self._busy(message)
        body.extend(message.payload)
        return None, self._continue(message, num, szx)

    def _continue(self, message: Message, num: int, szx: int) -> Message:
        value = encode_block(num, True, min(szx, self._limits.szx))
        return message.reply(CONTINUE, b"", ((BLOCK1, encode_uint(value)),))

    def _too_large(self, message: Message) -> Message:
        limit = encode_uint(self._limits.body_bytes)
        return message.reply(REQUEST_ENTITY_TOO_LARGE, b"", ((SIZE1, limit),))

    def _busy(self, message: Message) -> Message:
        wait = encode_uint(self._limits.seconds)
        return message.reply(SERVICE_UNAVAILABLE, b"", ((MAX_AGE, wait),))

    # Bodies that go out

    def _next_block(self, key: object, message: Message, block: tuple, now: int) -> tuple:
        body = self._downloads.find(key, _identity(message), now)
        if body is not None:
            return None, self._cut(body.response, message, block[0], block[2])
        if message.code == GET:
            # A representation can be made again; its ETag tells the client if it has changed.
            return message, None
        return None, message.reply(REQUEST_ENTITY_INCOMPLETE)

    def _keep(self, key: object, request: Message, response: Message, now: int):
        body = Body(_identity(request), response.payload, response)
        size = len(response.payload)
        self._downloads.drop(key)
        if size <= self._limits.body_bytes and self._downloads.make_room(1, size, now, _any):
            self._downloads.put(key, body, now)

    def _cut(self, response: Message, request: Message, num: int, szx: int) -> Message:
        """Block `num` of size exponent `szx`, smaller if ours is, as the response to `request`."""
        data = response.payload
        start = num * block_size(szx)
        if start >= len(data):
            return request.reply(BAD_REQUEST)
        szx = min(szx, self._limits.szx)
        size = block_size(szx)
        end = start + size
        cut = Message(response.code, response.options, data[start:end], response.type)
        cut.token = response.token
        if start:
            cut.remove(OBSERVE)
        else:
            cut.add(SIZE2, len(data))
        if cut.option(ETAG) is None:
            cut.add(ETAG, (crc32(data) ^ self._salt).to_bytes(4, "big"))
        cut.add(BLOCK2, encode_block(start // size, end < len(data), szx))
        return cut


def is_in_blocks(message: Message) -> bool:
    """Tell whether a message is a block of a body, or asks for one."""
    return message.option(BLOCK1) is not None or message.option(BLOCK2) is not None


def _identity(message: Message) -> bytes:
    """What all blocks of a body have in common: method and options (RFC 9175 section 3.3)."""
    options = [option for option in message.options if option[0] not in BLOCK_OPTIONS]
    return bytes((message.code,)) + encode_options(options)


def _has_one_block(body: Body) -> bool:
    # A flood of first blocks cannot push out the bodies of those who go on.
    return body.blocks == 1


def _any(_body: Body) -> bool:
    return True
