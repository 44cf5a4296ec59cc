"""leafnode.observation: a client renews its registration before its AT has done its share."""
# heap: 1m

import asyncio
import unittest

import leafnode.observation as observation
from leafkey.coap.endpoint import ResponseEvent
from leafkey.coap.message import Message
from leafkey.coap.numbers import BLOCK2, CONTENT, GET, OBSERVE, UNAUTHORIZED
from leafkey.errors import AuthenticationError
from leafkey.pat.renewal import Renewal
from leafnode.clock import now_ms
from leafnode.link import Responses
from leafnode.observation import Observation

SECONDS = 10
# Within this a client has renewed.
SOON = observation.RENEWAL_SPAN / 1000 + 0.2


class Target:
    remote = ("192.0.2.1", 5683)
    options = ()


class Opener:
    """Opens notifications that have a payload, and counts them."""

    def __init__(self, renewal):
        self.renewal = renewal
        self.counter = 0

    def unprotect(self, message):
        if not message.payload and message.code != UNAUTHORIZED:
            raise AuthenticationError("forged")
        self.counter += 1
        return message


class Link:
    def cancel(self, handle):
        pass

    def release(self, remote, owing):
        pass


class Handle:
    remote = ("192.0.2.1", 5683)


class Client:
    """Registers at once; `registered` has the time of each registration."""

    def __init__(self, renewal):
        self.renewal = renewal
        self.link = Link()
        self.state = b"0"
        self.code = CONTENT
        self.observes = True
        self.registered = []
        self.responses = None
        self.opener = None
        self._number = 0

    def notify(self, state, code=CONTENT):
        self.responses.put(ResponseEvent(None, self.message(state, code), None))

    def message(self, state, code=CONTENT):
        message = Message(code, (), state)
        if code == CONTENT and self.observes:
            self._number += 1
            message.add(OBSERVE, self._number)
        return message

    async def _exchange(self, request, target, send):
        self.registered.append(now_ms())
        self.responses = Responses(Handle())
        self.observation._responses = self.responses
        self.opener = None if self.renewal == "open" else Opener(self.renewal)
        return self.message(self.state, self.code), self.opener


def follow(renewal, scenario):
    """Run `scenario(client, next)`; `next()` is the next payload."""
    client = Client(renewal)
    request = Message(GET)
    request.add(OBSERVE, 0)
    client.observation = Observation(client, request, Target())

    async def following():
        return (await client.observation.__anext__()).payload

    async def main():
        return await asyncio.wait_for(scenario(client, following), SECONDS)

    return asyncio.run(main()), client


class RenewalTest(unittest.TestCase):
    def test_after_the_last_notification(self):
        async def scenario(client, following):
            seen = [await following()]
            for state in (b"1", b"2"):
                client.state = state
                client.notify(state)
                seen.append(await following())
            self.assertEqual(len(client.registered), 1)
            waiting = asyncio.create_task(following())
            await asyncio.sleep(SOON)
            self.assertEqual((len(client.registered), client.opener.counter), (2, 0))
            client.notify(b"3")
            return seen + [await waiting]

        seen = follow(Renewal(2, None, None), scenario)[0]
        self.assertEqual(seen, [b"0", b"1", b"2", b"3"])

    def test_what_changed_meanwhile_is_shown(self):
        async def scenario(client, following):
            seen = [await following()]
            client.notify(b"1")
            seen.append(await following())
            client.state = b"2"
            return seen + [await following()]

        self.assertEqual(follow(Renewal(1, None, None), scenario)[0], [b"0", b"1", b"2"])

    def test_before_its_time_is_over(self):
        async def scenario(client, following):
            await following()
            waiting = asyncio.create_task(following())
            await asyncio.sleep(2.1)
            waiting.cancel()

        _, client = follow(Renewal(None, 1, None), scenario)
        times = client.registered
        self.assertTrue(len(times) >= 3)
        for i in range(len(times) - 1):
            self.assertTrue(700 <= times[i + 1] - times[i] < 1000, times)

    def test_at_once_when_the_server_ends_it(self):
        async def scenario(client, following):
            seen = [await following()]
            client.state = b"1"
            client.notify(b"", UNAUTHORIZED)
            return seen + [await following()]

        seen, client = follow(None, scenario)
        self.assertEqual((seen, len(client.registered)), ([b"0", b"1"], 2))

    def test_a_forged_end_is_ignored(self):
        async def scenario(client, following):
            await following()
            client.notify(b"")
            client.notify(b"1")
            return await following()

        seen, client = follow(None, scenario)
        self.assertEqual((seen, len(client.registered)), (b"1", 1))

    def test_a_refusal_of_the_renewal_is_the_last_word(self):
        async def scenario(client, following):
            await following()
            client.code, client.state = UNAUTHORIZED, b""
            client.notify(b"", UNAUTHORIZED)
            last = await client.observation.__anext__()
            with self.assertRaises(StopAsyncIteration):
                await following()
            return last.code

        self.assertEqual(follow(None, scenario)[0], UNAUTHORIZED)

    def test_a_renewal_that_is_not_observed_any_more_ends_it(self):
        async def scenario(client, following):
            await following()
            client.notify(b"1")
            await following()
            client.state, client.observes = b"1", False
            self.assertEqual(await following(), b"1")
            with self.assertRaises(StopAsyncIteration):
                await following()

        follow(Renewal(1, None, None), scenario)

    def test_lost_notifications_count(self):
        async def scenario(client, following):
            await following()
            client.opener.counter = 4
            client.notify(b"5")
            await following()
            waiting = asyncio.create_task(following())
            await asyncio.sleep(SOON)
            waiting.cancel()

        _, client = follow(Renewal(5, None, None), scenario)
        self.assertEqual(len(client.registered), 2)

    def test_open_resources_have_no_rule(self):
        async def scenario(client, following):
            await following()
            client.notify(b"no", UNAUTHORIZED)
            self.assertEqual(await following(), b"no")
            with self.assertRaises(StopAsyncIteration):
                await following()

        _, client = follow("open", scenario)
        self.assertEqual(len(client.registered), 1)

    def test_a_part_of_a_body_is_never_taken_for_the_whole(self):
        part = Message(CONTENT, ((BLOCK2, 8),), b"1")
        self.assertIsNone(observation._state(part))


if __name__ == "__main__":
    unittest.main()
