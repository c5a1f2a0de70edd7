"""The asyncio client for the AcademyOcean learning platform.

Names are loaded when they are first used, so that ``import aoclient`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from aoclient.action import Action, Effect, Page
    from aoclient.agenda import Done, Failed
    from aoclient.errors import (
        AoError,
        ApiError,
        AuthenticationError,
        ClientClosedError,
        ConfigurationError,
        ConnectError,
        DeadlineError,
        ExportError,
        InvalidOptionError,
        MissingExtraError,
        NotFoundError,
        Outcome,
        OutcomeUnknownError,
        PagingError,
        Parts,
        PayloadTooLargeError,
        PermissionDeniedError,
        RateLimitError,
        ReadError,
        ResponseDecodeError,
        ResponseError,
        ResponseSchemaError,
        ResponseTooLargeError,
        ServerError,
        TransportError,
        UnavailableError,
        UnexpectedRedirectError,
        ValidationError,
        WebhookError,
        WrongEventLoopError,
    )
    from aoclient.filestore import FileTokenStore
    from aoclient.inviting import Invitations
    from aoclient.secret import Secret
    from aoclient.session import Session
    from aoclient.settings import Rate, RetryPolicy, Timeouts
    from aoclient.tokens import MemoryTokenStore, Token, TokenStore

__all__ = [
    "Action",
    "AoError",
    "ApiError",
    "AuthenticationError",
    "ClientClosedError",
    "ConfigurationError",
    "ConnectError",
    "DeadlineError",
    "Done",
    "Effect",
    "ExportError",
    "Failed",
    "FileTokenStore",
    "InvalidOptionError",
    "Invitations",
    "MemoryTokenStore",
    "MissingExtraError",
    "NotFoundError",
    "Outcome",
    "OutcomeUnknownError",
    "Page",
    "PagingError",
    "Parts",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Rate",
    "RateLimitError",
    "ReadError",
    "ResponseDecodeError",
    "ResponseError",
    "ResponseSchemaError",
    "ResponseTooLargeError",
    "RetryPolicy",
    "Secret",
    "ServerError",
    "Session",
    "Timeouts",
    "Token",
    "TokenStore",
    "TransportError",
    "UnavailableError",
    "UnexpectedRedirectError",
    "ValidationError",
    "WebhookError",
    "WrongEventLoopError",
    "__version__",
]

_HOMES = {
    "Action": "action",
    "Effect": "action",
    "Page": "action",
    "Done": "agenda",
    "Failed": "agenda",
    "Secret": "secret",
    "Session": "session",
    "Rate": "settings",
    "RetryPolicy": "settings",
    "Timeouts": "settings",
    "FileTokenStore": "filestore",
    "Invitations": "inviting",
    "MemoryTokenStore": "tokens",
    "Token": "tokens",
    "TokenStore": "tokens",
}
"""Modules of the names; those that are not here are errors."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
