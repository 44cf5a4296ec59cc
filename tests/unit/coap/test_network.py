"""Two endpoints on a network that loses, doubles and reorders: every request is served once."""

import unittest

from leafkey.coap.endpoint import TIMEOUT, FailureEvent, RequestEvent, ResponseEvent
from leafkey.coap.message import Message
from leafkey.coap.numbers import CON, CONTENT, GET, NON, OBSERVE, PUT
from leafkey.coap.observe import is_fresh
from tests.unit.coap.network import Network, Node

# 100 seconds are more than a request with all its retransmissions takes.
LONG = 100000


class Server:
    """Counts how often each payload was carried out, and answers after `delay` ms."""

    def __init__(self, network: Network, delay: int = 0):
        self.node = network.node("server")
        self.node.on_event = self.take
        self.served = {}
        self.failures = []
        self.open = []
        self.delay = delay

    def take(self, node: Node, event: object, now: int):
        if isinstance(event, RequestEvent):
            payload = event.message.payload
            self.served[payload] = self.served.get(payload, 0) + 1
            self.open.append((now + self.delay, event.handle, payload))
        elif isinstance(event, FailureEvent):
            self.failures.append(event)
        self.answer(now)

    def answer(self, now: int):
        for waiting in list(self.open):
            due, handle, payload = waiting
            if due <= now:
                self.open.remove(waiting)
                self.node.endpoint.respond(handle, Message(CONTENT, payload=payload), now)


def play(network: Network, server: Server, duration: int):
    """Run in steps of 100 ms, so that the server's delayed answers get out."""
    for _ in range(duration // 100):
        network.run(100)
        server.answer(network.now)


class ExchangeTest(unittest.TestCase):
    def exchange(self, weather: tuple, delay: int, count: int = 12) -> tuple:
        network = Network(weather, seed=7 + delay)
        client = network.node("client")
        server = Server(network, delay)
        for i in range(count):
            message = Message(PUT, payload=b"%d" % i, type=CON)
            client.endpoint.request(message, "server", network.now)
        play(network, server, 3 * LONG)
        return client, server

    def assert_all_served_once(self, weather: tuple, delay: int):
        client, server = self.exchange(weather, delay)
        answers = [event.message.payload for event in client.events]
        self.assertEqual(answers, [b"%d" % i for i in range(12)])
        self.assertEqual(set(server.served.values()), {1})
        for node in (client, server.node):
            usage = node.endpoint.usage()
            del usage["replies"]
            self.assertEqual(set(usage.values()), {0})

    def test_a_quiet_network(self):
        self.assert_all_served_once((0, 0, 10, 10), 0)

    def test_duplication_and_reordering(self):
        self.assert_all_served_once((0, 60, 1, 3000), 0)

    def test_separate_responses_duplicated_and_reordered(self):
        self.assert_all_served_once((0, 60, 1, 1500), 2500)

    def test_loss(self):
        for delay in (0, 2500):
            client, server = self.exchange((30, 10, 1, 400), delay)
            answered = [event for event in client.events if isinstance(event, ResponseEvent)]
            failed = [event for event in client.events if isinstance(event, FailureEvent)]
            self.assertEqual(len(answered) + len(failed), 12)
            # Five copies each way: 0.51 lost a round trip, to the fifth, is one in thirty.
            self.assertTrue(len(answered) >= 10)
            self.assertEqual(set(server.served.values()), {1})

    def test_nobody_there(self):
        network = Network()
        client = network.node("client")
        handle = client.endpoint.request(Message(GET, type=CON), "nowhere", 0)
        network.run(LONG)
        self.assertEqual(client.events, [FailureEvent(handle, TIMEOUT)])
        self.assertEqual(network.sent, 5)

    def test_unreliable_requests_are_served_at_most_once(self):
        network = Network((20, 50, 1, 2000), seed=3)
        client = network.node("client")
        server = Server(network)
        for i in range(30):
            message = Message(GET, payload=b"%d" % i, type=NON)
            client.endpoint.request(message, "server", network.now)
        network.run(LONG)
        self.assertEqual(len(client.events), 30)
        self.assertEqual(set(server.served.values()), {1})

    def test_both_ask_each_other(self):
        network = Network((10, 20, 1, 800), seed=5)
        nodes = [network.node("a"), network.node("b")]
        for node in nodes:
            node.on_event = self.answer_and_keep
        for i in range(5):
            for node, peer in ((nodes[0], "b"), (nodes[1], "a")):
                message = Message(GET, payload=b"%d" % i, type=CON)
                node.endpoint.request(message, peer, network.now)
        network.run(5 * LONG)
        for node in nodes:
            self.assertEqual(
                [event.message.payload for event in node.events], [b"%d" % i for i in range(5)]
            )

    def answer_and_keep(self, node: Node, event: object, now: int):
        if isinstance(event, RequestEvent):
            message = Message(CONTENT, payload=event.message.payload)
            node.endpoint.respond(event.handle, message, now)
        else:
            node.events.append(event)


class ObservationTest(unittest.TestCase):
    def observed(self, weather: tuple, type: int) -> list:
        """Values the client took as new, of 30 notifications 700 ms apart."""
        network = Network(weather, seed=11)
        client = network.node("client")
        server = network.node("server")
        client.endpoint.request(Message(GET, ((OBSERVE, b""),)), "server", 0)
        network.run(20000)
        handle = server.events[0].handle
        server.endpoint.respond(handle, self.value(0, type), network.now)
        network.run(20000)
        for value in range(1, 31):
            server.endpoint.notify(handle, self.value(value, type), network.now)
            network.run(700)
        network.run(LONG)
        self.assertEqual([event for event in server.events if isinstance(event, FailureEvent)], [])
        return self.fresh(client.events)

    def value(self, value: int, type: int) -> Message:
        message = Message(CONTENT, payload=b"%d" % value, type=type)
        message.add(OBSERVE, value)
        return message

    def fresh(self, events: list) -> list:
        taken = []
        for event in events:
            value = event.message.uint(OBSERVE)
            if not taken or is_fresh(taken[-1], 0, value, 0):
                taken.append(value)
        return taken

    def test_the_last_state_arrives_whatever_is_lost(self):
        for weather in ((0, 0, 10, 10), (20, 20, 1, 900), (0, 80, 1, 2000)):
            taken = self.observed(weather, CON)
            self.assertEqual(taken, sorted(set(taken)))
            self.assertEqual(taken[-1], 30)

    def test_unreliable_notifications_arrive_in_order_or_not_at_all(self):
        taken = self.observed((20, 50, 1, 2000), NON)
        self.assertEqual(taken, sorted(set(taken)))
        self.assertTrue(len(taken) > 5)


if __name__ == "__main__":
    unittest.main()
