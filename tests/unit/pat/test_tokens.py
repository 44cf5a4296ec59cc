"""leafkey.pat.tokens: every token that SPEC 4.1 and 11 refuse, and those next to them."""

import unittest

from leafkey.codec import cbor
from leafkey.errors import DecodeError
from leafkey.pat import tokens
from leafkey.pat.renewal import Renewal, strictest
from tests.unit.pat.world import ST, client_token, server_token

GRANT = {18: 1, 14: 99, 15: 1}
TEXTS = (tokens.AUDIENCE, tokens.SAM)
# (label, smallest, largest) as SPEC 4.1 and 11 have them.
RANGES_S = (
    (tokens.EPOCH, 0, (1 << 30) - 1),
    (tokens.SUITE, 1, 2),
    (tokens.AT_LEN, 8, 32),
    (tokens.VERSION, 0, (1 << 30) - 1),
)
RANGES_C = ((tokens.LEVEL, 0, 3), (tokens.AT_LEN, 8, 32), (tokens.SUITE, 1, 2))


def params_s(**changes) -> dict:
    """paramS as CBOR has it; a name in `changes` replaces a parameter."""
    token = server_token({}, **changes)
    params = dict(token.params)
    params.setdefault(tokens.SLOTS, {})
    return params


def with_grant(changes: dict | None = None, slot: object = 1, **params) -> dict:
    made = params_s(**params)
    made[tokens.SLOTS] = {slot: dict(GRANT) if changes is None else changes}
    return made


def params_c() -> dict:
    return dict(client_token(server_token({1: tokens.SlotGrant(1, 99, 1)}), 1).params)


def encoded(secret: object, params: object) -> bytes:
    return cbor.encode([secret, params])


class Case(unittest.TestCase):
    def takes(self, decode, secret, params, message=None):
        try:
            return decode(encoded(secret, params))
        except DecodeError as error:
            self.assertTrue(False, str(message) + ": " + str(error))

    def refuses(self, decode, secret, params, message=None):
        try:
            decode(encoded(secret, params))
        except DecodeError:
            return
        self.assertTrue(False, "taken: " + str(message))

    def refuses_data(self, decode, data: bytes):
        with self.assertRaises(DecodeError):
            decode(data)


