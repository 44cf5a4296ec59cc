"""Tokens, tickets and their errors against tests/vectors/pat."""

import unittest

from leafkey.ace.token import TokenErrorResponse, decode_error, encode_error
from leafkey.errors import DecodeError
from leafkey.pat import ticket, tokens
from tests.support.vectors import load, unhex
from tests.unit.pat.vectors_help import pairs, parameters


class TokenVectorsTest(unittest.TestCase):
    def test_client_tokens(self):
        for name, case in load("pat/client_token"):
            token = tokens.ClientToken(unhex(case["ct"]), parameters(case["parameters"]))
            self.assertEqual(tokens.encode_client_token(token).hex(), case["encoded"], name)
            decoded = tokens.decode_client_token(unhex(case["encoded"]))
            self.assertEqual(decoded.ct, token.ct, name)
            self.assertEqual(decoded.params, token.params, name)

    def test_server_tokens(self):
        for name, case in load("pat/server_token"):
            st = unhex(case["st"]) if case["st"] else None
            token = tokens.ServerToken(st, parameters(case["parameters"]))
            self.assertEqual(tokens.encode_server_token(token).hex(), case["encoded"], name)
            decoded = tokens.decode_server_token(unhex(case["encoded"]))
            self.assertEqual(decoded.is_whole(), st is not None, name)
            self.assertEqual(tokens.encode_server_token(decoded).hex(), case["encoded"], name)

    def test_tokens_to_refuse(self):
        for file, decode in (
            ("pat/failure_client_token", tokens.decode_client_token),
            ("pat/failure_server_token", tokens.decode_server_token),
            ("pat/failure_slot_grant", tokens.decode_server_token),
            ("pat/failure_range", tokens.decode_server_token),
        ):
            for name, case in load(file):
                self.assertEqual(result(decode, unhex(case["encoded"])), case["expect"], name)


class TicketVectorsTest(unittest.TestCase):
    def test_requests(self):
        for name, case in self.of_kind("token-request"):
            decoded = ticket.decode_request(unhex(case["encoded"]))
            self.assertEqual(decoded.audience, case["audience"], name)
            self.assertEqual(decoded.scope, pairs(case["scope"]), name)
            self.assertEqual(decoded.request_id.hex(), case["request_id"], name)
            self.assertEqual(decoded.client_id, case.get("client_id"), name)
            self.assertEqual(decoded.sam, case.get("sam"), name)
            self.assertEqual(decoded.kept, pairs(case.get("kept", [])), name)
            self.assertEqual(ticket.encode_request(decoded).hex(), case["encoded"], name)

    def test_responses(self):
        for name, case in self.of_kind("token-response"):
            token, scope = ticket.decode_response(unhex(case["encoded"]))
            self.assertEqual(token.ct.hex(), case["ct"], name)
            params = parameters(case["parameters"])
            if len(case["access_token"]) > 2 * ticket.ACCESS_TOKEN_LEN:
                params[tokens.ENDORSEMENT] = unhex(case["access_token"])
            self.assertEqual(token.params, params, name)
            self.assertEqual(scope, pairs(case["scope"]), name)
            commands = ticket.decode_commands(unhex(case["encoded"]))
            self.assertEqual(commands.hex(), case.get("commands", ""), name)
            access_token = unhex(case["access_token"])
            encoded = ticket.encode_response(token, scope, access_token, commands)
            cai = ticket.decode_cai(unhex(case["encoded"]))
            self.assertEqual(cai, pairs(case["cai"]) if "cai" in case else None, name)
            if cai is not None:
                encoded = ticket.with_cai(encoded, cai)
            self.assertEqual(encoded.hex(), case["encoded"], name)

    def test_errors(self):
        for name, case in self.of_kind("token-error"):
            encoded = encode_error(case["error"], case.get("description"))
            self.assertEqual(encoded.hex(), case["encoded"], name)
            self.assertEqual(decode_error(encoded).error, case["error"], name)

    def test_the_owner_is_asked(self):
        for name, case in self.of_kind("consent-pending"):
            self.assertEqual(ticket.encode_pending().hex(), case["encoded"], name)
            self.assertTrue(ticket.is_pending(unhex(case["encoded"])), name)
        for other in (b"", b"\xff", b"\xa0", b"\x80", encode_error(1)):
            self.assertFalse(ticket.is_pending(other))

    def test_requests_to_refuse(self):
        for name, case in load("pat/failure_ticket"):
            with self.assertRaises(TokenErrorResponse, msg=name) as caught:
                ticket.decode_request(unhex(case["encoded"]))
            self.assertEqual(caught.exception.error, case["error"], name)

    def of_kind(self, kind: str) -> list:
        found = [(name, case) for name, case in load("pat/ticket") if case["kind"] == kind]
        self.assertTrue(found, kind)
        return found


def result(decode, data: bytes) -> str:
    try:
        decode(data)
    except DecodeError:
        return "DecodeError"
    return "accepted"


if __name__ == "__main__":
    unittest.main()
