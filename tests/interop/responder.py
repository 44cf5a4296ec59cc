"""A server of a test's own: answers requests at once, with whatever a function makes of them."""

import socket
import threading
from collections.abc import Callable

from leafkey.coap.message import Message, decode, encode
from leafkey.coap.numbers import ACK, CON, is_request

HOST = "127.0.0.1"
TICK_SECONDS = 0.2
LARGEST = 2048


class Responder:
    """Serves confirmable requests in a thread.

    with Responder(lambda request: Message(CONTENT)) as responder:
        uri = f"coap://127.0.0.1:{responder.port}/"
    """

    def __init__(self, answer: Callable[[Message], Message]):
        self._answer = answer
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(TICK_SECONDS)
        self.port = self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Responder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                data, remote = self._socket.recvfrom(LARGEST)
            except TimeoutError:
                continue
            request = decode(data)
            if request.type == CON and is_request(request.code):
                answer = self._answer(request)
                answer.type, answer.mid, answer.token = ACK, request.mid, request.token
                self._socket.sendto(encode(answer), remote)
