"""A house for the tests of one file; its processes end with them."""

from collections.abc import Iterator

import pytest

from tests.multi.house import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house whose manager serves."""
    with House(tmp_path_factory.mktemp("house")) as made:
        yield made
