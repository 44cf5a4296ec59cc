"""The client's side of block-wise transfers (RFC 7959)."""

from leafkey.coap.blockoption import MAX_SZX, block_size, decode_block, encode_block
from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    BLOCK1,
    BLOCK2,
    CONTINUE,
    ETAG,
    FETCH,
    GET,
    OBSERVE,
    REQUEST_ENTITY_INCOMPLETE,
    REQUEST_ENTITY_TOO_LARGE,
    SIZE1,
    SIZE2,
    is_success,
)
from leafkey.compat import const
from leafkey.errors import DecodeError, ProtocolError

MAX_BODY = const(16384)
# A body that changes, or that the server dropped, is asked for or sent once more from its start.
MAX_RESTARTS = const(1)


class Transfer:
    """One request whose body, or whose response's body, may take several exchanges.

    Send `next_request()`, give its response to `receive`, until that returns True; then
    `response` is the whole response, with the options of its first block but Block2. A body that
    comes with a notification is fetched by a Transfer whose `receive` gets the notification first.
    """

    def __init__(self, request: Message, szx: int = MAX_SZX, max_body: int = MAX_BODY):
        """`request` carries the whole payload; blocks have at most 2^(szx+4) bytes, szx 0..6.

        A response of more than `max_body` bytes fails.
        """
        # None until `receive` has returned True.
        self.response: Message | None = None
        self._request = request
        self._szx = szx
        self._max_body = max_body
        self._restarts = 0
        self._uploading = len(request.payload) > block_size(szx)
        # Bytes of the payload the server has taken.
        self._sent = 0
        # The first block of the response, and the bytes of all so far.
        self._first: Message | None = None
        self._body = bytearray()
        self._observing = True
        self._asked = False

    def next_request(self) -> Message:
        """The next Message to send: a new one; the caller chooses its type."""
        self._asked = True
        if self._first is not None:
            return self._download_request()
        message = self._plain_request()
        if self._uploading:
            self._cut(message)
        elif self._szx < MAX_SZX and message.option(BLOCK2) is None:
            message.add(BLOCK2, encode_block(0, False, self._szx))
        return message

    def receive(self, response: Message) -> bool:
        """Take the response to the last request. True: done.

        An error response is the response, its first block if it has several. Raises
        errors.ProtocolError when the blocks do not fit together, when the body changed twice, or
        when it exceeds `max_body`.
        """
        try:
            if self._first is None and self._asks_smaller(response):
                return False
            if self._uploading and self._asked:
                return self._receive_continue(response)
            return self._receive_block(response)
        except DecodeError:
            raise ProtocolError("malformed block option in a response")

    # Upload

    def _cut(self, message: Message):
        size = block_size(self._szx)
        end = self._sent + size
        total = len(message.payload)
        message.add(BLOCK1, encode_block(self._sent // size, end < total, self._szx))
        if self._sent == 0:
            message.add(SIZE1, total)
        message.payload = message.payload[self._sent : end]

    def _asks_smaller(self, response: Message) -> bool:
        """True: the payload is to be sent again in smaller blocks (RFC 7959 section 2.9.3)."""
        if response.code != REQUEST_ENTITY_TOO_LARGE or self._sent:
            return False
        block = decode_block(response, BLOCK1)
        if block is None or block[2] >= self._szx:
            return False
        self._szx = block[2]
        self._uploading = len(self._request.payload) > block_size(self._szx)
        return self._uploading

    def _receive_continue(self, response: Message) -> bool:
        if not is_success(response.code):
            return self._receive_upload_error(response)
        size = block_size(self._szx)
        last = self._sent + size >= len(self._request.payload)
        if last and response.code != CONTINUE:
            self._uploading = False
            return self._receive_block(response)
        block = decode_block(response, BLOCK1)
        if last or block is None or block[0] != self._sent // size:
            raise ProtocolError("the server does not take the blocks as they are sent")
        # A smaller size in the answer asks for smaller blocks from here on (section 2.3).
        self._sent += size
        self._szx = min(self._szx, block[2])
        return False

    def _receive_upload_error(self, response: Message) -> bool:
        if response.code == REQUEST_ENTITY_INCOMPLETE and self._sent and self._may_restart():
            self._sent = 0
            return False
        self.response = response
        return True

    # Download

    def _plain_request(self) -> Message:
        request = self._request
        message = Message(request.code, request.options, request.payload, request.type)
        if not self._observing:
            message.remove(OBSERVE)
        return message

    def _download_request(self) -> Message:
        message = self._plain_request()
        # A block is fetched, not observed; the payload was sent before (sections 3.3 and 3.4).
        for number in (OBSERVE, BLOCK2, BLOCK1, SIZE1):
            message.remove(number)
        message.payload = b""
        num = len(self._body) // block_size(self._szx)
        message.add(BLOCK2, encode_block(num, False, self._szx))
        return message

    def _receive_block(self, response: Message) -> bool:
        block = decode_block(response, BLOCK2)
        first = self._first
        if not is_success(response.code) or (first is None and block is None):
            self.response = response
            return True
        if block is None:
            raise ProtocolError("a block of the response came without Block2")
        if first is None:
            first = self._first = response
        elif response.option(ETAG) != first.option(ETAG) or response.code != first.code:
            return self._restart_download()
        self._append(response, block)
        return not block[1] and self._finish(first)

    def _append(self, response: Message, block: tuple):
        num, more, szx = block
        size = block_size(szx)
        if num * size != len(self._body):
            raise ProtocolError("a block of the response is out of order")
        if len(response.payload) > size or (more and len(response.payload) != size):
            raise ProtocolError("a block of the response has another size than it says")
        if len(self._body) + len(response.payload) > self._max_body:
            raise ProtocolError("the response is too large")
        self._szx = min(szx, self._szx) if self._body else szx
        self._body += response.payload

    def _finish(self, first: Message) -> bool:
        whole = first.copy()
        whole.remove(BLOCK2)
        whole.remove(SIZE2)
        whole.payload = bytes(self._body)
        self.response = whole
        return True

    def _restart_download(self) -> bool:
        # Another method must not be carried out a second time.
        if self._request.code not in (GET, FETCH) or not self._may_restart():
            raise ProtocolError("the body kept changing while it was fetched")
        self._body = bytearray()
        self._first = None
        self._observing = False
        self._sent = 0
        self._uploading = len(self._request.payload) > block_size(self._szx)
        return False

    def _may_restart(self) -> bool:
        self._restarts += 1
        return self._restarts <= MAX_RESTARTS
