"""coap URIs and the options they become (RFC 7252 section 6)."""

from leafkey.coap.numbers import COAP_PORT, URI_HOST, URI_PATH, URI_QUERY
from leafkey.compat import const
from leafkey.errors import DecodeError

SCHEME = "coap://"
MAX_URI_LENGTH = const(1024)
MAX_PART_LENGTH = const(255)

UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
PATH_SAFE = UNRESERVED + "!$&'()*+,;=:@"
QUERY_SAFE = UNRESERVED + "!$'()*+,;=:@/?"


def parse(uri: str) -> tuple:
    """(host, port, options) of coap://host:port/path?query (RFC 7252 section 6.4).

    `host` is a str without the brackets of an IPv6 address; a Uri-Host option is there only for a
    name, in lower case. Raises DecodeError; the text of `uri` does not appear in it.
    """
    if len(uri) > MAX_URI_LENGTH or uri[: len(SCHEME)].lower() != SCHEME:
        raise DecodeError("not a coap URI of up to 1024 characters")
    if "#" in uri:
        raise DecodeError("URI with a fragment")
    rest, _, query = _split(uri[len(SCHEME) :], "?")
    authority, _, path = _split(rest, "/")
    host, port = _host_and_port(authority)
    options = []
    if not is_address(host):
        host = _name(host)
        options.append((URI_HOST, host.encode()))
    if path:
        options += [(URI_PATH, _unescape(part)) for part in path.split("/")]
    if query:
        options += [(URI_QUERY, _unescape(part)) for part in query.split("&")]
    return host, port, options


def build(host: str, port: int, options: list) -> str:
    """The URI of a request to (host, port) with these options (RFC 7252 section 6.5)."""
    path = [value for number, value in options if number == URI_PATH]
    query = [_escape(value, QUERY_SAFE) for number, value in options if number == URI_QUERY]
    for number, value in options:
        if number == URI_HOST:
            host = _escape(value, PATH_SAFE)
    text = SCHEME + ("[%s]" % host.replace("%", "%25") if ":" in host else host)
    if port != COAP_PORT:
        text += ":%d" % port
    text += path_text(path)
    return text + "?" + "&".join(query) if query else text


def origin_of(uri: str) -> str:
    """The URI without path and query: "coap://host:port". DecodeError if it is none."""
    parse(uri)
    return SCHEME + _split(_split(uri[len(SCHEME) :], "?")[0], "/")[0]


def path_text(segments: list) -> str:
    """The path with these segments, as it stands in a URI: "/a/b"."""
    return "/" + "/".join([_escape(segment, PATH_SAFE) for segment in segments])


def is_address(host: str) -> bool:
    """True for an IPv4 or IPv6 address, False for a name."""
    if ":" in host:
        return True
    parts = host.split(".")
    return len(parts) == 4 and all(_is_digits(part) and int(part) < 256 for part in parts)


def _host_and_port(authority: str) -> tuple:
    if "@" in authority:
        raise DecodeError("user information in a coap URI")
    if authority[:1] == "[":
        host, closed, rest = _split(authority[1:], "]")
        colon, port = rest[:1], rest[1:]
        if not closed or ":" not in host or colon not in ("", ":"):
            raise DecodeError("malformed IPv6 address in a URI")
    else:
        host, _, port = _split(authority, ":")
    if not host:
        raise DecodeError("URI without host")
    # RFC 6874: the zone of a link-local address stands behind an escaped percent sign.
    return host.replace("%25", "%") if ":" in host else host, _port(port)


def _name(host: str) -> str:
    """A registered name, unescaped and in lower case."""
    try:
        name = _unescape(host.lower()).decode()
    except UnicodeError:
        raise DecodeError("host of a URI is not UTF-8")
    if any(ord(char) <= 0x20 for char in name):
        raise DecodeError("control character in the host of a URI")
    return name


def _port(text: str) -> int:
    if not text:
        return COAP_PORT
    if len(text) > 5 or not _is_digits(text) or not 0 < int(text) < 65536:
        raise DecodeError("port of a URI")
    return int(text)


def _is_digits(text: str) -> bool:
    return 0 < len(text) <= 5 and all(char in "0123456789" for char in text)


def _split(text: str, separator: str) -> tuple:
    # str.partition is missing where MicroPython is built small.
    at = text.find(separator)
    return (text, "", "") if at < 0 else (text[:at], separator, text[at + 1 :])


def _unescape(text: str) -> bytes:
    out = bytearray()
    raw = _utf8(text)
    i = 0
    while i < len(raw):
        if raw[i] == 0x25:
            out.append(_hex_byte(raw[i + 1 : i + 3]))
            i += 3
        else:
            out.append(raw[i])
            i += 1
    if len(out) > MAX_PART_LENGTH:
        raise DecodeError("URI part over 255 bytes")
    return bytes(out)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeError:
        raise DecodeError("URI with a lone surrogate")


def _hex_byte(pair: bytes) -> int:
    if len(pair) != 2 or any(digit not in b"0123456789abcdefABCDEF" for digit in pair):
        raise DecodeError("percent-encoding in a URI")
    return int(str(pair, "ascii"), 16)


def _escape(value: bytes, safe: str) -> str:
    return "".join(chr(byte) if chr(byte) in safe else "%%%02X" % byte for byte in value)
