"""A member of a group in the multi-process tests: member.py STATE URI, and a command a line.

`publish TEXT` prints `said HEX`, a publication that anybody may carry; `hear HEX` prints
`heard TEXT` of one that another member has made. What fails prints the name of the exception.
"""

import asyncio
import sys
from binascii import hexlify, unhexlify

from leafkey.errors import LeafkeyError
from leafnode import Client


async def act(membership, word, argument):
    try:
        if word == "publish":
            await membership.settle()
            print("said", hexlify(membership.publish(argument.encode())).decode())
        else:
            publication = await membership.receive(unhexlify(argument))
            print("heard", publication.payload.decode())
    except LeafkeyError as error:
        print("failed", type(error).__name__)


async def main(state, uri):
    async with Client(state) as client:
        group = await client.join(uri)
        print("joined")
        lines = asyncio.StreamReader(sys.stdin)
        while True:
            line = await lines.readline()
            if not line:
                break
            await act(group._membership, *line.decode().split())


asyncio.run(main(*sys.argv[1:]))
