"""The DTLS sessions of one client: few, since each takes 24 KB."""

from leafkey.compat import const
from leafkey.errors import Unreachable
from leafnode.dtls_connection import Connection

# The oldest makes room for a further one.
MAX_CONNECTIONS = const(3)


class Connections:
    """Opens sessions with servers, each on a port of its own, and closes them."""

    def __init__(self, client):
        """`client`: a Client, which says where an origin is and has the link."""
        self._client = client
        self._open = []
        # Those of them that get no further requests.
        self._retired = []

    async def open(self, origin: tuple, identity: bytes, key: bytes) -> Connection:
        """Return an open session with the server of an origin, on the port above.

        AuthenticationError if it refuses the key; Unreachable if it does not answer, or there is no
        room here.
        """
        connection = self._attached(self._client.remote(origin), identity, key)
        is_open = False
        try:
            await connection.opened()
            is_open = True
        finally:
            if not is_open:
                self.close(connection)
        return connection

    def retire(self, connection: Connection):
        """There will be no further request in a session: close it when nothing waits there."""
        self._retired.append(connection)
        self._tidy()

    def close(self, connection: Connection):
        """Close a session; what waits for an answer there fails with Unreachable."""
        for kept in (self._open, self._retired):
            if connection in kept:
                kept.remove(connection)
        self._client.link.detach(connection)

    def _tidy(self):
        for connection in list(self._open):
            is_done = connection in self._retired and not self._client.link.awaits(connection)
            if is_done or connection.is_over:
                self.close(connection)

    def _attached(self, remote: tuple, identity: bytes, key: bytes) -> Connection:
        link = self._client.link
        self._tidy()
        while len(self._open) >= MAX_CONNECTIONS:
            self.close(self._open[0])
        try:
            socket = link.sibling()
        except (OSError, MemoryError):
            raise Unreachable("no port for a DTLS session")
        try:
            connection = Connection(socket, (remote[0], remote[1] + 1), identity, key)
        except (OSError, MemoryError):
            socket.close()
            raise Unreachable("no memory for a DTLS session")
        connection.on_over = link.fail
        self._open.append(connection)
        link.attach(connection)
        return connection
