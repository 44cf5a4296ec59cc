"""`leafkey cam serve`: a CAM on the network, from start to orderly end."""

from collections.abc import Callable

from leafkey.coap import uri as coap_uri
from leafmanager.cam.handlers import Handlers
from leafmanager.cam.liaison import Liaison
from leafmanager.events import Sink
from leafmanager.net import transport
from leafmanager.net.channels import Channels
from leafmanager.net.front import Front
from leafmanager.net.service import stop_signal
from leafmanager.provision import manager_of
from leafmanager.store.database import Store
from leafmanager.units import bracketed


async def serve(
    store: Store,
    bind: tuple[str, int | None],
    tell: Sink,
    ready: Callable[[str, str], None],
) -> None:
    """Serve until SIGINT or SIGTERM; the arguments are those of `leafmanager.net.service.serve`."""
    with store.transaction() as session:
        own_port = coap_uri.parse(manager_of(session).uri)[1]
    host, port = bind
    stopped = stop_signal()
    channels = Channels(store)
    context = await transport.listen(host, own_port if port is None else port)
    try:
        handlers = Handlers(store, Liaison(store, context), channels.name, tell)
        context.serversite = Front(channels, handlers.routes(), tell)
        host, port = transport.local_address(context)
        ready(channels.name, f"coap://{bracketed(host)}:{port}")
        await stopped.wait()
    finally:
        await context.shutdown()