class ServerTokenTest(Case):
    decode = staticmethod(tokens.decode_server_token)

    def test_round_trip(self):
        permissions = [("/temp", 5), ("/é", 127)]
        slots = {
            1: tokens.SlotGrant(3, 99, 2, 7, permissions, 600, Renewal(5, None, 7)),
            2: None,
            4: tokens.SlotGrant(1, 0, 0, permissions=[]),
        }
        data = tokens.encode_server_token(server_token(slots))
        token = tokens.decode_server_token(data)
        self.assertTrue(token.is_whole())
        self.assertEqual(token.st, ST)
        grant = token[tokens.SLOTS][1]
        self.assertEqual((grant.generation, grant.last, grant.level, grant.first), (3, 99, 2, 7))
        self.assertEqual((grant.permissions, grant.expires_in), (permissions, 600))
        self.assertEqual(grant.renewal, Renewal(5, None, 7))
        self.assertIsNone(token[tokens.SLOTS][2])
        self.assertEqual(token[tokens.SLOTS][4].permissions, [])
        self.assertEqual(tokens.encode_server_token(token), data)

    def test_a_change_needs_its_version_alone(self):
        token = self.takes(self.decode, None, {tokens.VERSION: 2})
        self.assertFalse(token.is_whole())
        self.refuses(self.decode, None, {tokens.N_CLIENTS: 2})
        self.refuses(self.decode, None, {})

    def test_not_a_pair(self):
        for value in (None, 1, b"", {}, [], [ST], [ST, params_s(), 1], {1: ST}):
            self.refuses_data(self.decode, cbor.encode(value))

    def test_secrets(self):
        for secret in (b"", ST[:31], ST + b"\x00", "x" * 32, 1, True, [ST], {}):
            self.refuses(self.decode, secret, params_s(), repr(secret))

    def test_parameters_are_a_map(self):
        for params in (None, 1, [], b"", "x", True):
            self.refuses(self.decode, ST, params)
            self.refuses(self.decode, None, params)

    def test_missing(self):
        for label in params_s():
            params = params_s()
            del params[label]
            self.refuses(self.decode, ST, params, label)

    def test_unknown(self):
        for label in (0, 12, 13, 14, 16, 18, 21, 22, -1, 1000, "1", b"1"):
            params = params_s()
            params[label] = 1
            self.refuses(self.decode, ST, params, label)
            self.refuses(self.decode, None, {tokens.VERSION: 2, label: 1}, label)

    def test_unknown_in_a_grant(self):
        for label in (0, 1, 12, 19, 24, -1, "18"):
            changes = dict(GRANT)
            changes[label] = 1
            self.refuses(self.decode, ST, with_grant(changes), label)

    def test_missing_in_a_grant(self):
        for label in GRANT:
            changes = dict(GRANT)
            del changes[label]
            self.refuses(self.decode, ST, with_grant(changes), label)

    def test_mistyped(self):
        for label in params_s():
            for value in (None, True, False, 1.0, 10.0, b"\x01", [1], cbor.Tag(1, 1), -1):
                params = params_s()
                params[label] = value
                self.refuses(self.decode, ST, params, (label, value))

    def test_mistyped_in_a_grant(self):
        for label in (13, 14, 15, 16, 17, 18, 22, 23):
            for value in (None, True, 1.0, "1", b"1", -1, {}):
                if value is None and label == tokens.PERMISSIONS:
                    continue
                changes = dict(GRANT)
                changes[label] = value
                self.refuses(self.decode, ST, with_grant(changes), (label, value))

    def test_null_permissions_are_not_absent_ones(self):
        changes = dict(GRANT)
        changes[tokens.PERMISSIONS] = None
        token = self.takes(self.decode, ST, with_grant(changes))
        self.assertEqual(token[tokens.SLOTS][1].permissions, tokens.UNDEFINED)
        self.assertFalse(token[tokens.SLOTS][1].permissions in (None, []))
        self.assertEqual(tokens.encode_server_token(token), encoded(ST, with_grant(changes)))

    def test_mistyped_slots(self):
        for slot in (0, -1, "1", b"1", 65536):
            self.refuses(self.decode, ST, with_grant(slot=slot), slot)
        for grant in (1, [], True, "x"):
            params = params_s()
            params[tokens.SLOTS] = {1: grant}
            self.refuses(self.decode, ST, params, grant)

    def test_ranges(self):
        for label, smallest, largest in RANGES_S:
            for value in (smallest, largest):
                params = params_s()
                params[label] = value
                self.takes(self.decode, ST, params, (label, value))
            for value in (smallest - 1, largest + 1, 1 << 63):
                params = params_s()
                params[label] = value
                self.refuses(self.decode, ST, params, (label, value))

    def test_aead(self):
        for value in (10, 24):
            self.takes(self.decode, ST, params_s(aead=value))
        for value in (0, 1, 11, 23, 25, 10.0, 24.0, "10"):
            self.refuses(self.decode, ST, params_s(aead=value), value)

    def test_texts(self):
        for label in TEXTS:
            for value in ("x" * 256, "é" * 128, b"x", 1, None):
                params = params_s()
                params[label] = value
                self.refuses(self.decode, ST, params, label)
            params[label] = "é" * 127
            self.takes(self.decode, ST, params, label)

    def test_table_limit(self):
        self.takes(self.decode, ST, params_s(n_clients=4095, window=8))
        self.refuses(self.decode, ST, params_s(n_clients=4096, window=8))
        self.refuses(self.decode, ST, params_s(n_clients=0))
        self.refuses(self.decode, ST, params_s(n_clients=65536))

    def test_degree(self):
        self.takes(self.decode, ST, params_s(window=8, degree=17))
        self.refuses(self.decode, ST, params_s(window=8, degree=16))
        self.takes(self.decode, ST, params_s(degree=1025))
        self.refuses(self.decode, ST, params_s(degree=1026))
        self.refuses(self.decode, ST, params_s(window=17, degree=40))
        self.refuses(self.decode, ST, params_s(window=0))

    def test_capacity(self):
        self.takes(self.decode, ST, params_s(degree=1025, depth=(1 << 20) - 1))
        self.refuses(self.decode, ST, params_s(degree=1025, depth=1 << 20))
        self.refuses(self.decode, ST, params_s(depth=(1 << 30) - 1))
        self.refuses(self.decode, ST, params_s(depth=0))

    def test_first_and_last(self):
        capacity = 64 * 16
        for first, last, good in (
            (0, capacity - 1, True),
            (capacity - 1, capacity - 1, True),
            (0, 0, True),
            (0, capacity, False),
            (1, 0, False),
            (0, (1 << 30) - 1, False),
        ):
            changes = dict(GRANT)
            changes[13], changes[14] = first, last
            check = self.takes if good else self.refuses
            check(self.decode, ST, with_grant(changes), (first, last))

    def test_slots_beyond_n(self):
        self.takes(self.decode, ST, with_grant(slot=4))
        self.refuses(self.decode, ST, with_grant(slot=5))

    def test_bearer_needs_16_bytes(self):
        changes = {18: 1, 14: 99, 15: 0}
        self.takes(self.decode, ST, with_grant(changes, at_len=16))
        self.refuses(self.decode, ST, with_grant(changes, at_len=15))
        self.takes(self.decode, ST, with_grant(at_len=15))

    def test_permissions(self):
        for value in ([["/a", 1, 1]], [["/a"]], [[b"/a", 1]], [["/a", True]], [["/a", 128]],
                      [["/" + "a" * 128, 1]], [["/a", -1]], [["/a", 1]] * 33):  # fmt: skip
            changes = dict(GRANT)
            changes[tokens.PERMISSIONS] = value
            self.refuses(self.decode, ST, with_grant(changes), value)
        changes[tokens.PERMISSIONS] = [["/a", 127]] * 31 + [["/" + "a" * 127, 127]]
        self.takes(self.decode, ST, with_grant(changes))

    def test_cut_or_longer(self):
        data = tokens.encode_server_token(server_token({1: tokens.SlotGrant(1, 99, 1)}))
        for end in range(len(data)):
            self.refuses_data(self.decode, data[:end])
        self.refuses_data(self.decode, data + b"\x00")

    def test_items_are_limited(self):
        huge = b"\x82\x58\x20" + ST + b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"
        self.refuses_data(self.decode, huge)


