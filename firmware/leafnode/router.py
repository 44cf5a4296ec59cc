"""Resources, and which of them answers a request. Works on plain messages, without any I/O.

What protects a request is not known here: `Server` lets only admitted requests through.
"""

from leafkey.coap.message import Message
from leafkey.coap.numbers import (
    ACCEPT,
    APPLICATION_LINK_FORMAT,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    CONTENT_FORMAT,
    DELETE,
    DELETED,
    FETCH,
    GET,
    INTERNAL_SERVER_ERROR,
    METHOD_NOT_ALLOWED,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    is_success,
)
from leafkey.pat.tokens import BEARER, LEVELS, POP
from leafnode.request import METHODS, BadRequest, Request
from leafnode.response import Response, to_message

# Needs no authorization. The other levels are those of the PAT option; a resource without a level
# has the one its owner's policy demands.
OPEN = "open"

DISCOVERY = (b".well-known", b"core")


class Route:
    """One coroutine function: what it serves, and what it demands."""

    def __init__(self, path: str, handler, level: str | None, observable: bool, fresh: bool):
        self.path = path
        self.handler = handler
        self.level = level
        self.observable = observable
        self.fresh = fresh


class Router:
    """The resources of a node.

    Routes are found by path and method; /.well-known/core lists them (RFC 6690).
    """

    def __init__(self, log=print):
        """`log`: function (text) for errors in resources; it gets no peer data."""
        self._log = log
        # {path segments: {method code: Route}}, in the order of definition.
        self._routes = {}
        self._order = []
        # {path segments: rt} of the links that have one.
        self._types = {}

    def add(
        self,
        path: str,
        methods: tuple,
        handler,
        level: str | None,
        observable: bool,
        fresh: bool = False,
    ):
        """Let `handler`, a coroutine function (request), serve these methods of `path`.

        ValueError if the path is served already, or for a method or level there is none of.
        """
        if level not in (None, OPEN) and level not in LEVELS:
            raise ValueError("level is open, bearer, pop, integrity or confidential")
        if fresh and level in (OPEN, "bearer"):
            raise ValueError("only a protected request is fresh: level pop, or a higher one")
        key = _segments(path)
        routes = self._routes.get(key)
        if routes is None:
            routes = self._routes[key] = {}
            self._order.append(key)
        for name in methods:
            code = METHODS.get(name)
            if code is None or code in routes:
                raise ValueError("no such method, or it is served already: %s %s" % (name, path))
            routes[code] = Route(path, handler, level, observable and code in (GET, FETCH), fresh)

    def set_type(self, path: str, resource_type: str):
        """Let the link to a path say of which type the resource is (RFC 6690 section 3.1)."""
        self._types[_segments(path)] = resource_type

    def find(self, message: Message) -> Route | None:
        """The route a request goes to; None if path or method are not served."""
        routes = self._routes.get(message.path())
        return None if routes is None else routes.get(message.code)

    def is_open(self, message: Message) -> bool:
        """True if a request needs no authorization."""
        path = message.path()
        routes = self._routes.get(path)
        if routes is None:
            return path == DISCOVERY
        route = routes.get(message.code)
        if route is None:
            # 4.05 for an open resource; one that has any protection does not tell its methods.
            return all(route.level == OPEN for route in routes.values())
        return route.level == OPEN

    def level_of(self, message: Message) -> int:
        """The lowest protection level the resource allows (leafkey.pat.tokens.LEVELS)."""
        route = self.find(message)
        if route is None:
            return BEARER
        # Nothing protects the Echo of a request that carries an AT alone.
        return LEVELS.get(route.level or OPEN, POP if route.fresh else BEARER)

    def has(self, message: Message) -> bool:
        """True if something is served under the request's path."""
        return message.path() in self._routes

    async def dispatch(self, message: Message, who=None, route: Route | None = None) -> Message:
        """The response to a whole request; `who()` tells who asks, None if it may be anybody.

        `route`: what `find` gave for it, if that is known. Whatever a resource raises becomes an
        error response that says nothing about it.
        """
        route = route or self.find(message)
        if route is None:
            return self._unserved(message, who)
        try:
            result = await route.handler(Request(message, route.path, who))
            return _accepted(message, to_message(result, usual_code(message.code)))
        except BadRequest:
            return Message(BAD_REQUEST)
        except Exception as error:
            # The type alone: the text of an exception may hold what the peer sent.
            self._log("error in resource " + route.path + ": " + type(error).__name__)
            return Message(INTERNAL_SERVER_ERROR)

    def _unserved(self, message: Message, who) -> Message:
        if self.has(message):
            return Message(METHOD_NOT_ALLOWED)
        return self._discover(message, who) if message.path() == DISCOVERY else Message(NOT_FOUND)

    def _discover(self, message: Message, who) -> Message:
        if message.code != GET:
            return Message(METHOD_NOT_ALLOWED)
        links = ",".join(self._links(who is not None))
        response = Response(links, None, APPLICATION_LINK_FORMAT)
        return _accepted(message, to_message(response, CONTENT))

    def _links(self, authorized: bool) -> list:
        """A link to each resource; strangers see the open ones alone."""
        links = []
        for key in self._order:
            routes = self._routes[key].values()
            if authorized or any(route.level == OPEN for route in routes):
                path = "/" + "/".join([segment.decode() for segment in key])
                observable = any(route.observable for route in routes)
                kind = ';rt="' + self._types[key] + '"' if key in self._types else ""
                links.append("<" + path + ">" + kind + (";obs" if observable else ""))
        return links


def usual_code(method: int) -> int:
    """The response code of a request that did what it should (RFC 7252 section 5.8)."""
    if method in (GET, FETCH):
        return CONTENT
    return DELETED if method == DELETE else CHANGED


def _accepted(request: Message, response: Message) -> Message:
    """4.06 in place of a representation the client does not accept (RFC 7252 section 5.10.4).

    Only where nothing was changed: a client must not take a change for a refusal.
    """
    wanted = request.uint(ACCEPT)
    if wanted is None or request.code not in (GET, FETCH) or not is_success(response.code):
        return response
    present = response.uint(CONTENT_FORMAT)
    return response if present in (None, wanted) else Message(NOT_ACCEPTABLE)


def _segments(path: str) -> tuple:
    message = Message(GET)
    message.set_path(path)
    return message.path()
