"""Where a verifier keeps what must survive: its ST in one record, and marks in small ones beside.

A mark is raised once in w requests, and an ST may be large. So the marks of each PAGE slots have a
record of their own, small enough for littlefs to keep it in its metadata. Its name has the epoch,
and each mark has the generation that it counts for: no page is taken for one of another St.

A page is there before the ST is stored that opens a slot of it. So where one of an open slot is
missing or damaged, marks are lost, and without them the ST is worth nothing.
"""

from leafkey.codec import cbor
from leafkey.compat import const
from leafkey.errors import DecodeError, StateError
from leafkey.pat import tokens
from leafnode.storage import Storage

PAGE = const(8)
# A generation and a mark for each slot of a page; generation 0: none.
_EMPTY = (0, 0) * PAGE


class VerifierState:
    """The `store` of a leafkey.pat.verifier.Verifier (SPEC 6.1)."""

    def __init__(self, storage: Storage, name: str):
        self._storage = storage
        self._name = name
        # No ST has this epoch.
        self._token = tokens.ServerToken(None, {tokens.EPOCH: -1, tokens.SLOTS: {}})
        # The pages of slots that are open, or were: {number: what _EMPTY describes}.
        self._pages = {}
        # What leafkey.pat.follower knows of the last command; b"" before the first.
        self.last = b""

    def load(self) -> tuple | None:
        """Return (ServerToken, marks), None if nothing was stored; StateError if it is damaged."""
        record = self._storage.read(self._name)
        if record is None:
            return None
        try:
            data, last = cbor.decode_array(record, 2)
            token = tokens.decode_server_token(data)
            pages = {number: self._read_page(token, number) for number in _open_pages(token)}
            marks = _marks(token, pages)
        except (DecodeError, ValueError, TypeError):
            raise StateError("record " + self._name + " is not readable")
        self._token, self._pages, self.last = token, pages, last
        return token, marks

    def put_token(self, token: tokens.ServerToken, marks: dict):
        """Replace the ST, durably; of the marks, those stay whose generation goes on: `marks`."""
        self.put_command(token, marks, self.last)

    def put_command(self, token: tokens.ServerToken, marks: dict, last: bytes):
        """Replace the ST by the one that a command made, and `last`, durably; as `put_token`."""
        other_epoch = self._token[tokens.EPOCH] != token[tokens.EPOCH]
        pages = {} if other_epoch else dict(self._pages)
        for number in _open_pages(token):
            if number not in pages:
                # The ST in force has no open slot in it.
                self._write_page(token, number, _EMPTY)
                pages[number] = _EMPTY
        record = cbor.encode([tokens.encode_server_token(token), last])
        self._storage.write(self._name, record)
        self._token, self._pages, self.last = token, pages, last
        if other_epoch:
            self._forget_others()

    def put_mark(self, slot: int, mark: int):
        """Raise the mark of one slot, durably."""
        number, place = divmod(slot - 1, PAGE)
        page = list(self._pages[number])
        page[2 * place] = self._token[tokens.SLOTS][slot].generation
        page[2 * place + 1] = mark
        self._write_page(self._token, number, page)
        self._pages[number] = tuple(page)

    def _page_name(self, token: tokens.ServerToken, number: int) -> str:
        return page_prefix(self._name) + "%d-%d" % (token[tokens.EPOCH], number)

    def _write_page(self, token: tokens.ServerToken, number: int, page):
        self._storage.write(self._page_name(token, number), cbor.encode(list(page)))

    def _read_page(self, token: tokens.ServerToken, number: int) -> tuple:
        name = self._page_name(token, number)
        record = self._storage.read(name)
        if record is None:
            raise StateError("record " + name + " is missing")
        page = cbor.decode_array(record, 2 * PAGE)
        for item in page:
            tokens.check_uint(item, 0, tokens.MAX_UINT + tokens.MAX_WINDOW)
        return tuple(page)

    def _forget_others(self):
        """Remove the pages of other epochs; where that fails, the next epoch does it."""
        prefix = page_prefix(self._name)
        own = prefix + "%d-" % self._token[tokens.EPOCH]
        try:
            for name in self._storage.names(prefix):
                if not name.startswith(own):
                    self._storage.remove(name)
        except OSError:
            return


def page_prefix(name: str) -> str:
    """Return how the names of all pages begin that belong to the ST in a record."""
    return name + "-"


def _open_pages(token: tokens.ServerToken) -> list:
    """Return the numbers of the pages that hold an open slot."""
    numbers = {(slot - 1) // PAGE for slot, grant in token[tokens.SLOTS].items() if grant}
    return sorted(numbers)


def _marks(token: tokens.ServerToken, pages: dict) -> dict:
    """Return the marks in pages that count for the grants of an ST, by slot."""
    marks = {}
    for slot, grant in token[tokens.SLOTS].items():
        if grant is None:
            continue
        number, place = divmod(slot - 1, PAGE)
        generation, mark = pages[number][2 * place : 2 * place + 2]
        if generation > grant.generation:
            raise DecodeError("a mark of a generation to come")
        if generation == grant.generation:
            marks[slot] = mark
    return marks