class RenewalTest(unittest.TestCase):
    def test_the_strictest_of_two_rules(self):
        rule = Renewal(5, None, 7)
        self.assertEqual(strictest(rule, None), rule)
        self.assertEqual(strictest(None, rule), rule)
        self.assertIsNone(strictest(None, None))
        self.assertEqual(strictest(rule, Renewal(4, 60, 8)), Renewal(4, 60, 7))
        self.assertEqual(strictest(Renewal(4, 60, 8), rule), Renewal(4, 60, 7))


class ClientTokenTest(Case):
    decode = staticmethod(tokens.decode_client_token)

    def test_round_trip(self):
        params = params_c()
        params[tokens.PERMISSIONS] = [("/temp", 1)]
        params[tokens.EXPIRES_IN] = 60
        params[tokens.RENEWAL] = Renewal(None, 60, None)
        params[tokens.SAM] = "coap://m/token"
        data = tokens.encode_client_token(tokens.ClientToken(ST, params))
        token = tokens.decode_client_token(data)
        self.assertEqual((token.ct, token.params), (ST, params))
        self.assertEqual(token.expires_in, 60)

    def test_missing(self):
        for label in params_c():
            params = params_c()
            del params[label]
            self.refuses(self.decode, ST, params, label)

    def test_secret_may_not_be_absent(self):
        for secret in (None, b"", ST[1:], ST + ST, 1):
            self.refuses(self.decode, secret, params_c())

    def test_unknown(self):
        for label in (0, 1, 3, 11, 18, 19, 20, -65539, "2"):
            params = params_c()
            params[label] = 1
            self.refuses(self.decode, ST, params, label)

    def test_mistyped(self):
        for label in list(params_c()) + [16, 17, 22]:
            for value in (None, True, 1.0, b"\x01", {}, -1):
                params = params_c()
                params[label] = value
                self.refuses(self.decode, ST, params, (label, value))

    def test_ranges(self):
        for label, smallest, largest in RANGES_C:
            params = params_c()
            params[tokens.LEVEL] = 1
            for value in (smallest - 1, largest + 1):
                params[label] = value
                self.refuses(self.decode, ST, params, (label, value))

    def test_first_and_last(self):
        for first, last in ((100, 99), (0, 64 * 16), (1 << 30, 1 << 30)):
            params = params_c()
            params[tokens.FIRST], params[tokens.LAST] = first, last
            self.refuses(self.decode, ST, params, (first, last))

    def test_bearer_needs_16_bytes(self):
        params = params_c()
        params[tokens.LEVEL], params[tokens.AT_LEN] = 0, 15
        self.refuses(self.decode, ST, params)
        params[tokens.AT_LEN] = 16
        self.takes(self.decode, ST, params)

    def test_nothing_secret_is_shown(self):
        token = tokens.ClientToken(ST, params_c())
        shown = repr(token) + repr(server_token({}))
        for secret in (ST.hex(), repr(ST)):
            self.assertFalse(secret in shown)


if __name__ == "__main__":
    unittest.main()
