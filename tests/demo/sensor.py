"""The demo's publisher: joins a group, and publishes a temperature every second."""

import asyncio
import sys

from leafnode import Client


async def main(state: str, uri: str, topic: str):
    async with Client(state) as house:
        group = await house.join(uri)
        print("joined")
        tenths = 215
        while True:
            await group.publish(topic, tenths / 10)
            print("published", tenths / 10)
            tenths += 1
            await asyncio.sleep(1)


asyncio.run(main(*sys.argv[1:]))
