"""`leafkey serve`: everything on the network put together, from start to orderly end."""

import asyncio
import fcntl
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from leafkey.coap import uri as coap_uri
from leafmanager import scopes
from leafmanager.ace.authz_info import OwnServers, Site
from leafmanager.ace.endpoint import Endpoint
from leafmanager.broker.resources import ROOT as TOPICS
from leafmanager.broker.resources import Broker
from leafmanager.errors import ManagerError
from leafmanager.events import Sink
from leafmanager.kdc import resources
from leafmanager.kdc.announcing import Announcer
from leafmanager.kdc.service import Service as Kdc
from leafmanager.net import transport
from leafmanager.net.channels import Channels
from leafmanager.net.courier import Courier
from leafmanager.net.downlink import Downlink
from leafmanager.net.front import Front
from leafmanager.net.handlers import Handlers
from leafmanager.net.observers import Observers
from leafmanager.net.reports import Reports
from leafmanager.net.subscriptions import Subscriptions
from leafmanager.net.watch import Watch
from leafmanager.provision import manager_of
from leafmanager.store.database import Store
from leafmanager.units import bracketed

_LOCK_FILE = "serve.lock"


@contextmanager
def only_one(state: Path, command: str = "leafkey serve") -> Iterator[None]:
    """Keep a second server away from the same manager: both would hold the same windows."""
    with (state / _LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ManagerError(
                f"'{command}' is running for {state} already", "end it first"
            ) from None
        yield


def is_serving(state: Path) -> bool:
    """Tell whether a 'leafkey serve' runs for the manager in a directory."""
    try:
        with only_one(state):
            return False
    except ManagerError:
        return True


async def serve(
    store: Store,
    bind: tuple[str, int | None],
    tell: Sink,
    ready: Callable[[str, str], None],
    answer_seconds: int,
) -> None:
    """Serve until SIGINT or SIGTERM.

    `bind` is host and port, the port of the manager's URI if None. `ready` is called once with the
    manager's name and the URI it listens at. `answer_seconds`: how long the owner has to answer a
    question. ManagerError if the address is not to be had.
    """
    with store.transaction() as session:
        own_port = coap_uri.parse(manager_of(session).uri)[1]
    host, port = bind
    stopped = stop_signal()
    channels = Channels(store)
    context = await transport.listen(host, own_port if port is None else port)
    downlink = Downlink(store, context, channels, tell)
    observers = Observers(store)
    watch = Watch(store, observers)
    courier = Courier(store, downlink)
    subscriptions = Subscriptions()
    kdc = Kdc(store, subscriptions, tell)
    announcer = Announcer(store, subscriptions, context, channels.reach, tell)
    broker = Broker(store, subscriptions, tell)
    running = [asyncio.create_task(one.run()) for one in (watch, courier, announcer, broker)]
    try:
        handlers = Handlers(store, downlink, watch, channels.name, tell, answer_seconds)
        reports = Reports(store, channels.name, tell)
        tokens = Endpoint(store, watch, handlers.ticket, channels.name, tell, answer_seconds)
        routes = handlers.routes() | reports.routes() | tokens.routes()
        sites = {
            resources.ROOT.encode(): Site(scopes.KDC, kdc.answer),
            TOPICS.encode(): Site(scopes.BROKER, broker.answer),
        }
        own = OwnServers(store, sites, {scopes.KDC: kdc.more})
        front = Front(channels, routes, tell, reports.reads(), observers, own, subscriptions)
        context.serversite = front
        host, port = transport.local_address(context)
        ready(channels.name, f"coap://{bracketed(host)}:{port}")
        await first_end(stopped, running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await context.shutdown()


async def first_end(stopped: asyncio.Event, running: list[asyncio.Task]) -> None:
    """Wait for the operator's word; raise what a task raises that should have gone on."""
    word = asyncio.create_task(stopped.wait())
    ended, _ = await asyncio.wait([word, *running], return_when=asyncio.FIRST_COMPLETED)
    word.cancel()
    for task in ended:
        task.result()


def stop_signal() -> asyncio.Event:
    """Return what is set when an operator ends this process."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped
