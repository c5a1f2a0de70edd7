"""An action class as a coroutine method: signature, types and docs come from the class."""

from __future__ import annotations

import inspect
from types import MethodType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload

from aoclient.action import Action, Page, Paged
from aoclient.paging import PagedCall

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from aoclient.session import Session

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Method(Generic[P, T]):
    """Descriptor behind ``learners = method(Learners)``: calling it makes the action and sends it."""

    def __init__(self, action: Callable[P, Action[T]]) -> None:
        self.action = action
        self._function: Any = None

    def __set_name__(self, owner: type[Session], name: str) -> None:
        self._function = _function(cast("type[Action[T]]", self.action), owner, name)

    @overload
    def __get__(self, session: None, owner: type[Session]) -> Callable[..., Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, session: Session, owner: type[Session]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, session: Session | None, owner: type[Session]) -> Callable[..., Coroutine[Any, Any, T]]:
        function: Callable[..., Coroutine[Any, Any, T]] = self._function
        return function if session is None else MethodType(function, session)


class PagedMethod(Method[P, Page[R]]):
    """Like `Method`, for an action that answers pages: awaited it is one page, iterated it is every row."""

    @overload
    def __get__(self, session: None, owner: type[Session]) -> Callable[..., PagedCall[R]]: ...
    @overload
    def __get__(self, session: Session, owner: type[Session]) -> Callable[P, PagedCall[R]]: ...
    def __get__(self, session: Session | None, owner: type[Session]) -> Callable[..., PagedCall[R]]:
        function: Callable[..., PagedCall[R]] = self._function
        return function if session is None else MethodType(function, session)


@overload
def method(action: Callable[P, Paged[R]]) -> PagedMethod[P, R]: ...
@overload
def method(action: Callable[P, Action[T]]) -> Method[P, T]: ...
def method(action: Callable[P, Action[T]]) -> Method[P, T]:
    """Return the descriptor that sends an action class from a session."""
    is_paged = issubclass(cast("type[Action[T]]", action), Paged)
    return cast("Method[P, T]", PagedMethod(cast("Callable[P, Paged[Any]]", action))) if is_paged else Method(action)


def _function(action: type[Action[Any]], owner: type[Session], name: str) -> Callable[..., Any]:
    """Return the function a user meets: it has the name, the signature and the text of the action."""

    async def send(self: Session, **given: Any) -> Any:
        return await self.send(action(**given))

    def page(self: Session, **given: Any) -> PagedCall[Any]:
        return PagedCall(self, cast("Paged[Any]", action(**given)))

    is_paged = issubclass(action, Paged)
    function: Any = page if is_paged else send
    function.__name__ = name
    function.__qualname__ = f"{owner.__qualname__}.{name}"
    function.__module__ = owner.__module__
    function.__doc__ = action.__doc__
    parameters = list(inspect.signature(action).parameters.values())
    parameters.sort(key=lambda each: (each.default is not each.empty, _LAST.get(each.name, 0)))
    page_type: Any = PagedCall  # the type of its rows is known at run time only
    function.__signature__ = inspect.Signature(
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *parameters],
        return_annotation=page_type[action.answer_type] if is_paged else action.answer_type,
    )
    return cast("Callable[..., Any]", function)


_LAST = {"page": 1, "amount": 2, "extra": 3}
"""Options that are inherited stand first in the class, and last for the reader."""
