"""The command line: what it does, and what it says when a user errs."""

import json
import socket
import sqlite3
import stat
from pathlib import Path

import pytest

from leafkey.oscore.material import ID_LEN, from_fields
from leafkey.pat import tokens
from leafmanager.store import database
from tests.manager.nodes import decoded
from tests.manager.processes import Leafkey
from tests.support.channel import CHANNEL, IS_SERVER, MANAGER, NAME, URI

ZEROS = "00" * 32


def records(leafkey: Leafkey, *arguments: str) -> list[dict]:
    return json.loads(leafkey.ok(*arguments, "--json"))


def test_init_asks_nothing_without_a_terminal(leafkey: Leafkey):
    result = leafkey.run("init")
    assert result.returncode == 0
    assert "manager manager at coap://" in result.stderr
    assert result.stdout == ""


def test_init_leaves_an_existing_manager_alone(home: Leafkey):
    assert "already" in home.fails("init")


def test_state_may_be_named_by_option(leafkey: Leafkey):
    other = leafkey.directory / "other"
    leafkey.ok("init", "--state", str(other))
    assert (other / database.FILE_NAME).is_file()
    assert not leafkey.state.exists()


@pytest.mark.parametrize(
    "uri",
    ["http://a", "coap://", "coap://a:0", "coap://a/b", "coap://a:99999", "a:1", "coap://a?b"],
)
def test_init_refuses_what_nodes_could_not_reach(leafkey: Leafkey, uri: str):
    assert "coap://host" in leafkey.fails("init", "--uri", uri, code=2)


@pytest.mark.parametrize("uri", ["coap://192.0.2.1", "coap://[2001:db8::1]:61616", "coap://home/"])
def test_init_takes_names_and_addresses(leafkey: Leafkey, uri: str):
    leafkey.ok("init", "--uri", uri)


@pytest.mark.parametrize(
    "command",
    [
        ("serve",),
        ("server", "add", "thermo"),
        ("client", "add", "display"),
        ("server", "list"),
        ("client", "list"),
        ("policy", "allow", "display", "thermo", "/temp"),
        ("policy", "deny", "display", "thermo", "/temp"),
        ("policy", "ask", "display", "thermo", "/temp"),
        ("policy", "list"),
        ("policy", "remove", "1"),
        ("consent", "list"),
        ("consent", "watch"),
        ("consent", "approve", "1"),
        ("consent", "deny", "1"),
        ("consent", "withdraw", "1"),
        ("grant", "list"),
    ],
)
def test_every_command_says_how_to_begin(leafkey: Leafkey, command: tuple[str, ...]):
    assert "leafkey init" in leafkey.fails(*command)


def test_a_client_gets_an_identity(home: Leafkey):
    path = home.directory / "display.identity"
    fields = decoded(path.read_bytes())
    assert (fields[NAME], fields[URI]) == ("display", "coap://127.0.0.1:5683")
    assert fields[MANAGER] == "home"
    assert from_fields(fields[CHANNEL]).alg == tokens.AES_CCM_16_64_128
    assert set(fields) == {NAME, URI, MANAGER, CHANNEL}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_server_learns_that_it_is_one(home: Leafkey):
    home.ok("server", "add", "lock", "--aead", "chacha20-poly1305")
    for name, alg in (("thermo", tokens.AES_CCM_16_64_128), ("lock", tokens.CHACHA20_POLY1305)):
        fields = decoded((home.directory / f"{name}.identity").read_bytes())
        assert fields[IS_SERVER] is True
        assert set(fields) == {NAME, URI, MANAGER, CHANNEL, IS_SERVER}
        # A board without AES has none for its manager either.
        assert from_fields(fields[CHANNEL]).alg == alg


