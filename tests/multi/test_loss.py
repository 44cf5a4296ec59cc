"""Networks that lose, repeat and delay, and nodes whose power is cut.

Whatever happens: no AT counts twice, nobody is locked out, and nothing has to be repaired by hand.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from leafkey.coap.message import Message, decode
from leafkey.coap.numbers import CON, OSCORE, PAT, UNAUTHORIZED, is_request
from leafkey.oscore.association import NONCE_LEN
from tests.multi.house import HOST, ClientNode, House, ServerNode
from tests.multi.peer import Peer
from tests.support.channel import kid_context_of
from tests.support.relay import Relay

BAD = {"loss": 3, "repeat": 2, "delay": 2}
# Each client has a network of its own; these are some that do not lose five in a row, which would
# take a minute and a half.
SEEDS = (5, 7, 11)
# A branch holds 48 ATs. Each restart costs up to 8 of them, so that it is used up in the end.
SHAPE = ("--degree", "17", "--depth", "3")
# What a program is told when it cannot know whether the server has acted.
UNKNOWN = ("Unreachable", "OutcomeUnknown")
TRIES = 4


class Worker:
    """A client and what it was told of each of its requests."""

    def __init__(self, client: ClientNode, thermo: ServerNode, relay: Relay):
        self.client = client
        self.relay = relay
        self._uri = thermo.uri("/count", relay)
        self._count = 0
        self.done: list[str] = []
        self.doubtful: list[str] = []

    def work(self, *methods: str) -> None:
        """Make requests, each with a word of its own, until each was done."""
        for method in methods:
            for _ in range(TRIES):
                self._count += 1
                word = f"{self.client.name}-{self._count}"
                outcome = self.client.ask(method, self._uri, text=word)
                if outcome == "2.04":
                    self.done.append(word)
                    break
                self.doubtful.append(word)
                assert outcome.startswith(UNKNOWN), outcome
            else:
                raise AssertionError(f"{self.client.name} is locked out")

    def break_off(self) -> None:
        """Begin a request, and want no answer."""
        before = len(self.relay.heard)
        self.doubtful.append(f"{self.client.name}-cut-off")
        self.client.begin("POST", self._uri, text=self.doubtful[-1])
        while len(self.relay.heard) == before:
            time.sleep(0.01)


class Crew:
    """Workers that work at the same time."""

    def __init__(self, house: House, thermo: ServerNode):
        self.workers: list[Worker] = []
        self._thermo = thermo
        for seed in SEEDS:
            name = f"worker{seed}"
            relay = house.open(Relay((HOST, thermo.port), **BAD, seed=seed))
            self.workers.append(Worker(house.add_client(name), thermo, relay))
            house.allow(name, "thermo", "/count", "--methods", "PUT,POST")

    def work(self, *methods: str) -> None:
        """Let each make these requests."""
        with ThreadPoolExecutor(len(SEEDS)) as pool:
            for done in [pool.submit(worker.work, *methods) for worker in self.workers]:
                done.result()

    def check(self) -> None:
        """What was answered was acted on once; what was not, once or never; nothing else."""
        acted = self._thermo.acted
        done = [word for worker in self.workers for word in worker.done]
        doubtful = [word for worker in self.workers for word in worker.doubtful]
        assert len(acted) == len(set(acted))
        assert set(done) <= set(acted) <= {*done, *doubtful}


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house where every message may be lost, those of the manager included."""
    relay = {"loss": 2, "repeat": 1, "delay": 1, "seed": 1}
    with House(tmp_path_factory.mktemp("wild"), relay) as made:
        yield made


@pytest.fixture(scope="module")
def thermo(wild: House) -> ServerNode:
    return wild.add_server("thermo", *SHAPE)


@pytest.fixture(scope="module")
def crew(wild: House, thermo: ServerNode) -> Crew:
    return Crew(wild, thermo)


def test_each_request_is_acted_on_once(crew: Crew):
    crew.work("PUT", "POST")
    crew.check()
    assert all(worker.relay.lost for worker in crew.workers)


def test_when_the_server_loses_power(crew: Crew, thermo: ServerNode):
    thermo.kill()
    thermo.start("ready")
    crew.work("PUT")
    crew.check()


def test_when_clients_lose_power_before_an_answer(crew: Crew):
    for worker in crew.workers:
        worker.break_off()
        worker.client.kill()
        worker.client.start()
    crew.work("POST")
    crew.check()


def test_when_the_manager_loses_power(crew: Crew, wild: House):
    assert wild.manager
    wild.manager.kill()
    crew.work("PUT")
    wild.start_manager()
    crew.check()


