"""coap URIs (RFC 7252 section 6)."""

import unittest

from leafkey.coap import uri
from leafkey.coap.numbers import URI_HOST, URI_PATH, URI_QUERY
from leafkey.errors import DecodeError


class UriTest(unittest.TestCase):
    def test_there_and_back(self):
        for text, host, port, options in (
            ("coap://10.0.0.1/", "10.0.0.1", 5683, []),
            ("coap://10.0.0.1:7/a/b", "10.0.0.1", 7, [(URI_PATH, b"a"), (URI_PATH, b"b")]),
            ("coap://[2001:db8::1]/", "2001:db8::1", 5683, []),
            ("coap://[fe80::1%25eth0]:1/x", "fe80::1%eth0", 1, [(URI_PATH, b"x")]),
            ("coap://lock.home/", "lock.home", 5683, [(URI_HOST, b"lock.home")]),
            (
                "coap://h/?a=1&b",
                "h",
                5683,
                [(URI_HOST, b"h"), (URI_QUERY, b"a=1"), (URI_QUERY, b"b")],
            ),
            ("coap://1.2.3.4/a%2Fb?%26", "1.2.3.4", 5683, [(URI_PATH, b"a/b"), (URI_QUERY, b"&")]),
            ("coap://1.2.3.4/a/", "1.2.3.4", 5683, [(URI_PATH, b"a"), (URI_PATH, b"")]),
            ("coap://1.2.3.4/%FF%00", "1.2.3.4", 5683, [(URI_PATH, b"\xff\0")]),
        ):
            self.assertEqual(uri.parse(text), (host, port, options))
            self.assertEqual(uri.build(host, port, options), text)

    def test_what_is_normalized(self):
        self.assertEqual(uri.parse("COAP://LOCK.home"), uri.parse("coap://lock.home:5683/"))
        self.assertEqual(uri.parse("coap://1.2.3.4:/%61")[2], [(URI_PATH, b"a")])
        self.assertEqual(uri.parse("coap://1.2.3.256")[2], [(URI_HOST, b"1.2.3.256")])

    def test_what_is_refused(self):
        for text in (
            "",
            "coaps://h/",
            "http://h/",
            "coap:/h",
            "coap://",
            "coap:///x",
            "coap://user@h/",
            "coap://h/#x",
            "coap://h:0/",
            "coap://h:65536/",
            "coap://h:1x/",
            "coap://h:" + "9" * 40,
            "coap://[::1/",
            "coap://[h]/",
            "coap://[::1]x/",
            "coap://h/%",
            "coap://h/%4",
            "coap://h/%g0",
            "coap://h/%+1",
            "coap://%ff/",
            "coap://a%0ab/",
            "coap://h/" + "a" * 256,
            "coap://h/" + "a/" * 1024,
        ):
            with self.assertRaises(DecodeError):
                uri.parse(text)


if __name__ == "__main__":
    unittest.main()
