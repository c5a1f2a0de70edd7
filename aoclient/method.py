"""An action class as a coroutine method: signature, types and docs come from the class.

The class is given as a function that returns it, and asked for when the method is first used: the models of all actions
take as long to make as a third of aiohttp takes to load, and a program may need none of them before its first call.
"""

from __future__ import annotations

import inspect
from functools import cached_property
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
    """Descriptor behind ``learners = method(lambda: actions.Learners)``: calling it makes the action and sends it."""

    def __init__(self, find: Callable[[], Callable[P, Action[T]]]) -> None:
        self._find = find

    def __set_name__(self, owner: type[Session], name: str) -> None:
        self._owner, self._name = owner, name

    @cached_property
    def action(self) -> Callable[P, Action[T]]:
        """The class."""
        return self._find()

    @cached_property
    def _function(self) -> Any:  # Any: its signature is known at run time only
        return _function(cast("type[Action[T]]", self.action), self._owner, self._name)

    @overload
    def __get__(self, session: None, owner: type[Session]) -> Callable[..., Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, session: Session, owner: type[Session]) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, session: Session | None, owner: type[Session]) -> Callable[..., Coroutine[Any, Any, T]]:
        function: Callable[..., Coroutine[Any, Any, T]] = self._function
        return function if session is None else MethodType(function, session)


if TYPE_CHECKING:

    class PagedMethod(Method[P, Page[R]]):
        """Like `Method`, for an action that answers pages: awaited it is one page, iterated it is every row."""

        @overload
        def __get__(self, session: None, owner: type[Session]) -> Callable[..., PagedCall[R]]: ...
        @overload
        def __get__(self, session: Session, owner: type[Session]) -> Callable[P, PagedCall[R]]: ...
        def __get__(self, session: Session | None, owner: type[Session]) -> Callable[..., PagedCall[R]]: ...


@overload
def method(find: Callable[[], Callable[P, Paged[R]]]) -> PagedMethod[P, R]: ...
@overload
def method(find: Callable[[], Callable[P, Action[T]]]) -> Method[P, T]: ...
def method(find: Callable[[], Callable[P, Action[T]]]) -> Method[P, T]:
    """Return the descriptor that sends an action class from a session."""
    return Method(find)  # at run time one does for both: what it returns is a `PagedCall` where the action is paged


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
