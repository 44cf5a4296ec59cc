"""Tokens, and requests under them, against tests/vectors/ace: every step, in order."""

import unittest

from leafkey.ace import cwt
from leafkey.ace.server import Authority
from leafkey.coap.numbers import UNAUTHORIZED
from leafkey.errors import AuthenticationError, Refused
from tests.support.vectors import load, unhex
from tests.unit.ace.world import AS, World
from tests.unit.pat.vectors_help import parse

FILES = ("ace/authz_info_maps", "ace/authz_info_order", "ace/server", "ace/update")


class StepsTest(unittest.TestCase):
    def test_steps(self):
        for file in FILES:
            for name, case in load(file):
                self.play(name, case)

    def play(self, name: str, case: dict):
        key = cwt.TokenKey(case["alg"], unhex(case["key"]), unhex(case["kid"]))
        authority = Authority(AS, case["audience"], key, case["issuer"])
        start = case["clock"]
        clock = None if start is None else lambda: start + world.now // 1000
        world = World(authority, clock)
        accesses = {}
        for step in case["steps"]:
            world.now = step["now"] * 1000
            place = name + ", " + step["op"] + " " + step["name"]
            if step["op"] == "restart":
                world.start()
            elif step["op"] == "request":
                self.request(world, step, accesses, place)
            else:
                self.post(world, step, accesses, place)

    def post(self, world: World, step: dict, accesses: dict, place: str):
        payload = unhex(step["payload"])
        if step["op"] == "update":
            answer = world.server.update(accesses[unhex(step["id"])], payload, world.now)
            if answer.code < 0x80:
                self.assertEqual(answer.payload, b"", place)
        else:
            if "nonce2" in step:
                world.random.drawn = [unhex(step["nonce2"]), unhex(step["id2"])]
            answer = world.server.post(payload, world.now)
            if "answer" in step:
                self.assertEqual(answer.payload.hex(), step["answer"], place)
        self.assertEqual(answer.code, step["code"], place)

    def request(self, world: World, step: dict, accesses: dict, place: str):
        try:
            access, code = world.receive(parse(step["message"]))
            accesses[access.id] = access
        except AuthenticationError:
            code = UNAUTHORIZED
        except Refused as refused:
            code = refused.response.code
        self.assertEqual(code, step["code"], place)


if __name__ == "__main__":
    unittest.main()
