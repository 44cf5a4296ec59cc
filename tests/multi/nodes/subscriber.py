"""A group member of the multi-process tests: subscriber.py STATE, and then a JSON object a line.

    {"do": "join", "uri": "coap://home/ace-group/floor2"}       -> joined
    {"do": "publish", "topic": "floor2/temp", "value": 21.5}    -> published
    {"do": "subscribe", "topic": "floor2/temp"}                 -> heard SENDER VALUE, ..
    {"do": "leave"}                                             -> left
    {"do": "num"}                                               -> key number 3
    {"do": "keep"}                                              -> kept: what a thief copies
    {"do": "pry", "topic": "floor2/temp"}                       -> sealed HEX, then what came of it

What is raised is printed as `failed Evicted ..`. `pry` takes what the broker has and opens it with
the copied key, whatever the KDC has said since; `pry` with "hex" takes that.
"""

import asyncio
import json
import sys

from leafkey.errors import LeafkeyError
from leafkey.group import publication
from leafnode import Client


class Node:
    def __init__(self, client):
        self.client = client
        self.group = None
        self.kept = None
        self.running = []

    async def act(self, wish):
        try:
            await getattr(self, wish.pop("do"))(**wish)
        except Exception as error:
            print("failed", type(error).__name__, error)

    async def join(self, uri, roles=("publish", "read")):
        self.group = await self.client.join(uri, tuple(roles))
        print("joined")

    async def publish(self, topic, value):
        await self.group.publish(topic, value)
        print("published")

    async def subscribe(self, topic, fresh=False):
        self.running.append(asyncio.create_task(self.follow(topic, fresh)))

    async def follow(self, topic, fresh):
        try:
            async with self.group.subscribe(topic, fresh) as values:
                print("subscribing")
                async for sender, value in values:
                    print("heard", sender.hex(), value)
                print("unsubscribed")
        except LeafkeyError as error:
            print("unsubscribed", type(error).__name__, error)

    async def leave(self):
        await self.group.leave()
        print("left")

    async def num(self):
        print("key number", self.group._membership._member.num())

    async def keep(self):
        self.kept = self.group._membership._member._current.key
        print("kept")

    async def pry(self, topic=None, hex=None):
        if hex is None:
            response = await self.client.get("coap://home/ps/" + topic)
            print("sealed", response.status, response.payload.hex())
            data = response.payload
        else:
            data = bytes.fromhex(hex)
        sealed = publication.decode(data)
        print("opened", sealed.open(self.client._node.provider, self.kept))


async def main(state):
    async with Client(state) as client:
        node = Node(client)
        lines = asyncio.StreamReader(sys.stdin)
        print("listening")
        while True:
            line = await lines.readline()
            if not line:
                break
            await node.act(json.loads(line))


asyncio.run(main(sys.argv[1]))
