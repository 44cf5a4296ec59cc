"""A bad network between two UDP peers: it loses, repeats and delays datagrams, repeatably."""

import heapq
import itertools
import random
import selectors
import socket
import threading
import time
from typing import Self

DECK = 10
DELAY_SECONDS = 0.2
TICK_SECONDS = 0.05
# Clients come from fresh ports: sockets behind are kept for those that were heard last.
SIDES = 128


class Fate:
    """Decides about the datagrams of one direction.

    Of every ten in a row, exactly the wanted number is hit, at places drawn from the seed: the
    rate is true for short exchanges too, and no unlucky run outlasts all retransmissions.
    """

    def __init__(self, seed: int, tenths: int):
        self._random = random.Random(seed)
        self._tenths = tenths
        self._deck: list[bool] = []

    def strikes(self) -> bool:
        """Draw for the next datagram."""
        if not self._deck:
            self._deck = [True] * self._tenths + [False] * (DECK - self._tenths)
            self._random.shuffle(self._deck)
        return self._deck.pop()


class Relay:
    """Stands before `target`; every client's port gets one of its own behind. Runs in a thread.

        with Relay(("127.0.0.1", 5683), loss=3, seed=1) as relay:
            uri = f"coap://127.0.0.1:{relay.port}/"

    `port`: its own, 0 for any. `loss`, `repeat` and `delay` are tenths, for both directions.
    `passed` and `lost` count. `heard` is what clients sent, lost or not, in its order, `ports`
    where each came from. Nothing passes of a client whose port is in `cut`.
    """

    def __init__(
        self,
        target: tuple[str, int],
        loss: int = 0,
        repeat: int = 0,
        delay: int = 0,
        seed: int = 0,
        port: int = 0,
    ):
        self._target = target
        self._family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
        self._fates = {
            direction: [
                Fate(seed * 6 + 2 * i + direction, n) for i, n in enumerate((loss, repeat, delay))
            ]
            for direction in (0, 1)
        }
        self.heard: list[bytes] = []
        self.ports: list[int] = []
        self.cut: set[int] = set()
        self.passed = 0
        self.lost = 0
        self._front = self._socket()
        self._front.bind((target[0], port))
        self.port = self._front.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._front, selectors.EVENT_READ)
        self._behind: dict[tuple, socket.socket] = {}
        self._clients: dict[socket.socket, tuple] = {}
        self._late: list[tuple] = []
        self._order = itertools.count()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._selector.close()
        for used in (self._front, *self._behind.values()):
            used.close()

    def _socket(self) -> socket.socket:
        made = socket.socket(self._family, socket.SOCK_DGRAM)
        made.setblocking(False)
        return made

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(TICK_SECONDS):
                self._receive(key.fileobj)
            while self._late and self._late[0][0] <= time.monotonic():
                self._send(*self._late[0][2:])
                heapq.heappop(self._late)

    def _receive(self, used) -> None:
        try:
            data, address = used.recvfrom(65535)
        except OSError:
            # The ICMP error of an earlier datagram: nobody listens there (any more).
            return
        if (address if used is self._front else self._clients[used])[1] in self.cut:
            return
        if used is self._front:
            self.ports.append(address[1])
            self.heard.append(data)
            self._pass(0, self._side(address), data, self._target)
        else:
            self._pass(1, self._front, data, self._clients[used])

    def _side(self, client: tuple) -> socket.socket:
        side = self._behind.pop(client, None)
        if side is None:
            if len(self._behind) >= SIDES:
                self._forget(next(iter(self._behind)))
            side = self._socket()
            self._clients[side] = client
            self._selector.register(side, selectors.EVENT_READ)
        # The last in the order of the dict is the one heard last.
        self._behind[client] = side
        return side

    def _forget(self, client: tuple) -> None:
        side = self._behind.pop(client)
        self._selector.unregister(side)
        del self._clients[side]
        side.close()

    def _pass(self, direction: int, used: socket.socket, data: bytes, address: tuple) -> None:
        loss, repeat, delay = self._fates[direction]
        if loss.strikes():
            self.lost += 1
            return
        self.passed += 1
        for _ in range(2 if repeat.strikes() else 1):
            if delay.strikes():
                due = time.monotonic() + DELAY_SECONDS
                heapq.heappush(self._late, (due, next(self._order), used, data, address))
            else:
                self._send(used, data, address)

    def _send(self, used: socket.socket, data: bytes, address: tuple) -> None:
        try:
            used.sendto(data, address)
        except OSError:
            self.lost += 1
