"""The demo's client: asks for a temperature, at the usual level and at each there is."""

import asyncio
import sys

from leafkey.errors import NotAllowed
from leafnode import Client


async def main(state: str, uri: str, levels: tuple):
    async with Client(state) as house:
        try:
            print("answer", (await house.get(uri)).text)
            for level in levels:
                response = await house.get(uri, level)
                print("answer", level, response.status, response.text)
        except NotAllowed as error:
            print("refused", error)


asyncio.run(main(sys.argv[1], sys.argv[2], tuple(sys.argv[3:])))
