"""A network between endpoints: the test plays its clock, its losses and its delays."""

from leafkey.coap.endpoint import Endpoint

LOSSLESS = (0, 0, 10, 10)


class Generator:
    """A linear congruential generator: the same numbers on every runtime."""

    def __init__(self, seed: int):
        self._state = seed

    def below(self, limit: int) -> int:
        self._state = (self._state * 69069 + 1) & 0xFFFFFFFF
        return (self._state >> 8) % limit

    def bytes(self, size: int) -> bytes:
        return bytes([self.below(256) for _ in range(size)])


class Node:
    """An endpoint with a name; its events go to `on_event(node, event, now)` or into `events`."""

    def __init__(self, name: str, seed: int, on_event=None):
        self.name = name
        self.endpoint = Endpoint(Generator(seed).bytes)
        self.events = []
        self.on_event = on_event

    def take_events(self, now: int):
        event = self.endpoint.next_event()
        while event is not None:
            if self.on_event is None:
                self.events.append(event)
            else:
                self.on_event(self, event, now)
            event = self.endpoint.next_event()


class Network:
    """`weather`: percent lost, percent duplicated, least and most delay in ms."""

    def __init__(self, weather: tuple = LOSSLESS, seed: int = 1):
        self.now = 0
        self.sent = 0
        self.nodes = {}
        self._weather = weather
        self._chance = Generator(seed)
        self._flying = []

    def node(self, name: str) -> Node:
        node = self.nodes[name] = Node(name, len(self.nodes) + self._chance.below(10000))
        return node

    def run(self, duration: int):
        """Let `duration` ms pass; every endpoint wakes up when it asked to and not before."""
        end = self.now + duration
        self._pump()
        at = self._next_time()
        while at is not None and at <= end:
            self.now = max(at, self.now)
            self._deliver()
            self._pump()
            at = self._next_time()
        self.now = end

    def _next_time(self) -> int | None:
        times = [flight[0] for flight in self._flying]
        for node in self.nodes.values():
            timeout = node.endpoint.next_timeout(self.now)
            if timeout is not None:
                times.append(self.now + timeout)
        return min(times) if times else None

    def _deliver(self):
        arrived = [flight for flight in self._flying if flight[0] <= self.now]
        self._flying = [flight for flight in self._flying if flight[0] > self.now]
        for _, data, source, target in arrived:
            self.nodes[target].endpoint.receive_datagram(data, source, self.now)
            self.nodes[target].take_events(self.now)

    def _pump(self):
        for node in self.nodes.values():
            for data, target in node.endpoint.datagrams_to_send(self.now):
                self._fly(data, node.name, target)
            node.take_events(self.now)

    def _fly(self, data: bytes, source: str, target: str):
        loss, duplication, least, most = self._weather
        self.sent += 1
        if target not in self.nodes or self._chance.below(100) < loss:
            return
        for _ in range(2 if self._chance.below(100) < duplication else 1):
            delay = least + self._chance.below(most - least + 1)
            self._flying.append((self.now + delay, data, source, target))
