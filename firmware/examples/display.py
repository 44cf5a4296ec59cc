"""A display: shows what a thermometer says, now and at each change, as long as it may.

On a board the print would be a line on the screen.

To try it on a desktop, beside thermometer.py: `leafkey client add display` writes display.identity,
which goes into a directory of its own as leafkey/identity. `leafkey policy allow display thermo
/temp` lets it in. Start it as lamp.py says, with the URI in place of the port:
`.. display.py coap://127.0.0.1:5684/temp`.
"""

import asyncio
import sys

from leafkey.errors import AccessError, NotAllowed
from leafnode import Client

URI = sys.argv[1] if sys.argv[1:] else "coap://thermo/temp"
# Before the next try when the thermometer is off, or the owner has not allowed it yet.
SECONDS = 10


def show(*words):
    print("display:", *words)


async def follow(house):
    async with house.observe(URI) as readings:
        async for reading in readings:
            show(reading.value if reading.ok else "error " + reading.status)


async def main():
    async with Client() as house:
        while True:
            try:
                await follow(house)
            except NotAllowed as error:
                show("not allowed:", error)
            except AccessError as error:
                show("no reading:", error)
            await asyncio.sleep(SECONDS)


asyncio.run(main())