def test_no_two_nodes_share_anything(home: Leafkey):
    channels = []
    for name in ("thermo", "display"):
        fields = decoded((home.directory / f"{name}.identity").read_bytes())
        channels.append(from_fields(fields[CHANNEL]))
    secrets = {channel.secret for channel in channels}
    ids = {id for channel in channels for id in (channel.sender_id, channel.recipient_id)}
    assert (len(secrets), len(ids)) == (2, 4)
    assert {len(id) for id in ids} == {ID_LEN}


def test_an_identity_replaces_no_file_unless_told(home: Leafkey):
    file = home.directory / "x"
    file.write_text("precious")
    assert "--force" in home.fails("client", "add", "lamp", "--out", str(file))
    assert file.read_text() == "precious"
    assert [record["name"] for record in records(home, "client", "list")] == ["display"]
    home.ok("client", "add", "lamp", "--out", str(file), "--force")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_identity_that_cannot_be_written_adds_no_node(home: Leafkey):
    assert "cannot be written" in home.fails("client", "add", "lamp", "--out", "no/such/dir")
    assert [record["name"] for record in records(home, "client", "list")] == ["display"]
    assert sorted(path.name for path in home.directory.iterdir()) == [
        "display.identity",
        "state",
        "thermo.identity",
    ]


@pytest.mark.parametrize("name", ["display", "thermo", "home"])
def test_names_are_unique(home: Leafkey, name: str):
    assert "another name" in home.fails("client", "add", name)
    assert "another name" in home.fails("server", "add", name)


@pytest.mark.parametrize("name", ["", "a b", "ä", "../x", "-" * 3, "x" * 33, "a\nb", "_"])
def test_names_are_plain(home: Leafkey, name: str):
    assert "is not a name" in home.fails("client", "add", "--", name, code=2)


@pytest.mark.parametrize(
    "options",
    [
        ("--window", "17"),
        ("--window", "0"),
        ("--degree", "16"),
        ("--degree", "2000"),
        ("--at-len", "7"),
        ("--at-len", "33"),
        ("--depth", "0"),
        ("--depth", "99999999999"),
        ("--slots", "0"),
        ("--slots", "5000"),
        ("--level", "bearer", "--at-len", "8"),
    ],
)
def test_a_server_keeps_to_the_limits(home: Leafkey, options: tuple[str, ...]):
    assert "these parameters" in home.fails("server", "add", "lock", *options)
    assert len(records(home, "server", "list")) == 1


@pytest.mark.parametrize(
    "options", [("--suite", "md5"), ("--aead", "rot13"), ("--level", "high"), ("--level", "")]
)
def test_a_server_takes_known_words_only(home: Leafkey, options: tuple[str, ...]):
    assert "is not a known" in home.fails("server", "add", "lock", *options, code=2)


def test_rules_come_and_go(home: Leafkey):
    home.ok("policy", "allow", "display", "thermo", "/temp", "--for", "1h", "--ats", "100")
    home.ok("policy", "deny", "display", "thermo", "/room/*", "--methods", "put,Get")
    first, second = records(home, "policy", "list")
    assert (first["rule"], first["path"], first["methods"]) == ("allow", "/temp", "GET")
    assert first["ats_left"] == 100
    assert (second["rule"], second["methods"], second["until"]) == ("deny", "GET,PUT", None)
    home.ok("policy", "remove", str(first["id"]))
    assert [record["id"] for record in records(home, "policy", "list")] == [second["id"]]
    assert "policy list" in home.fails("policy", "remove", str(first["id"]))


