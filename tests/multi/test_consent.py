"""What no rule decides waits for the owner: seen from real nodes, answered in another process."""

import json
import re
import time

import pytest

from tests.multi.house import PATIENCE, ClientNode, House, ServerNode

# A decision in another process wakes the request that waits (s); then come a push and a request.
PROMPT = 3
# How long the manager holds a request, and some more.
HELD = 30
# Questions that a test has taken notice of; their numbers are those of one house.
ANSWERED: set[str] = set()


@pytest.fixture(scope="module")
def thermo(house: House) -> ServerNode:
    """A server whose owner wants to be asked."""
    return house.add_server("thermo", "--consent")


def question(house: House, client: str, seconds: float = PATIENCE) -> str:
    """Wait for a question about a client that was not answered yet; return its number."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for number in questions(house, client):
            if number not in ANSWERED:
                ANSWERED.add(number)
                return number
        time.sleep(0.05)
    raise AssertionError(f"no question about {client}")


def questions(house: House, client: str) -> list[str]:
    """Return the numbers of all questions about a client so far."""
    text = "\n".join(house.told("question"))
    return re.findall(rf"home -> {client}  question (\d+)", text)


def wait(node: ClientNode, number: int, seconds: float = PROMPT) -> str:
    """Return what came of a request; AssertionError if it takes longer than `seconds`."""
    start = time.monotonic()
    answer = node.answer(number)
    assert time.monotonic() - start < seconds, answer
    return answer


def test_a_yes_wakes_the_request_and_lasts_for_one(house: House, thermo: ServerNode):
    client = house.add_client("once", "60")
    asked = client.begin("PUT", thermo.uri("/count"), text="yes")
    house.owner("consent", "approve", question(house, "once"))
    assert wait(client, asked) == "2.04"
    assert thermo.acted.count("yes") == 1
    asked = client.begin("PUT", thermo.uri("/count"), text="again")
    house.owner("consent", "deny", question(house, "once"))
    assert wait(client, asked).startswith("ConsentDenied")
    assert "again" not in thermo.acted


def test_once_is_enough_where_a_high_level_is_demanded(house: House, thermo: ServerNode):
    client = house.add_client("sealed", "60")
    asked = client.begin("GET", thermo.uri("/secret"))
    house.owner("consent", "approve", question(house, "sealed"), "--once")
    assert wait(client, asked) == "2.05 sealed"


def test_a_no_is_told_and_holds(house: House, thermo: ServerNode):
    client = house.add_client("refused", "60")
    asked = client.begin("GET", thermo.uri("/temp"))
    house.owner("consent", "deny", question(house, "refused"))
    assert wait(client, asked).startswith("ConsentDenied")
    assert client.ask("GET", thermo.uri("/temp")).startswith("ConsentDenied")
    assert len(questions(house, "refused")) == 1


def test_pending_is_told_and_a_late_yes_counts(house: House, thermo: ServerNode):
    client = house.add_client("hasty")
    start = time.monotonic()
    asked = client.begin("GET", thermo.uri("/temp"))
    number = question(house, "hasty")
    assert wait(client, asked, HELD).startswith("ConsentPending")
    assert time.monotonic() - start > 15
    house.owner("consent", "approve", number, "--for", "1h")
    assert [client.ask("GET", thermo.uri("/temp")) for _ in range(3)] == ["2.05 21.5"] * 3
    assert questions(house, "hasty") == [number]


def test_narrowed_the_client_knows_what_it_may(house: House, thermo: ServerNode):
    client = house.add_client("narrow", "60")
    wish = {"/temp": ["GET"], "/count": ["PUT", "POST"]}
    asked = client.begin("AUTHORIZE", thermo.uri("/"), permissions=wish)
    number = question(house, "narrow")
    house.owner("consent", "approve", number, "--always", "--only", "/temp", "--only", "PUT")
    assert json.loads(wait(client, asked)) == {"/temp": ["GET"], "/count": ["PUT"]}
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    assert client.ask("PUT", thermo.uri("/count"), text="narrow-put") == "2.04"
    assert client.ask("POST", thermo.uri("/count"), text="narrow-post").startswith("ConsentDenied")
    assert "narrow-post" not in thermo.acted


def test_what_a_rule_allows_does_not_wait_for_the_owner(house: House, thermo: ServerNode):
    client = house.add_client("mixed", "60")
    house.allow("mixed", "thermo", "/temp")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    asked = client.begin("PUT", thermo.uri("/count"), text="mixed")
    number = question(house, "mixed")
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    house.owner("consent", "approve", number)
    assert wait(client, asked) == "2.04"
    # The ticket of one AT is used up, and another one takes no consent.
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"


def test_taken_back_after_delivery_it_revokes(house: House, thermo: ServerNode):
    client = house.add_client("former", "60")
    wish = {"/temp": ["GET"], "/ticks": ["GET"]}
    asked = client.begin("AUTHORIZE", thermo.uri("/"), permissions=wish)
    number = question(house, "former")
    house.owner("consent", "approve", number, "--always")
    wait(client, asked)
    assert client.ask("GET", thermo.uri("/temp")) == "2.05 21.5"
    looking = client.begin("GET", thermo.uri("/ticks"), count=9)
    assert wait(client, looking).startswith("2.05")
    house.owner("consent", "withdraw", number)
    # Its observation ends, and a new ticket is refused.
    assert wait(client, looking, 10).startswith("ConsentDenied")
    assert not client.ask("GET", thermo.uri("/temp")).startswith("2.05")


def test_taken_back_before_delivery_it_cancels(house: House):
    off = house.add_server("off", "--consent")
    client = house.add_client("late", "60")
    asked = client.begin("GET", off.uri("/temp"))
    number = question(house, "late")
    off.kill()
    # A ticket that ends at a time is not released for the client to carry: S must be heard first.
    house.owner("consent", "approve", number, "--for", "1h")
    house.owner("consent", "withdraw", number)
    assert wait(client, asked, HELD).startswith("ConsentDenied")
    assert house.tickets("late") == []


def test_silence_is_a_no(tmp_path):
    with House(tmp_path, serve=("--answer-time", "3s")) as house:
        thermo = house.add_server("thermo")
        house.add_client("display")
        client = house.add_client("patient", "60")
        house.owner("policy", "ask", "patient", "thermo", "/temp")
        start = time.monotonic()
        assert client.ask("GET", thermo.uri("/temp")).startswith("ConsentDenied")
        assert 1.5 < time.monotonic() - start < 10
        # No rule has it asked about.
        assert client.ask("GET", thermo.uri("/who")).startswith("NotAllowed")
