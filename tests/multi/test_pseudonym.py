"""One name for one client, told alike by the server, the client itself and the manager."""

import pytest

from leafkey.crypto.provider import default_provider
from leafkey.pat import functions
from tests.multi.house import House

SUITE = functions.suite(default_provider(), functions.CHACHA20)


def printed(house: House, capsys: pytest.CaptureFixture, *words: str) -> str:
    """What `leafkey pseudonym` prints."""
    capsys.readouterr()
    house.owner("pseudonym", *words, "--server", "thermo")
    return capsys.readouterr().out.strip()


def test_a_third_party_recognizes_whom_it_was_told_of(house: House, capsys: pytest.CaptureFixture):
    thermo = house.add_server("thermo")
    uri = thermo.uri("/who")
    seen = {}
    for name in ("alice", "bob"):
        client = house.add_client(name)
        house.allow(name, "thermo", "/who")
        assert client.ask("NAME", uri) == "nobody"
        seen[name] = client.ask("GET", uri).removeprefix("2.05 ")
        assert client.ask("NAME", uri) == seen[name]
        client.kill()
        client.start()
        assert client.ask("NAME", uri) == seen[name]
        assert client.ask("GET", uri) == "2.05 " + seen[name]
        assert printed(house, capsys, name, "--first") == seen[name]
    # The owner gives PsK of one of the two away.
    psk = bytes.fromhex(printed(house, capsys, "alice"))
    names = {SUITE.f(functions.PSEUDONYM, psk, j).hex() for j in range(1, 100)}
    assert {name: shown in names for name, shown in seen.items()} == {"alice": True, "bob": False}
