"""A missing tool is named, and counts as a failure when strict."""

import pytest

from tests.support import tools


@pytest.fixture(autouse=True)
def no_tools(monkeypatch):
    monkeypatch.setattr(tools, "MISSING", set())
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("LEAFKEY_STRICT", raising=False)
    monkeypatch.delenv("MICROCOAPY_DIR", raising=False)


def test_a_missing_tool_skips_and_is_named():
    with pytest.raises(pytest.skip.Exception, match="openssl is missing: apt-get install openssl"):
        tools.tool("openssl")
    assert tools.report()[0] == "openssl: apt-get install openssl"


def test_a_missing_tool_fails_when_strict(monkeypatch):
    monkeypatch.setenv("LEAFKEY_STRICT", "1")
    with pytest.raises(pytest.fail.Exception, match="apt-get install"):
        tools.tool("openssl")


@pytest.mark.parametrize("strict", ["0", "1"])
def test_a_checkout_is_named_and_never_asked_for(monkeypatch, strict):
    monkeypatch.setenv("LEAFKEY_STRICT", strict)
    with pytest.raises(pytest.skip.Exception, match="MICROCOAPY_DIR is not set"):
        tools.microcoapy()
    assert [line.split(":")[0] for line in tools.report()] == ["MICROCOAPY_DIR"]
    monkeypatch.setenv("MICROCOAPY_DIR", "/somewhere")
    assert tools.microcoapy() == "/somewhere"


def test_nothing_is_said_when_nothing_is_missing():
    assert tools.report() == []
