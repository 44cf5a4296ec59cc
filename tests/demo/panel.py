"""The demo's subscriber. When it is put out, its thief tries the key that it had."""

import asyncio
import sys

from leafkey.crypto.provider import default_provider
from leafkey.errors import AuthenticationError, Evicted
from leafkey.group import publication
from leafnode import Client

ATTEMPTS = 20


async def read(group, topic):
    async with group.subscribe(topic) as values:
        async for sender, value in values:
            print("read", value, "from", sender.hex())


async def pry(house, uri, key):
    """Fetch what was published under the next key, as a rule lets it, and try to open it."""
    for _ in range(ATTEMPTS):
        data = (await house.get(uri)).payload
        sealed = publication.decode(data)
        if sealed.gid != key.gid:
            try:
                print("opened", sealed.open(default_provider(), key))
            except AuthenticationError:
                print("fetched", len(data), "bytes, and cannot open them")
            return
        await asyncio.sleep(0.5)


async def main(state: str, uri: str, topic: str):
    async with Client(state) as house:
        group = await house.join(uri)
        print("joined")
        # What a thief copies from its memory.
        key = group._membership._member._current.key
        try:
            await read(group, topic)
        except Evicted as error:
            print("evicted:", error)
        await pry(house, "coap://home/ps/" + topic, key)


asyncio.run(main(*sys.argv[1:]))
