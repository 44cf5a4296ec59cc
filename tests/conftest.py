"""What every pytest run here shares."""

import os

from hypothesis import settings

from tests.support import tools

# The same examples in every run, so that a red test is red for whoever looks next. New ones, and
# more of them, with HYPOTHESIS_PROFILE=long.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_terminal_summary(terminalreporter):
    """Name what this machine has no tool for, with the command that installs it."""
    lines = tools.report()
    if lines:
        terminalreporter.section("not tested for want of a tool")
        for line in lines:
            terminalreporter.write_line(line)
