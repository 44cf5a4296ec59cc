"""How long a revocation takes to be true, and what it and a ratchet cost a server.

`python -m tests.bench.revocation` prints them alone, a JSON object a line.
"""

import contextlib
import io
import json
import tempfile
import threading
import time
from pathlib import Path

from leafkey.coap.numbers import CONTENT, GET
from leafkey.pat.presenter import NotRecognized, Presenter
from tests.bench.report import Record
from tests.bench.scripts import lines
from tests.multi.house import House
from tests.multi.peer import Insider, Peer, answered, message

ROUNDS = 9
PATH = "/temp"
# Levels of a ticket of 32 ATs each: more than a client can use up meanwhile.
DEPTH = "10000"


def records() -> list[Record]:
    """Return the figures; the latency is the worst of some rounds."""
    found = {line["name"]: line for line in lines("bench_revocation.py", "-X", "heapsize=16m")}
    costs = [Record(name, line["us"], "us") for name, line in found.items()]
    writes = [Record(f"{name}_written", line["bytes"], "B") for name, line in found.items()]
    return [Record("revocation_latency_ms", max(latencies()), "ms"), *costs, *writes]


def latencies() -> list[float]:
    """Return the milliseconds of each round, from the owner's word to the first refusal.

    The owner's command runs in another process than the manager that serves, and the client asks
    the server as fast as it answers. What the interpreter takes to start is not in it.
    """
    temporary = tempfile.TemporaryDirectory(prefix="leafkey-")
    with temporary as directory, _quiet(), House(Path(directory)) as house:
        thermo = house.add_server("thermo", "--depth", DEPTH)
        return [_round(house, thermo.port, f"thief-{i}") for i in range(ROUNDS)]


def _round(house: House, port: int, name: str) -> float:
    insider = Insider(house.provision(name), house.manager_port)
    house.allow(name, "thermo", PATH)
    presenter = insider.granted("thermo", (PATH, 1 << GET - 1))
    insider.close()
    with Peer(port) as peer:
        typing = threading.Thread(target=house.owner, args=("revoke", name))
        _ask(peer, presenter)
        start = time.monotonic()
        typing.start()
        try:
            while True:
                _ask(peer, presenter)
        except NotRecognized:
            return 1000 * (time.monotonic() - start)
        finally:
            typing.join()


def _ask(peer: Peer, presenter: Presenter) -> None:
    answer = answered(peer, presenter, message(GET, PATH))
    if answer.code != CONTENT:
        raise RuntimeError(f"a GET was answered with code {answer.code}")


@contextlib.contextmanager
def _quiet():
    """The owner's commands say what they did; here nobody reads it."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


if __name__ == "__main__":
    for record in records():
        print(json.dumps(record.to_json()))
