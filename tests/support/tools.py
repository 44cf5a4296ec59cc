"""Programs of the machine that tests talk to: found, or named with what installs them.

    client = tool("coap-client-notls")

A missing one skips the test and is named when pytest ends; LEAFKEY_STRICT=1 makes it a failure.
"""

import os
import shutil
from pathlib import Path

import pytest

# What tests/tools/fetch_peers.py fetches.
FETCHED = Path(__file__).resolve().parents[2] / "build" / "peers" / "bin"
INSTALL = {
    "coap-client-notls": "apt-get install libcoap3-bin",
    "coap-client-gnutls": "apt-get install libcoap3-bin",
    "coap-client-openssl": "apt-get install libcoap3-bin",
    "coap-client-oscore": "python3 tests/tools/fetch_peers.py",
    "coap-server-notls": "apt-get install libcoap3-bin",
    "coap-server-gnutls": "apt-get install libcoap3-bin",
    "coap-server-openssl": "apt-get install libcoap3-bin",
    "coap-server-oscore": "python3 tests/tools/fetch_peers.py",
    "openssl": "apt-get install openssl",
}
CHECKOUT = "let it name a checkout of microCoAPy, to run its tests on the library too"
# What tests asked for in this run and did not get.
MISSING: set[str] = set()


def strict() -> bool:
    """Tell whether a missing tool is a failure."""
    return os.environ.get("LEAFKEY_STRICT") == "1"


def tool(name: str) -> str:
    """Return the path of a program; skip the test that asks, or fail it when strict."""
    found = shutil.which(name) or shutil.which(name, path=FETCHED)
    if found:
        return found
    MISSING.add(name)
    text = f"{name} is missing: {INSTALL[name]}"
    return pytest.fail(text) if strict() else pytest.skip(text)


def microcoapy() -> str:
    """Return the folder of microCoAPy that MICROCOAPY_DIR names; skip the test that asks without.

    No registry of packages has it, so that being strict does not ask for it.
    """
    name = "MICROCOAPY_DIR"
    if os.environ.get(name):
        return os.environ[name]
    MISSING.add(name)
    return pytest.skip(f"{name} is not set: {CHECKOUT}")


def report() -> list[str]:
    """Return a line for each missing program, and the one command that installs them all here."""
    lines = [f"{name}: {INSTALL[name]}" for name in sorted(MISSING) if name in INSTALL]
    if lines:
        lines.append("all of them, as root on Debian: make tools")
    return lines + [f"{name}: {CHECKOUT}" for name in sorted(MISSING - INSTALL.keys())]
