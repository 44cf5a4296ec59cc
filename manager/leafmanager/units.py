"""How a person writes names, times, methods, paths, levels and secrets; UsageError if wrong."""

import re

from leafkey.ace import aif
from leafkey.coap import uri as coap_uri
from leafkey.coap.numbers import URI_HOST
from leafkey.errors import DecodeError
from leafkey.pat import functions, tokens
from leafmanager import scopes
from leafmanager.errors import UsageError
from leafmanager.policy import EVERY_NAME
from leafmanager.scopes import Vocabulary

AEADS = {"aes-ccm": tokens.AES_CCM_16_64_128, "chacha20-poly1305": tokens.CHACHA20_POLY1305}

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s?)?")
_SLOTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PORT = re.compile(r"[0-9]{1,5}")
_INDEX = re.compile(r"[1-9][0-9]{0,19}")
_SECONDS = (86400, 3600, 60, 1)
# What SPEC section 4.1 and section 11 leave for expires_in.
_LONGEST = tokens.MAX_UINT


def name(text: str) -> str:
    """Return a node's name: 1 to 32 letters, digits, dots, hyphens and underscores."""
    if not _NAME.fullmatch(text):
        raise UsageError(
            f"{text!r} is not a name",
            "use 1 to 32 letters, digits, dots, hyphens and underscores; begin with one of the "
            "first two",
        )
    return text


def duration(text: str) -> int:
    """Return the seconds in "90", "45s", "15m", "1h", "7d" or "1h30m"."""
    match = _DURATION.fullmatch(text)
    parts = match.groups() if match else ()
    seconds = sum(int(part) * unit for part, unit in zip(parts, _SECONDS, strict=False) if part)
    if not 0 < seconds <= _LONGEST:
        raise UsageError(
            f"{text!r} is not a duration", "write for example 45s, 15m, 1h, 7d or 1h30m"
        )
    return seconds


def duration_text(seconds: int) -> str:
    """Return seconds as `duration` reads them: "1h30m"."""
    text = ""
    for unit, letter in zip(_SECONDS, "dhms", strict=True):
        count, seconds = divmod(seconds, unit)
        text += f"{count}{letter}" if count else ""
    return text or "0s"


def methods(text: str) -> int:
    """Return the AIF bits of "GET,PUT", or of "all"."""
    if text.lower() == "all":
        return aif.ALL_METHODS
    known = [method.upper() for method in aif.METHODS]
    bits = 0
    for word in text.upper().split(","):
        if word.strip() not in known:
            raise UsageError(
                f"{word.strip()!r} is not a method", f"use {', '.join(aif.METHODS)}, or all"
            )
        bits |= 1 << known.index(word.strip())
    return bits


def methods_text(bits: int) -> str:
    """Return AIF bits as `methods` reads them."""
    return "all" if bits == aif.ALL_METHODS else aif.method_names(bits)


def permission(text: str) -> tuple[str, int]:
    """Return (path, AIF bits) of "GET,PUT /vent"; "/vent" has all methods, "GET" the path ""."""
    words = text.split()
    named = words.pop() if words and words[-1].startswith("/") else ""
    if len(words) > 1 or not (words or named):
        raise UsageError(
            f"{text!r} is no part of a request", "write /vent, GET, or 'GET,PUT /vent'"
        )
    return path(named) if named else "", methods(words[0]) if words else aif.ALL_METHODS


def part(text: str, vocabulary: Vocabulary) -> tuple[str, int]:
    """Return (name, bits) of a part of a request, as `permission`, for whatever audience.

    Of groups and topics: "publish floor2"; "floor2" has all roles, "publish" the name "".
    """
    if vocabulary is scopes.RESOURCES:
        return permission(text)
    words = text.split()
    known = {word for words in vocabulary.words for word in words}
    named = words.pop() if words and not set(words[-1].split(",")) <= known else ""
    if len(words) > 1 or not (words or named):
        raise UsageError(
            f"{text!r} is no part of a request", "write floor2, publish, or 'publish floor2'"
        )
    return group(named) if named else "", roles(words[0] if words else "all", vocabulary)


def roles(text: str, vocabulary: Vocabulary) -> int:
    """Return the bits of "publish,read", or of "all"."""
    try:
        if text == "all":
            return vocabulary.every
        return vocabulary.bits([word.strip() for word in text.split(",")])
    except DecodeError:
        known = sorted({word for words in vocabulary.words for word in words})
        raise UsageError(f"{text!r} are no roles", f"use {', '.join(known)}, or all") from None


