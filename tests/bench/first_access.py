"""What it takes to the first authorized answer, and for each further one: round trips and bytes.

Between real nodes, of which the client has its ticket already; what passes is counted on the wire,
CoAP and what protects it, without UDP.
"""

import contextlib
import io
import tempfile
from pathlib import Path
from typing import NamedTuple

from leafkey.pat.tokens import LEVELS
from tests.bench.report import Record
from tests.interop import ace_peers
from tests.multi.house import HOST, ClientNode, House, ServerNode
from tests.support.processes import free_port
from tests.support.relay import Relay

PATH = "/temp"
ANSWER = "2.05 21.5"
DTLS, ACE = "dtls", "ace_oscore"
# Without a handshake: nothing is sent before the first request.
AT_ONCE = (*LEVELS, "oscore")


class Cost(NamedTuple):
    """Of one request and its answer: flights of the client, and bytes in both directions."""

    round_trips: int
    bytes: int


class Tap(Relay):
    """Keeps in `seen` how large each datagram was, and where it went."""

    def __init__(self, target: tuple[str, int], port: int, seen: list[tuple[int, int]]):
        super().__init__(target, port=port)
        self.seen = seen

    def _pass(self, direction: int, used, data: bytes, address: tuple) -> None:
        self.seen.append((direction, len(data)))
        super()._pass(direction, used, data, address)

    def take(self) -> Cost:
        """Return what has passed since the last time."""
        seen = list(self.seen)
        self.seen.clear()
        directions = [direction for direction, _ in seen]
        turns = zip([None, *directions], directions, strict=False)
        flights = sum(now == directions[0] != before for before, now in turns)
        return Cost(flights, sum(size for _, size in seen))


def measure() -> dict[str, tuple[Cost, Cost]]:
    """Return, for each way, the costs of the first request and of the one after it."""
    with (
        tempfile.TemporaryDirectory(prefix="leafkey-") as directory,
        contextlib.ExitStack() as ends,
    ):
        ends.enter_context(contextlib.redirect_stdout(io.StringIO()))
        ends.enter_context(contextlib.redirect_stderr(io.StringIO()))
        house = ends.enter_context(House(Path(directory)))
        thermo = house.add_server("thermo", "--level", "bearer", dtls={})
        costs = {way: _costs(house, thermo, way) for way in (*AT_ONCE, DTLS)}
        return costs | {ACE: _ace_costs(Path(directory) / ACE)}


def _costs(house: House, thermo: ServerNode, way: str) -> tuple[Cost, Cost]:
    client = house.add_client("by-" + way)
    house.allow("by-" + way, "thermo", PATH, *_rule(way))
    tap = _tapped(house, thermo)
    uri = thermo.uri(PATH, tap)
    client.ask("AUTHORIZE", uri, permissions={PATH: ["GET"]})
    tap.take()
    return _cost(client, uri, way, tap), _cost(client, uri, way, tap)


def _ace_costs(folder: Path) -> tuple[Cost, Cost]:
    """Return those of the OSCORE profile of ACE (RFC 9203), between nodes without a manager."""
    folder.mkdir()
    with contextlib.ExitStack() as ends:
        issuing = ace_peers.authority(folder)
        ends.enter_context(issuing.process)
        server, port = ace_peers.resource_server(folder / "rs", issuing.uri)
        ends.enter_context(server)
        tap = ends.enter_context(Tap((HOST, port), 0, []))
        client = ace_peers.Client(folder / "c", issuing.uri)
        ends.enter_context(client.process)
        return _ace_cost(client, tap, 2), _ace_cost(client, tap, 0)


def _ace_cost(client: ace_peers.Client, tap: Tap, aside: int) -> Cost:
    """`aside`: datagrams by which a stranger is told whom to ask, before he has a token."""
    answer = client.does(f"GET coap://{HOST}:{tap.port}{PATH}")
    if answer != ANSWER:
        raise RuntimeError(f"a GET by ACE was answered: {answer}")
    del tap.seen[:aside]
    return tap.take()


def _tapped(house: House, server: ServerNode) -> Tap:
    """Return the tap before a server; what passes to its port for DTLS is seen there too."""
    tap = house.open(Tap((HOST, server.port), free_port(above=True), []))
    house.open(Tap((HOST, server.port + 1), tap.port + 1, tap.seen))
    return tap


def _rule(way: str) -> tuple[str, ...]:
    return ("--level", way) if way in LEVELS else ()


def _cost(client: ClientNode, uri: str, way: str, tap: Tap) -> Cost:
    answer = client.ask("GET", uri, way)
    if answer != ANSWER:
        raise RuntimeError(f"a GET by {way} was answered: {answer}")
    return tap.take()


def records() -> list[Record]:
    """Return what each way costs, and the most round trips of all that PAT has."""
    costs = measure()
    made = []
    for way, (first, further) in costs.items():
        made += [
            Record(f"first_access_bytes_{way}", first.bytes, "B"),
            Record(f"further_access_bytes_{way}", further.bytes, "B"),
        ]
    most = max(costs[way][0].round_trips for way in AT_ONCE)
    pat, dtls = costs["confidential"][0], costs[DTLS][0]
    peer = "DTLS 1.2 with the PSK of an AT, same nodes"
    return [
        *made,
        Record("first_access_round_trips_pat", most, "", peer, dtls.round_trips),
        Record("first_access_bytes_pat_vs_dtls", pat.bytes, "B", peer, dtls.bytes),
    ]
