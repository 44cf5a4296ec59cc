"""A serial device, or what an emulator offers in its place, that may vanish and come back."""

import asyncio
import io
import os
import termios
from collections.abc import Callable

import serial

from leafkey.coap import slipmux
from leafmanager.errors import ManagerError

# By convention (draft-bormann-t2trg-slipmux); a USB device does not care.
SPEED = 115200
# Bytes that wait for a slow line; messages past it are lost, and sent again by who sent them.
MAX_WAITING = 8192
# Seconds before the next try to open what has vanished, doubled from the first to the longest.
FIRST_RETRY, LONGEST_RETRY = 0.1, 5.0
_CHUNK = 4096


class Line:
    """The frames of one line. `port` is a device's path or `socket://HOST:PORT`."""

    def __init__(
        self,
        port: str,
        received: Callable[[int, bytes], None],
        tell: Callable[[str], None],
    ):
        """`received` takes the kind and content of each frame; `tell` what a person should know."""
        self._port = port
        self._received = received
        self._tell = tell
        self._device: serial.SerialBase | None = None
        self._descriptor = -1
        self._decoder = slipmux.Decoder()
        self._waiting = bytearray()
        self._lost = asyncio.Event()

    async def open(self) -> None:
        """Open the device. ManagerError if it is not to be had."""
        try:
            self._take(await asyncio.to_thread(self._opened))
        except (OSError, ValueError, termios.error) as error:
            # pyserial's own are OSErrors, but for a kind of URL that it does not know, and for a
            # device that vanishes while it is opened.
            raise ManagerError(
                f"cannot open {self._port}: {_reason(error)}",
                "name a serial device that is there and free, or socket://HOST:PORT",
            ) from None

    async def run(self) -> None:
        """Keep it open until cancelled; what vanishes is looked for again and again."""
        pause = FIRST_RETRY
        clock = asyncio.get_running_loop().time
        try:
            while True:
                opened = clock()
                await self._lost.wait()
                self._let_go()
                # A device that comes and goes is no reason to hurry.
                pause = FIRST_RETRY if clock() - opened > LONGEST_RETRY else _longer(pause)
                self._tell(f"{self._port} has vanished; waiting for it")
                await self._reopened(pause)
                self._tell(f"{self._port} is back")
        finally:
            self._let_go()

    def send(self, frame: bytes) -> None:
        """Send a frame, or lose it if the line is away or too slow."""
        if self._device is None or len(self._waiting) + len(frame) > MAX_WAITING:
            return
        if not self._waiting:
            asyncio.get_running_loop().add_writer(self._descriptor, self._write)
        self._waiting += frame

    async def _reopened(self, pause: float) -> None:
        while self._device is None:
            await asyncio.sleep(pause)
            pause = _longer(pause)
            try:
                await self.open()
            except ManagerError:
                continue

    def _opened(self) -> serial.SerialBase:
        device = serial.serial_for_url(self._port, SPEED, timeout=0, exclusive=True)
        try:
            device.fileno()
        except (AttributeError, io.UnsupportedOperation):
            device.close()
            raise ValueError("it can only be waited for in a way of its own") from None
        return device

    def _take(self, device: serial.SerialBase) -> None:
        self._device = device
        self._descriptor = device.fileno()
        self._decoder = slipmux.Decoder()
        self._lost.clear()
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _let_go(self) -> None:
        self._waiting.clear()
        if self._device is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._descriptor)
        loop.remove_writer(self._descriptor)
        device, self._device = self._device, None
        try:
            device.close()
        except OSError:
            # It is gone already.
            return

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        for kind, content in self._decoder.feed(data):
            self._received(kind, content)

    def _write(self) -> None:
        try:
            done = os.write(self._descriptor, self._waiting)
        except BlockingIOError:
            return
        except OSError:
            self._end()
            return
        del self._waiting[:done]
        if not self._waiting:
            asyncio.get_running_loop().remove_writer(self._descriptor)

    def _end(self) -> None:
        """It has vanished: `run` takes care of it."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._descriptor)
        loop.remove_writer(self._descriptor)
        self._lost.set()


def _longer(pause: float) -> float:
    return min(2 * pause, LONGEST_RETRY)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