def bits_text(bits: int, vocabulary: Vocabulary) -> str:
    """Return bits of an audience's scopes as `methods` or `roles` read them."""
    return "all" if bits == vocabulary.every else vocabulary.bits_text(bits)


def group(text: str) -> str:
    """Return the name of a group or topic: "floor2", "floor2/*" for all below, or "*" for all."""
    if text != EVERY_NAME and not scopes.is_name(text.removesuffix("/*")):
        raise UsageError(
            f"{text!r} is no name of a group or topic",
            "write up to 128 characters without spaces, '*' and '?' that do not begin with '/'; "
            "'floor2/*' for all below floor2, '*' for all",
        )
    return text


def resource_permission(text: str) -> tuple[str, int]:
    """Return (path, AIF bits) as `permission`, of a text that names a path."""
    named, bits = permission(text)
    if not named:
        raise UsageError(f"{text!r} names no path", "write for example 'GET /temp'")
    return named, bits


def path(text: str) -> str:
    """Return a resource's path as the owner names it: "/temp", or "/room/*" for all below."""
    if not text.startswith("/") or "?" in text or not text.isprintable():
        raise UsageError(
            f"{text!r} is not a path", "write /temp for one resource, /room/* for all below /room"
        )
    if len(text.encode()) > aif.MAX_PATH:
        raise UsageError("the path is too long", f"{aif.MAX_PATH} bytes are the limit")
    return text


def uri(text: str) -> str:
    """Return the manager's URI as nodes get it: coap://host:port, the port always there."""
    try:
        host, port, options = coap_uri.parse(text.rstrip("/"))
    except DecodeError:
        host, port, options = "", 0, []
    if not host or not port or any(number != URI_HOST for number, _ in options) or len(text) > 200:
        raise UsageError(
            f"{text!r} is not the URI of a manager",
            "write coap://host or coap://host:port, as nodes reach this machine",
        )
    return f"coap://{bracketed(host)}:{port}"


def endpoint(text: str) -> tuple[str, int]:
    """Return host and port of "127.0.0.1:5683" or "[::1]:0"."""
    host, _, port = text.rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise UsageError(
            f"{text!r} is not an address with a port", "write for example 127.0.0.1:5700"
        )
    return host, int(port)


def bracketed(host: str) -> str:
    """Return a host as it stands before a port: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def level(text: str) -> int:
    """Return the number of a protection level."""
    return choice(text, tokens.LEVELS, "level")


def suite(text: str) -> int:
    """Return the number of a suite."""
    return choice(text, functions.SUITES, "suite")


def aead(text: str) -> int:
    """Return the COSE number of an AEAD."""
    return choice(text, AEADS, "AEAD")


def choice(text: str, choices: dict[str, int], what: str) -> int:
    """Return the number of a word, whatever its case; `what` names the kind in the error."""
    if text.lower() not in choices:
        raise UsageError(f"{text!r} is not a known {what}", f"use {' or '.join(choices)}")
    return choices[text.lower()]


def choice_text(choices: dict[str, int], number: int) -> str:
    """Return the name that has `number`."""
    return next(word for word, known in choices.items() if known == number)


def slots(text: str, n_clients: int) -> tuple[int, int]:
    """Return the first and the last slot of "5", "1-8", or "all" of `n_clients`."""
    match = _SLOTS.fullmatch(text)
    first, last = (1, n_clients) if text == "all" else (0, 0)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last:
        raise UsageError(f"{text!r} are no slots", "write for example 5, 1-8, or all")
    return first, last


def slots_text(first: int, last: int) -> str:
    """Return slots as `slots` reads them: "5", "1-8"."""
    return str(first) if first == last else f"{first}-{last}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 ticket", "3 tickets"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def secret(text: str) -> bytes:
    """Return the 32 bytes that 64 hexadecimal digits stand for. What was given is never shown."""
    try:
        value = bytes.fromhex(text.strip())
    except ValueError:
        raise UsageError("x is not hexadecimal", "give 64 digits 0-9, a-f") from None
    if len(value) != tokens.SECRET_LEN:
        raise UsageError(f"x has {len(value)} bytes", "give 32 bytes: 64 hexadecimal digits")
    return value


def address(text: str) -> tuple[int, ...]:
    """Return the indices of "3.1.4", each from 1; "" is the root."""
    words = text.split(".") if text else []
    if not all(_INDEX.fullmatch(word) and int(word) < 1 << 64 for word in words):
        raise UsageError(
            f"{text!r} is not an address", "write indices from 1 with dots between them: 3.1.4"
        )
    return tuple(map(int, words))
