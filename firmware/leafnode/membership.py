"""A node's membership in one group: what it asks the KDC, and keeps of the answers (RFC 9594).

Requests travel in this node's own context with the KDC, so every answer is the KDC's word.
"""

import asyncio

from leafkey.coap import uri as coap_uri
from leafkey.coap.numbers import (
    APPLICATION_ACE_GROUPCOMM_CBOR,
    APPLICATION_PROBLEM_DETAILS_CBOR,
    BAD_REQUEST,
    CREATED,
    FORBIDDEN,
    NOT_FOUND,
    URI_PATH,
    code_text,
)
from leafkey.codec import cbor, utf8
from leafkey.compat import const
from leafkey.errors import (
    AuthenticationError,
    DecodeError,
    Evicted,
    LeafkeyError,
    NoGroupKey,
    NotAllowed,
    ProtocolError,
    UnknownSender,
)
from leafkey.group import credential, evidence, labels, member, messages, problem, scope
from leafnode.clock import now_ms
from leafnode.group_records import Records

# The one form of names that an application uses for roles of a pub/sub group.
ROLES = {"publish": labels.PUBLISH, "read": labels.READ}

NONCE_LEN = const(8)
# What a member can lack at once: the key, a confirmation, a Sender ID; and some more for races.
MAX_STEPS = const(6)
# Seconds between two observations of the group, where one ended.
RETRY_SECONDS = 5
# Publications under unknown keys make a member ask the KDC; not more often than this, ms.
ASK_MS = const(1000)


