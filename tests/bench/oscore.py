"""How many GETs behind OSCORE a second our node answers, beside aiocoap's server in CPython."""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from leafkey.crypto.provider import default_provider
from leafkey.oscore.context import Context
from leafkey.oscore.keys import derive
from leafkey.oscore.replay import ReplayWindow
from leafkey.oscore.sequence import Sequence
from tests.bench.load import Shot, Target, get, shot
from tests.bench.rates import MEMORY, NODES, ROUNDS, SHOTS, UNDER_WAY
from tests.bench.report import Record
from tests.interop.oscore_peers import AES_CCM, CHACHA20_POLY1305, Shared
from tests.support.processes import Process, free_port, micropython

NAMES = {AES_CCM: "aes_ccm", CHACHA20_POLY1305: "chacha20_poly1305"}
OURS, THEIRS = "node", "aiocoap"


class Client:
    """One client of a server, whose requests are protected before the clock starts."""

    def __init__(self, shared: Shared, port: int):
        provider = default_provider()
        ids = shared.client_id, shared.server_id
        keys = derive(provider, shared.secret, *ids, shared.salt, alg=shared.alg)
        self._context = Context(provider, keys, Sequence(), ReplayWindow())
        self.target = Target(port)

    def shot(self) -> Shot:
        """Return one request."""
        outgoing = self._context.protect_request(get("/temp"))
        return shot(outgoing.message, outgoing.unprotect)


class Pair:
    """Both servers, with contexts of equal keys; they take turns."""

    def __init__(self, alg: int):
        self._ends = ExitStack()
        shared = Shared(salt=b"", alg=alg)
        state, folder = self._folder(), self._folder()
        base = shared.for_aiocoap(Path(folder), is_server=True)
        ours = [micropython(), str(NODES / "oscore_server.py"), state, str(alg)]
        theirs = [sys.executable, str(NODES / "aiocoap_oscore.py"), base]
        self._clients = {
            name: Client(shared, self._started(command))
            for name, command in ((OURS, ours), (THEIRS, theirs))
        }

    def __enter__(self) -> "Pair":
        return self

    def __exit__(self, *_: object) -> None:
        for client in self._clients.values():
            client.target.close()
        self._ends.close()

    def fire(self) -> dict[str, float]:
        """Return the medians of both, in GETs a second."""
        rates: dict[str, list[float]] = {name: [] for name in self._clients}
        for _ in range(ROUNDS):
            for name, client in self._clients.items():
                shots = [client.shot() for _ in range(SHOTS)]
                rates[name].append(client.target.fire(shots, UNDER_WAY).rate)
        return {name: median(found) for name, found in rates.items()}

    def _folder(self) -> str:
        temporary = tempfile.TemporaryDirectory(prefix="leafkey-", dir=MEMORY)
        return self._ends.enter_context(temporary)

    def _started(self, command: list[str]) -> int:
        port = free_port()
        server = self._ends.enter_context(Process([*command, str(port)]))
        server.wait_for("ready")
        return port


def records() -> list[Record]:
    """Return the rates with AES-CCM, which is held to aiocoap's, and with ChaCha20/Poly1305."""
    made = []
    for alg, name in NAMES.items():
        with Pair(alg) as servers:
            rates = servers.fire()
        title = "oscore_node_get_vs_aiocoap" if alg == AES_CCM else f"oscore_{name}_get_vs_aiocoap"
        made.append(Record(title, rates[OURS], "GET/s", "aiocoap's server", rates[THEIRS]))
    return made
