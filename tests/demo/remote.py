"""The demo's other client program: opens the vent, and waits while the owner makes up his mind."""

import asyncio
import sys

from leafkey.errors import NotAllowed
from leafnode import Client


async def main(state: str, uri: str):
    async with Client(state, consent_wait=15) as house:
        try:
            print("answer", (await house.put(uri, {"open": True})).status)
        except NotAllowed as error:
            print("refused", error)


asyncio.run(main(sys.argv[1], sys.argv[2]))