class Membership:
    """Keeps this node a member, as long as the KDC says that it is one."""

    def __init__(self, client, node, uri: str, roles: tuple):
        """`client`: a Client. DecodeError for a URI that names no group.

        `roles`: names of ROLES.
        """
        path = [value for number, value in coap_uri.parse(uri)[2] if number == URI_PATH]
        if not path or not path[-1]:
            raise DecodeError("the URI of a group ends with its name")
        self.uri = uri
        self.origin = coap_uri.origin_of(uri)
        self.name = utf8.decode(path[-1])
        self._client = client
        self._node = node
        self._roles = roles_of(roles)
        self._records = Records(node.identity.storage, uri)
        self._lock = asyncio.Lock()
        # By Sender ID, in signed groups.
        self._publics = {}
        self._member: member.Member
        # Whether rekeying messages are those of a key tree.
        self._has_tree = False
        self._asked_at = None
        self._end = None

    async def begin(self):
        """Be a member: go on with what is stored, or join.

        NotAllowed if the KDC says no; Unreachable, ProtocolError, and OSError from the storage.
        """
        stored = self._records.load()
        if stored is None or not self._restored(stored) or not await self._goes_on():
            await self._join()

    async def settle(self):
        """Get what is missing for publishing: the key in force, its confirmation, numbers.

        Evicted, and errors of requests.
        """
        async with self._lock:
            for _ in range(MAX_STEPS):
                self._check_membership()
                wanted = self._member.wants(_now())
                if wanted == member.NOTHING:
                    return
                await self._get(wanted)
        raise ProtocolError("the KDC does not give this member what it needs")

    def publish(self, payload: bytes) -> bytes:
        """Return a publication, after `settle`; errors as of Member.publish."""
        return self._member.publish(payload, _now())

    async def receive(self, data: bytes):
        """Return the Publication in what a broker sent; errors as of Member.receive.

        What needs a key or a credential that this member lacks makes it ask the KDC, now and then.
        """
        self._check_membership()
        try:
            return self._member.receive(data, _now())
        except NoGroupKey:
            await self._ask_for_key()
        except UnknownSender:
            await self._ask_for_credentials()
        return self._member.receive(data, _now())

    async def follow(self):
        """Take rekeying messages until this node is no member any more, or this is cancelled."""
        while self._end is None:
            try:
                async with self._client.observe(self._followed()) as updates:
                    async for update in updates:
                        await self._heard(update)
            except (LeafkeyError, MemoryError, OSError) as error:
                # OSError: what is stored is still the key before, which is not used any more.
                self._log("group " + self.name + ": " + str(error))
            if self._end is None:
                await asyncio.sleep(RETRY_SECONDS)

    def hear(self, message: bytes):
        """Take a rekeying message for the whole group, whoever has sent it (SPEC-GROUP 6.3)."""
        self._note(_readable(lambda: self._member.hear(message, _now())))

    async def check(self):
        """Ask the KDC whether this node is still a member; Evicted if not."""
        await self._locked(member.WANTS_KEY)

    async def leave(self):
        """Tell the KDC, and forget the group's keys."""
        response = await self._client.delete(self._records.own_uri)
        self._over("this node has left the group")
        if not response.ok and response.code not in (FORBIDDEN, NOT_FOUND):
            raise ProtocolError("the KDC answered " + response.status)

    # Joining

    async def _goes_on(self) -> bool:
        try:
            await self.settle()
        except Evicted:
            # Whether it may come back is for the KDC to say.
            self._end = None
            return False
        return True

    def _restored(self, stored: tuple) -> bool:
        self._member = self._made()
        try:
            self._member.restore(stored[0], stored[1], _now())
        except LeafkeyError:
            return False
        return True

    async def _join(self):
        cnonce = self._node.random_bytes(NONCE_LEN)
        wanted = scope.encode(scope.Scope(self.name, self._roles))
        request = {labels.SCOPE: wanted, labels.CNONCE: cnonce, labels.GET_CREDS: None}
        response = await self._post(self.uri, request)
        if _is_challenge(response):
            challenge = _read(messages.decode_challenge, response)
            request.update(self._proof(challenge, wanted, cnonce))
            response = await self._post(self.uri, request)
        self._check(response)
        parameters = _read(messages.decode_join_response, response)
        if response.location is None:
            raise ProtocolError("the KDC does not name this member's own resource")
        self._records.own_uri = self.origin + response.location
        self._learn(parameters)
        self._member = self._made()
        _readable(lambda: self._join_as(parameters, cnonce, response.code == CREATED))
        self._log("joined group " + self.name)

    def _join_as(self, parameters: dict, cnonce: bytes, is_new: bool):
        public = evidence.kdc_public(self._node.provider, parameters, cnonce)
        self._member.join(parameters, _now(), None, public, is_new)

    def _proof(self, challenge: dict, wanted: bytes, cnonce: bytes) -> dict:
        """Return the parameters by which the KDC sees that a credential is this node's own."""
        if labels.KDCCHALLENGE not in challenge:
            raise ProtocolError("the KDC wants a proof, and gives no nonce for it")
        secret = self._records.make_secret(self._node.random_bytes)
        key = self._node.provider.ed25519_key(secret)
        signed = evidence.client_input(wanted, challenge[labels.KDCCHALLENGE], cnonce)
        return {
            labels.CLIENT_CRED: credential.encode(key.public),
            labels.CLIENT_CRED_VERIFY: key.sign(signed),
        }

    def _made(self) -> member.Member:
        provider, secret = self._node.provider, self._records.secret()
        signer = None if secret is None else provider.ed25519_key(secret)
        return member.Member(provider, self._records, self.name, signer, self._publics.get)

    # What the KDC has

    async def _locked(self, wanted: int):
        async with self._lock:
            self._check_membership()
            await self._get(wanted)

    async def _get(self, wanted: int):
        own = self._records.own_uri
        if wanted == member.WANTS_SENDER_ID:
            response = await self._client.post(own)
            self._check(response)
            self._member.change_sender_id(_read(messages.decode_individual, response))
        elif wanted == member.WANTS_CONFIRMATION:
            response = await self._client.get(own + "/confirmation")
            self._check(response)
            self._note(_readable(lambda: self._member.confirm(response.payload, _now())))
        else:
            response = await self._client.get(own)
            self._check(response)
            self._take(response)

    async def _ask_for_key(self):
        if self._may_ask():
            await self._locked(member.WANTS_KEY)

    async def _ask_for_credentials(self):
        if self._may_ask():
            response = await self._client.get(self.uri + "/creds")
            self._check(response)
            self._learn(_read(messages.decode_creds, response))

    def _may_ask(self) -> bool:
        now = now_ms()
        if self._asked_at is not None and now - self._asked_at < ASK_MS:
            return False
        self._asked_at = now
        return True

    def _followed(self) -> str:
        """Return what to observe: keying material, or what a member of a tree computes it from."""
        return self.uri + "/tree" if self._has_tree else self.uri

    async def _heard(self, update):
        self._check(update)
        if not self._has_tree:
            self._take(update)
            return
        message = _read(cbor.decode, update)
        if isinstance(message, bytes):
            self.hear(message)
        await self.settle()

    def _take(self, response):
        parameters = _read(messages.decode_keys, response)
        self._learn(parameters)
        self._note(_readable(lambda: self._member.take(parameters, _now())))

    def _note(self, outcome: int):
        if outcome in (member.TAKEN, member.TAKEN_AFTER_GAP):
            self._log("group %s: rekeyed, num %d" % (self.name, self._member.num()))

    def _learn(self, parameters: dict):
        """Remember whose signatures count, and how keys come.

        A credential that is none counts for nothing.
        """
        self._has_tree = self._has_tree or labels.MGT_KEY_MATERIAL in parameters
        ids = parameters.get(labels.PEER_IDENTIFIERS, ())
        for sender, data in zip(ids, parameters.get(labels.CREDS, ())):
            try:
                self._publics[sender] = credential.decode(data)
            except DecodeError:
                self._publics.pop(sender, None)

    async def _post(self, uri: str, parameters: dict):
        payload = messages.encode(parameters)
        return await self._client.request(
            "POST", uri, payload, content_format=APPLICATION_ACE_GROUPCOMM_CBOR
        )

    def _check(self, response):
        """Raise what a refusal means, and stop being a member where it says so."""
        if response.ok:
            return
        error_id = _error_id(response)
        if error_id == labels.GROUP_DELETED:
            self._over("the group was deleted")
        elif error_id in (labels.NOT_A_MEMBER, labels.MEMBERSHIP_TERMINATED):
            self._over("this node is no member of the group any more")
        self._check_membership()
        if response.code == FORBIDDEN:
            raise NotAllowed("the owner's policy does not allow this in the group")
        raise ProtocolError("the KDC answered " + code_text(response.code))

    def _check_membership(self):
        if self._end is not None:
            raise Evicted(self._end)

    def _over(self, text: str):
        if self._end is not None:
            return
        self._end = text
        try:
            self._records.forget()
        except OSError:
            self._log("group " + self.name + ": its keys could not be removed from storage")
        self._member = self._made()
        self._log("group " + self.name + ": " + text)

    def _log(self, text: str):
        self._client.log(text)


def roles_of(names: tuple) -> int:
    """Return the bits of roles; DecodeError for a name that is none."""
    bits = 0
    for name in names:
        if name not in ROLES:
            raise DecodeError("no role of a group's member: " + name)
        bits |= ROLES[name]
    return bits


def _is_challenge(response) -> bool:
    is_groupcomm = response.content_format == APPLICATION_ACE_GROUPCOMM_CBOR
    return response.code == BAD_REQUEST and is_groupcomm


def _error_id(response) -> int | None:
    if response.content_format != APPLICATION_PROBLEM_DETAILS_CBOR:
        return None
    try:
        return problem.decode(response.payload)[0]
    except DecodeError:
        return None


def _read(decode, response):
    return _readable(lambda: decode(response.payload))


def _readable(step):
    try:
        return step()
    except (AuthenticationError, DecodeError):
        raise ProtocolError("what the KDC says is not readable")


def _now() -> int:
    return now_ms() // 1000
