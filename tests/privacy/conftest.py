"""A house for the tests of one file; its processes end with them."""

from tests.multi.conftest import house

__all__ = ["house"]
