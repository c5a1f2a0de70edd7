"""Answers that change rarely, kept in Redis for all processes of an account."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import secrets
import zlib

from attrs import define, field

from aoclient.action import Effect
from aoclient.contrib.redis.link import Link, Script, milliseconds
from aoclient.contrib.redis.tokens import Cipher
from aoclient.errors import AoError
from aoclient.senders.sharing import is_lasting
from aoclient.wire import Request, Response, Sender

_log = logging.getLogger("aoclient")

MOST = 64
"""Answers kept for an account; when there is one more, all others go."""

LARGEST = 1_048_576
"""Bytes of one, packed and as base64; larger ones are not kept."""

_ANSWERED_WITHIN = 86_400.0  # seconds; a read that takes longer may keep what a change has overtaken

# Keys: a hash of answers by request, each behind the unix milliseconds of its end; the name of the last change.
# ARGV: request.
_FIND = Script("""
local clock = redis.call('TIME')
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found then
  local ends_at, first = string.match(found, '^(%d+) ()')
  if tonumber(ends_at) > clock[1] * 1000 + clock[2] / 1000 then found = string.sub(found, first) else found = false end
end
return {found, redis.call('GET', KEYS[2]) or ''}
""")

# ARGV: request, answer, milliseconds, the change that was the last when the request was sent, most answers.
_KEEP = Script("""
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[4] then return end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then
  redis.call('DEL', KEYS[1])
end
local clock = redis.call('TIME')
local ends_at = string.format('%.0f', clock[1] * 1000 + clock[2] / 1000 + ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ends_at .. ' ' .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
""")

# ARGV: name of the change, milliseconds.
_CHANGE = Script("""
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1])
""")


@define(eq=False)
class Remembering:
    """Give the answer another process got, for actions whose `Spec` says that they change rarely.

    An action that is no read, sent by any of the processes, ends all that is kept for the account. What holds at most
    ``keep_for`` longer than it should is what a change could not end, since its process died or Redis was away. Without
    Redis nothing is kept.

    Args:
        inner: Gets the requests, and reads the responses.
        link: To Redis.
        account: As `account_of` names it.
        keep_for: Seconds an answer is kept.
        cipher: Encrypts what is stored.
    """

    inner: Sender
    link: Link = field(kw_only=True)
    account: str = field(kw_only=True)
    keep_for: float = field(kw_only=True)
    cipher: Cipher | None = field(default=None, kw_only=True)

    async def send(self, request: Request) -> Response:
        """Return the response, which may be one to a request of another process.

        Raises:
            AoError: The inner sender's.
        """
        if request.effect is not Effect.READS:
            return await self._change(request)
        if not is_lasting(request):
            return await self.inner.send(request)
        name = hashlib.sha256(request.body).hexdigest()
        try:
            kept, change = await self.link.run(_FIND, self._keys, name)
        except OSError:
            return await self.inner.send(request)
        found = None if kept is None else self._read(request, kept)
        if found is not None:
            return found
        response = await self.inner.send(request)
        await self._keep(name, response, change)
        return response

    async def _change(self, request: Request) -> Response:
        try:
            return await self.inner.send(request)
        finally:
            with contextlib.suppress(OSError):
                await self.link.run(_CHANGE, self._keys, secrets.token_hex(8), milliseconds(_ANSWERED_WITHIN))

    async def _keep(self, name: str, response: Response, change: bytes) -> None:
        packed = zlib.compress(response.body, 1)
        kept = base64.b64encode(packed if self.cipher is None else self.cipher.encrypt(packed))
        if len(kept) <= LARGEST:
            with contextlib.suppress(OSError):
                await self.link.run(_KEEP, self._keys, name, kept, milliseconds(self.keep_for), change, MOST)

    def _read(self, request: Request, kept: bytes | str) -> Response | None:
        try:
            packed = base64.b64decode(kept)  # as text, since a client that was given may decode what comes
            packed = packed if self.cipher is None else self.cipher.decrypt(packed)
            response = Response(200, {"content-type": "application/json"}, zlib.decompress(packed))
        except Exception as error:  # noqa: BLE001  # whatever a cipher raises, the answer cannot be read
            _log.debug("an answer in Redis cannot be read: %s", type(error).__name__)
            return None
        try:
            response.value = request.read(response)
        except AoError:  # of a process with another version
            return None
        return response

    @property
    def _keys(self) -> list[str]:
        return [f"aoclient:{{{self.account}}}:{name}" for name in ("answers", "change")]
