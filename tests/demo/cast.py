"""Who plays in the demo: a manager, a server and two clients, two members of a group, and taps."""

import asyncio
from pathlib import Path

from tests.demo.processes import Program, free_port, leafkey, micropython
from tests.demo.screen import PATIENCE, Screen
from tests.demo.tap import Tap

HERE = Path(__file__).resolve().parent
GROUP, TOPIC = "floor2", "floor2/temp"


class Cast:
    """Real processes on loopback. Everything they say to each other passes a tap."""

    def __init__(self, directory: Path, screen: Screen):
        self._directory = directory
        self._screen = screen
        self._programs: list[Program] = []
        self._client = ""
        # From the third act on several nodes speak at once, from ports that tell nobody who.
        self._is_group = False
        self._thermo: tuple[str, int] | None = None
        self._server_tap = Tap(self._see_at_server)
        self._manager_tap = Tap(self._see_at_manager)

    @property
    def server_port(self) -> int:
        """Where clients reach the server: the tap before it."""
        return self._server_tap.port

    async def open(self) -> None:
        """Put up the taps."""
        await self._server_tap.open()
        await self._manager_tap.open()

    async def close(self) -> None:
        """End everybody, and the taps."""
        for program in reversed(self._programs):
            await program.stop()
        self._server_tap.close()
        self._manager_tap.close()

    def said(self) -> str:
        """Return what everybody printed: for when something went wrong."""
        said = [f"--- {' '.join(program.command)}" for program in self._programs]
        lines = ["\n".join(program.lines) for program in self._programs]
        return "\n".join(f"{head}\n{body}" for head, body in zip(said, lines, strict=True))

    async def owner(self, *arguments: str) -> list[str]:
        """Let the owner type a command of leafkey; return what it prints.

        RuntimeError with that if the command fails.
        """
        print("   $ leafkey", " ".join(arguments).replace(str(self._directory), "~"), flush=True)
        return await self.leafkey(*arguments)

    async def leafkey(self, *arguments: str) -> list[str]:
        """Run a command of leafkey unseen; otherwise as `owner`."""
        program = await self._start(leafkey(), *arguments, "--state", self.path("manager"))
        if await program.finish(PATIENCE):
            raise RuntimeError("\n".join(program.lines))
        return program.lines

    async def manager(self) -> None:
        """Let the manager serve."""
        command = ("serve", "--host", "127.0.0.1", "--port", "0", "--state", self.path("manager"))
        program = await self._start(leafkey(), *command, heard=self._screen.tell)
        ready = await program.line("ready", PATIENCE)
        self._manager_tap.aim(("127.0.0.1", int(ready.rsplit(":", 1)[1])))

    async def server(self) -> None:
        """Let the server serve."""
        port = free_port()
        self._server_tap.aim(("127.0.0.1", port))
        program = str(HERE / "thermo.py")
        await self._start(micropython(), program, self.path("thermo"), str(port))

    async def client(self, name: str, *levels: str) -> list[str]:
        """Let a client ask for the temperature at these levels; return what it prints."""
        return await self.end(await self.begin(name, "display.py", "/temp", *levels))

    async def begin(self, name: str, program: str, path: str, *words: str) -> Program:
        """Let a client begin a program of the demo with the URI of a resource."""
        self._client = name
        uri = f"coap://127.0.0.1:{self.server_port}{path}"
        return await self._start(micropython(), str(HERE / program), self.path(name), uri, *words)

    async def member(self, name: str) -> Program:
        """Let a node begin the program of its name, and wait until it has joined the group."""
        self._is_group = True
        words = (self.path(name), f"coap://home/ace-group/{GROUP}", TOPIC)
        program = await self._start(micropython(), str(HERE / f"{name}.py"), *words)
        await program.line("joined", PATIENCE)
        return program

    async def end(self, program: Program) -> list[str]:
        """Wait until a client's program ends; return what it printed."""
        await program.finish(PATIENCE)
        await self._screen.quiet()
        return program.lines

    def listener(self) -> None:
        """From here on, who speaks to the server is the listener."""
        self._client = "listener"

    def identity(self, name: str) -> tuple[str, str]:
        """Return the option that puts a node's identity into its directory, which is made."""
        Path(self.path(name)).mkdir()
        return "--out", self.path(f"{name}/identity")

    def path(self, name: str) -> str:
        """Return where somebody keeps his things."""
        return str(self._directory / name)

    @property
    def manager_uri(self) -> str:
        """How nodes reach the manager: the tap before it."""
        return f"coap://127.0.0.1:{self._manager_tap.port}"

    async def _start(self, *command: str, heard=None) -> Program:
        program = Program(heard)
        self._programs.append(program)
        await program.start(*command)
        return program

    def _see_at_server(self, _peer: tuple[str, int], comes_in: bool, data: bytes) -> None:
        ends = (self._client, "thermo")
        self._screen.see(*(ends if comes_in else ends[::-1]), data)

    def _see_at_manager(self, peer: tuple[str, int], comes_in: bool, data: bytes) -> None:
        if self._is_group:
            self._screen.count(data)
            return
        self._thermo = self._thermo or peer
        ends = ("thermo" if peer == self._thermo else self._client, "home")
        self._screen.see(*(ends if comes_in else ends[::-1]), data)


async def send(data: bytes, port: int) -> bytes:
    """Send a datagram from a socket of its own and return the answer."""
    answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    class Once(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple) -> None:
            answer.set_result(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Once, remote_addr=("127.0.0.1", port))
    try:
        transport.sendto(data)
        return await asyncio.wait_for(answer, PATIENCE)
    finally:
        transport.close()