def test_tables_name_their_columns_and_cut_nothing(home: Leafkey):
    path = "/" + "x" * 120
    home.ok("policy", "allow", "display", "thermo", path)
    table = home.ok("policy", "list")
    assert table.splitlines()[0].split()[:3] == ["id", "rule", "client"]
    assert path in table


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody", "thermo", "/temp"), "no client named 'nobody'"),
        (("thermo", "thermo", "/temp"), "known are: display"),
        (("display", "nobody", "/temp"), "known are: broker, kdc, thermo"),
        (("display", "display", "/temp"), "no server named 'display'"),
    ],
)
def test_rules_are_about_known_nodes(home: Leafkey, arguments: tuple[str, ...], words: str):
    assert words in home.fails("policy", "allow", *arguments)
    assert words in home.fails("policy", "deny", *arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("temp",), "is not a path"),
        (("/temp?x=1",), "is not a path"),
        (("/te\x1bmp",), "is not a path"),
        (("/" + "x" * 128,), "too long"),
        (("/temp", "--methods", "GOT"), "'GOT' is not a method"),
        (("/temp", "--methods", ""), "is not a method"),
        (("/temp", "--level", "high"), "is not a known level"),
        (("/temp", "--for", "soon"), "is not a duration"),
        (("/temp", "--for", "0"), "is not a duration"),
        (("/temp", "--for", "-1h"), "is not a duration"),
        (("/temp", "--for", "99999999d"), "is not a duration"),
    ],
)
def test_rules_are_well_formed(home: Leafkey, arguments: tuple[str, ...], words: str):
    error = home.fails("policy", "allow", "display", "thermo", *arguments, code=2)
    assert words in error
    assert "\x1b" not in error


def test_bearer_needs_long_ats(home: Leafkey):
    home.ok("server", "add", "lock", "--at-len", "8")
    allow = ("policy", "allow", "display", "lock", "/x", "--level", "bearer")
    assert "bearer demands 16" in home.fails(*allow)


def test_lists_of_nothing_say_so_beside_the_results(leafkey: Leafkey):
    leafkey.ok("init")
    for group in ("server", "client", "policy", "grant"):
        result = leafkey.run(group, "list")
        assert (result.returncode, result.stdout) == (0, "")
        assert result.stderr.startswith("no ")
        assert records(leafkey, group, "list") == []


def test_derive_prints_nodes_and_keys(leafkey: Leafkey):
    node = leafkey.ok("derive", "--x", ZEROS, "--addr", "3.1.4")
    parent = leafkey.ok("derive", "--x", ZEROS, "--addr", "3.1").strip()
    assert len(bytes.fromhex(node)) == 32
    assert leafkey.ok("derive", "--x", parent, "--addr", "4") == node
    assert leafkey.ok("derive", "--x", ZEROS, "--addr", "").strip() == ZEROS


def test_derive_agrees_with_chacha20_itself(leafkey: Leafkey):
    # RFC 8439 section 2.3.2 has no zero nonce; appendix A.1 test vector 1 has zero key and nonce,
    # and test vector 2 the block counter 1, which is child 1 under label 0.
    expected = "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
    assert leafkey.ok("derive", "--x", ZEROS, "--addr", "1").strip() == expected


def test_derive_tells_the_keys_of_an_at_apart(leafkey: Leafkey):
    keys = {
        leafkey.ok("derive", "--x", ZEROS, "--addr", "1", "--key", key, "--suite", suite)
        for key in ("verif", "psk", "int", "conf")
        for suite in ("chacha20", "sha256")
    }
    assert len(keys) == 8


def test_derive_prints_what_a_dtls_client_needs(leafkey: Leafkey):
    at = leafkey.ok("derive", "--x", ZEROS, "--addr", "3.1.4").strip()
    identity = leafkey.ok("derive", "--x", ZEROS, "--addr", "3.1.4", "--key", "identity")
    assert identity.strip() == at[:32]
    assert len(leafkey.ok("derive", "--x", ZEROS, "--addr", "3.1.4", "--key", "psk").strip()) == 64


def test_derive_reads_a_secret_from_standard_input(leafkey: Leafkey):
    expected = leafkey.ok("derive", "--x", ZEROS, "--addr", "1")
    assert leafkey.ok("derive", "--x", "-", "--addr", "1", stdin=ZEROS + "\n") == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--x", "zz", "--addr", "1"), "x is not hexadecimal"),
        (("--x", "00", "--addr", "1"), "x has 1 byte"),
        (("--x", "-", "--addr", "1"), "x has 0 bytes"),
        (("--x", ZEROS, "--addr", "0"), "is not an address"),
        (("--x", ZEROS, "--addr", "1..2"), "is not an address"),
        (("--x", ZEROS, "--addr", "1.x"), "is not an address"),
        (("--x", ZEROS, "--addr", "1" * 5000), "is not an address"),
        (("--x", ZEROS, "--addr", str(1 << 64)), "is not an address"),
        (("--x", ZEROS, "--addr", "", "--key", "psk"), "the root has no keys"),
        (("--x", ZEROS, "--addr", "1", "--key", "x"), "is not a known key"),
        (("--x", ZEROS, "--addr", "1", "--suite", "x"), "is not a known suite"),
    ],
)
def test_derive_says_what_is_wrong(leafkey: Leafkey, options: tuple[str, ...], words: str):
    assert words in leafkey.fails("derive", *options, code=2)


def test_a_wrong_secret_is_not_repeated(leafkey: Leafkey):
    secret = "f00d" * 15
    assert secret not in leafkey.fails("derive", "--x", secret, "--addr", "1", code=2)


@pytest.mark.parametrize("command", [(), ("bogus",), ("policy", "allow"), ("init", "--bogus")])
def test_the_command_line_itself_is_explained(leafkey: Leafkey, command: tuple[str, ...]):
    result = leafkey.run(*command)
    assert result.returncode == 2
    assert "Usage" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_in_use_is_reported(home: Leafkey):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", 0))
        port = str(holder.getsockname()[1])
        assert f"port {port}" in home.fails("serve", "--host", "127.0.0.1", "--port", port)


def test_an_address_that_is_not_ours_is_reported(home: Leafkey):
    assert "cannot listen" in home.fails("serve", "--host", "192.0.2.77", "--port", "0")
    assert "cannot listen" in home.fails("serve", "--host", "no such host", "--port", "0")


def test_a_state_directory_that_cannot_be_is_reported(leafkey: Leafkey):
    file = leafkey.directory / "file"
    file.write_text("")
    assert "--state" in leafkey.fails("init", "--state", str(file / "below"))
    assert "--state" in leafkey.fails("init", "--state", str(file))
    assert "--state" in leafkey.fails("grant", "list", "--state", str(file))
    assert "--state" in leafkey.fails("init", "--state", "/proc/nowhere")


def test_a_database_that_is_none_is_reported(home: Leafkey):
    for path in home.state.iterdir():
        path.unlink()
    (home.state / database.FILE_NAME).write_bytes(b"nonsense" * 1000)
    assert "not a database" in home.fails("grant", "list")


def test_a_locked_database_is_reported(home: Leafkey):
    holder = sqlite3.connect(home.state / database.FILE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "locked" in home.fails("client", "add", "lamp")
    holder.close()
    assert not (home.directory / "lamp.identity").exists()


def test_a_foreign_schema_is_reported(home: Leafkey):
    with sqlite3.connect(home.state / database.FILE_NAME) as connection:
        connection.execute("UPDATE leafkey_schema SET version = 99")
    connection.close()
    assert "schema 99" in home.fails("grant", "list")


def test_help_promises_when_rules_count(leafkey: Leafkey):
    for command in ("allow", "deny"):
        assert "next ticket" in leafkey.ok("policy", command, "--help")


def test_nothing_is_left_behind(home: Leafkey):
    expected = {"state", "display.identity", "thermo.identity"}
    assert {Path(path).name for path in home.directory.iterdir()} == expected


def test_a_process_ends_as_the_function_does(home: Leafkey):
    wrong = ("policy", "allow", "nobody", "thermo", "/temp")
    for arguments in (wrong, ("derive", "--x", "zz", "--addr", "1"), ("grant", "list"), ("init",)):
        assert home.spawn(*arguments) == home.run(*arguments)
