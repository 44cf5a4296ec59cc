"""What every pytest run here shares."""

import os

import pytest
from hypothesis import settings

from tests.support import tools

# The same examples in every run, so that a red test is red for whoever looks next. New ones, and
# more of them, with HYPOTHESIS_PROFILE=long.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_sessionfinish(session):
    """Let a worker tell the process that prints the summary what it did not find."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["missing"] = sorted(tools.MISSING)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take in what a worker did not find; one that crashed says nothing."""
    tools.MISSING.update(getattr(node, "workeroutput", {}).get("missing", ()))


def pytest_terminal_summary(terminalreporter):
    """Name what this machine has no tool for, with the command that installs it."""
    lines = tools.report()
    if lines:
        terminalreporter.section("not tested for want of a tool")
        for line in lines:
            terminalreporter.write_line(line)