def test_nothing_is_accepted_a_second_time(crew: Crew, wild: House, thermo: ServerNode):
    assert wild.manager
    assert wild.relay
    heard = list(dict.fromkeys(data for worker in crew.workers for data in worker.relay.heard))
    told = list(dict.fromkeys(wild.relay.heard))
    thermo.kill()
    wild.manager.kill()
    wild.start_manager()
    thermo.start("ready")
    acted = thermo.acted
    with Peer(thermo.port) as listener:
        assert [refused(listener, data) for data in heard] == [True] * len(heard)
    with Peer(int(wild.manager.command[5])) as listener:
        assert [worthless(listener, data) for data in told] == [True] * len(told)
    assert thermo.acted == acted
    assert len([data for data in heard if presents(decode(data))]) >= 5 * len(SEEDS)
    assert len([data for data in told if is_sealed(decode(data))]) >= 2 * len(SEEDS)


def test_nobody_is_locked_out_by_all_of_this(crew: Crew):
    crew.work("PUT")
    crew.check()


def refused(listener: Peer, data: bytes) -> bool:
    """Tell whether a datagram that was heard gets what a stranger gets."""
    sent = decode(data)
    if not is_request(sent.code) or sent.type != CON:
        listener.send(data)
        return all(decode(answer).code == 0 for answer in listener.settled())
    answer = decode(listener.insist(data))
    return answer.code == UNAUTHORIZED and answer.option(PAT) is None


def worthless(listener: Peer, data: bytes) -> bool:
    """Tell whether the manager makes nothing of a datagram that was heard."""
    sent = decode(data)
    if not is_sealed(sent):
        return refused(listener, data)
    answer = decode(listener.insist(data))
    if answer.option(OSCORE) is None:
        return answer.code == UNAUTHORIZED
    # Who asks for a new context is told half of its name, and needs the keys for the rest.
    return len(kid_context_of(sent) or b"") == 1 + NONCE_LEN


def presents(message: Message) -> bool:
    return message.option(PAT) is not None and is_request(message.code)


def is_sealed(message: Message) -> bool:
    return message.option(OSCORE) is not None and is_request(message.code)


# A server that has lost its state


def damage(record: Path) -> None:
    """Let a bit fall over, as flash does."""
    content = bytearray(record.read_bytes())
    content[len(content) // 2] ^= 1
    record.write_bytes(content)


@pytest.fixture
def quiet(house: House) -> tuple[ServerNode, ClientNode]:
    """A server, and a client that has its ticket."""
    lamp = house.add_server("lamp")
    reader = house.add_client("reader")
    house.allow("reader", "lamp", "/temp")
    assert reader.ask("GET", lamp.uri("/temp")) == "2.05 21.5"
    return lamp, reader


def test_a_server_that_lost_its_state_starts_over(
    house: House, quiet: tuple[ServerNode, ClientNode]
):
    lamp, reader = quiet
    assert house.manager
    lamp.kill()
    house.manager.kill()
    damage(house.path("lamp") / "st")
    lamp.start("nothing is accepted")
    heard = list(dict.fromkeys(lamp.relay.heard))
    with Peer(lamp.port) as listener:
        assert all(refused(listener, data) for data in heard)
        house.start_manager()
        lamp.process.wait_for("(3)", 30)
        assert house.told("it has lost its state")
        assert all(refused(listener, data) for data in heard)
    assert reader.ask("GET", lamp.uri("/temp")) == "2.05 21.5"
    assert len(house.tickets("reader")) == 2
    with Peer(lamp.port) as listener:
        assert all(refused(listener, data) for data in dict.fromkeys(lamp.relay.heard))


def test_a_post_that_was_cut_off_is_not_repeated(house: House):
    fan, turner = house.add_server("fan"), house.add_client("turner")
    house.allow("turner", "fan", "/*", "--methods", "POST")
    assert turner.ask("POST", fan.uri("/count"), text="first") == "2.04"
    cut_off = turner.begin("POST", fan.uri("/slow"), text="slow")
    fan.process.wait_for("acted slow")
    fan.kill()
    fan.start("ready")
    assert turner.answer(cut_off).startswith("OutcomeUnknown")
    assert turner.ask("POST", fan.uri("/count"), text="last") == "2.04"
    assert fan.acted == ["first", "slow", "last"]


def test_a_client_that_lost_its_state_starts_over(house: House):
    pump, writer = house.add_server("pump"), house.add_client("writer")
    house.allow("writer", "pump", "/temp")
    assert writer.ask("GET", pump.uri("/temp")) == "2.05 21.5"
    writer.kill()
    for record in house.path("writer").glob("ct-*"):
        damage(record)
    writer.start()
    assert writer.ask("GET", pump.uri("/temp")) == "2.05 21.5"
    assert len(house.tickets("writer")) == 2
