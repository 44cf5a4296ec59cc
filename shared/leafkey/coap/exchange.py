"""Which response belongs to which request (RFC 7252 section 5.3), in both roles."""

from leafkey.coap.message import Message
from leafkey.coap.messaging import Transmission
from leafkey.coap.numbers import CON
from leafkey.coap.parameters import (
    EXCHANGE_LIFETIME,
    MAX_OPEN_BYTES,
    MAX_OPEN_EXCHANGES,
    MAX_REQUESTS,
    MAX_TRANSMIT_WAIT,
    PROCESSING_DELAY,
)


class Request:
    """A request of ours: the handle of `Endpoint.request`."""

    def __init__(self, remote: object, token: bytes, mid: int, observe: bool):
        self.remote = remote
        self.token = token
        self.mid = mid
        self.observe = observe
        self.transmission: Transmission | None = None
        # When to give up; None while a transmission decides, or for an established observation.
        self.due: int | None = None


class Requests:
    """Our requests by (remote, token). `due` is a time before which none is due, or None."""

    def __init__(self):
        self._pending = {}
        self.due: int | None = None

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, request: Request) -> bool:
        """False if there is no room; a request with the same token is replaced."""
        key = (request.remote, request.token)
        if len(self._pending) >= MAX_REQUESTS and key not in self._pending:
            return False
        self._pending[key] = request
        return True

    def find(self, remote: object, token: bytes) -> Request | None:
        """The request a response from `remote` with `token` answers."""
        return self._pending.get((remote, token))

    def whose(self, token: bytes) -> object:
        """The remote of the request with a token, which is drawn at random; None without one."""
        for remote, known in self._pending:
            if known == token:
                return remote
        return None

    def remove(self, request: Request):
        """Forget the request; another that took over its token stays."""
        key = (request.remote, request.token)
        if self._pending.get(key) is request:
            del self._pending[key]
        if not self._pending:
            self.due = None

    def expect(self, request: Request, now: int):
        """The request has arrived or is not retransmitted: give the response a time limit."""
        request.due = now + MAX_TRANSMIT_WAIT
        if self.due is None or request.due < self.due:
            self.due = request.due

    def expire(self, now: int) -> list:
        """Remove and return the requests whose response did not come."""
        dated = [request for request in self._pending.values() if request.due is not None]
        late = [request for request in dated if request.due <= now]
        waits = [request.due for request in dated if request.due > now]
        self.due = min(waits) if waits else None
        for request in late:
            self.remove(request)
        return late


class Exchange:
    """A request from a peer: the handle of a RequestEvent."""

    acknowledged = False
    transmission: Transmission | None = None

    def __init__(self, key: tuple, message: Message, now: int):
        self.remote = key[0]
        # (remote, datagram) while the answer is outstanding, then None.
        self.key: tuple | None = key
        self.mid = message.mid
        self.token = message.token
        self.confirmable = message.type == CON
        self.end = now + EXCHANGE_LIFETIME
        self.due = now + PROCESSING_DELAY if self.confirmable else self.end

    def is_open(self) -> bool:
        """True until the answer was given or given up."""
        return self.key is not None

    def acknowledge(self):
        """The client knows that the request has arrived: the answer will be a separate one."""
        self.acknowledged = True
        self.due = self.end


class Exchanges:
    """Peers' requests that wait for our answer, bounded in number and in bytes."""

    def __init__(self):
        self._open = set()
        self.bytes = 0
        self.due: int | None = None

    def __len__(self) -> int:
        return len(self._open)

    def open(self, key: tuple, message: Message, now: int) -> Exchange | None:
        """A new exchange, None if there is no room."""
        size = len(key[1])
        if self._open and (
            len(self._open) >= MAX_OPEN_EXCHANGES or self.bytes + size > MAX_OPEN_BYTES
        ):
            return None
        exchange = Exchange(key, message, now)
        self._open.add(exchange)
        self.bytes += size
        if self.due is None or exchange.due < self.due:
            self.due = exchange.due
        return exchange

    def close(self, exchange) -> tuple:
        """The answer is given or given up; returns the key, which the exchange keeps no longer."""
        key = exchange.key
        self._open.remove(exchange)
        self.bytes -= len(key[1])
        exchange.key = None
        if not self._open:
            self.due = None
        return key

    def expire(self, now: int) -> list:
        """The exchanges that are due: now acknowledged, or past their `end` and to be closed."""
        late = [exchange for exchange in self._open if exchange.due <= now]
        for exchange in late:
            exchange.acknowledge()
        waits = [exchange.due for exchange in self._open if exchange.due > now]
        self.due = min(waits) if waits else None
        return late
