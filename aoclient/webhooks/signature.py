"""The ``Signature`` header of a webhook: made and checked, over the bytes of the body exactly as they came.

No line here compares anything but with `hmac.compare_digest`, and a test sees to it.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from binascii import hexlify
from typing import TYPE_CHECKING, Literal, TypeAlias

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Encoding: TypeAlias = Literal["hex", "upper-hex", "base64"]
"""How the 32 bytes of a signature are spelt in the header. The page does not say; ``hex`` is what PHP writes."""

_WRITERS: Mapping[str, Callable[[bytes], bytes]] = {
    "hex": hexlify,
    "upper-hex": lambda digest: hexlify(digest).upper(),
    "base64": b64encode,
}


def sign(payload: bytes, secret: str | Secret) -> str:
    """Return the signature of a body: HMAC-SHA256 as 64 lower-case hex digits.

    Args:
        payload: The body, byte for byte.
        secret: Of the webhook, as its settings show it.

    Raises:
        ConfigurationError: The secret is blank or no text.
    """
    return _digest(_keyed(secret), payload).hex()


def verify(
    payload: bytes,
    signature: str | bytes | None,
    secrets: Sequence[str | Secret] | str | Secret,
    *,
    encodings: Sequence[Encoding] = ("hex",),
) -> bool:
    """Tell whether a body came from somebody who knows one of the secrets. Call it before reading the body.

    All secrets are tried in all encodings, always, in constant time.

    Args:
        payload: The body, byte for byte: JSON that was parsed and written again has another signature.
        signature: The header, whatever the sender put there; None where there is none. It is taken whole: blanks, a
            prefix or a second signature after a comma make it wrong.
        secrets: One, or several while a secret is being changed for another.
        encodings: Spellings to accept.

    Raises:
        ConfigurationError: There is no secret, one of them is blank or no text, or an encoding is unknown. Never for
            anything in the payload or the signature.
    """
    return verifier(secrets, encodings=encodings)(payload, signature)


def verifier(
    secrets: Sequence[str | Secret] | str | Secret, *, encodings: Sequence[Encoding] = ("hex",)
) -> Callable[[bytes, str | bytes | None], bool]:
    """Return `verify` for secrets and encodings that are checked now, and not each time."""
    keys = [_keyed(each) for each in _several(secrets)]
    writers = [_writer_of(each) for each in encodings]
    if not keys or not writers:
        raise ConfigurationError("a webhook needs a secret and an encoding to be verified with")

    def is_authentic(payload: bytes, signature: str | bytes | None) -> bool:
        given = _bytes_of(signature)
        found = False
        for key in keys:
            digest = _digest(key, payload)
            for write in writers:
                found |= hmac.compare_digest(given, write(digest))
        return found

    return is_authentic


def _keyed(secret: object) -> hmac.HMAC:
    return hmac.new(_key_of(secret), digestmod="sha256")


def _digest(keyed: hmac.HMAC, payload: bytes) -> bytes:
    # A copy, since to set up a key takes longer than to hash a body.
    copied = keyed.copy()
    copied.update(payload)
    return copied.digest()


def _several(secrets: Sequence[str | Secret] | str | Secret) -> Sequence[str | Secret]:
    return [secrets] if isinstance(secrets, str | Secret | None) else secrets  # None is refused as any that is no text


def _key_of(secret: object) -> bytes:
    # A variable of the environment that is not set, or set to nothing, must not become a key that all the world knows.
    text = secret.reveal() if isinstance(secret, Secret) else secret
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError("the webhook secret is blank or no text")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("the webhook secret is no text that UTF-8 can write") from None


def _writer_of(encoding: str) -> Callable[[bytes], bytes]:
    try:
        return _WRITERS[encoding]
    except (KeyError, TypeError):
        raise ConfigurationError(f"expected encodings among {', '.join(_WRITERS)}, got {encoding!r}") from None


def _bytes_of(signature: object) -> bytes:
    # compare_digest raises on text that is not ASCII. What cannot be encoded becomes "?", which no signature has.
    if isinstance(signature, str):
        return signature.encode("utf-8", "replace")
    return signature if isinstance(signature, bytes) else b""
