"""Dataclasses that cost next to nothing to define.

The standard library compiles half a dozen functions for each dataclass when its module is imported, half a millisecond
a class and more; with the syntax trees of two languages that was most of the start-up time.  Here the functions are
compiled when a class is first used, and nothing has to be imported.  The decorator takes the subset of
``dataclasses.dataclass`` that this package uses, with the same meaning; type checkers treat it as a dataclass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")
_MISSING: Any = object()


class _Field:
    """What ``field(...)`` says about an attribute."""

    __slots__ = ("compare", "default", "default_factory")

    def __init__(self, default: Any, default_factory: Any, compare: bool) -> None:
        self.default = default
        self.default_factory = default_factory
        self.compare = compare


@overload
def field(*, compare: bool = True) -> Any: ...
@overload
def field(*, default: _T, compare: bool = True) -> _T: ...
@overload
def field(*, default_factory: Callable[[], _T], compare: bool = True) -> _T: ...
def field(*, default: Any = _MISSING, default_factory: Any = _MISSING, compare: bool = True) -> Any:
    """As ``dataclasses.field``: a default, or what makes one, and whether the attribute counts for ``==`` and hash."""
    return _Field(default, default_factory, compare)


@dataclass_transform(field_specifiers=(field,))
def dataclass(*, frozen: bool = False, slots: bool = False, eq: bool = True) -> Callable[[type[_T]], type[_T]]:
    """As ``dataclasses.dataclass(frozen=..., slots=..., eq=...)``."""

    def decorate(cls: type[_T]) -> type[_T]:
        return _define(cls, frozen, slots, eq)

    return decorate


def fields(record: object) -> tuple[str, ...]:
    """The names of the attributes of a record or of its class, in order.  Raises TypeError for other things."""
    try:
        return tuple(record.__record_fields__)  # type: ignore[attr-defined]
    except AttributeError:
        raise TypeError(f"{record!r} is no record") from None


def is_record(value: object) -> bool:
    """Whether the value is an instance of a class made with :func:`dataclass`."""
    return hasattr(type(value), "__record_fields__")


def replace(record: _T, **changes: Any) -> _T:
    """A copy of the record with other values for some attributes, made by its ``__init__``."""
    for name in fields(record):
        if name not in changes:
            changes[name] = getattr(record, name)
    return type(record)(**changes)


# --- making the classes ----------------------------------------------------------------------------------------------
def _define(cls: type[_T], frozen: bool, slots: bool, eq: bool) -> type[_T]:
    own: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        own.update(base.__dict__.get("__record_fields__", {}))
    namespace = dict(cls.__dict__)
    for name, annotation in namespace.get("__annotations__", {}).items():
        if str(annotation).startswith(("ClassVar", "typing.ClassVar")):
            continue
        value = namespace.get(name, _MISSING)
        own[name] = value if isinstance(value, _Field) else _Field(value, _MISSING, True)
        if value is not _MISSING and (slots or isinstance(value, _Field)):
            namespace.pop(name)
    methods: dict[str, Any] = {
        "__record_fields__": own,
        "__match_args__": tuple(own),
        "__init__": _late(_init_source, "__init__"),
        "__repr__": _repr,
        "__reduce__": _reduce,
    }
    if eq:
        methods["__eq__"] = _late(_eq_source, "__eq__")
        methods["__hash__"] = _late(_hash_source, "__hash__") if frozen else None
    for name, method in methods.items():
        if name not in namespace or (name == "__hash__" and namespace[name] is None):
            namespace[name] = method
    if frozen:
        namespace["__setattr__"] = namespace["__delattr__"] = _refuse
    if slots:
        inherited = {name for base in cls.__mro__[1:] for name in base.__dict__.get("__record_fields__", {})}
        namespace["__slots__"] = tuple(name for name in own if name not in inherited)
    for name in ("__dict__", "__weakref__"):
        namespace.pop(name, None)
    metaclass: Any = type(cls)
    made: type[_T] = metaclass(cls.__name__, cls.__bases__, namespace)
    return made


def _late(source: Callable[[type], tuple[str, dict[str, Any]]], name: str) -> Callable[..., Any]:
    """A method that on its first call compiles the real one and puts it in its place."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        owner = next(cls for cls in type(self).__mro__ if cls.__dict__.get(name) is method)
        text, names = source(owner)
        exec(text, names)
        real = names[name]
        real.__qualname__ = f"{owner.__qualname__}.{name}"
        setattr(owner, name, real)
        return real(self, *args, **kwargs)

    return method


def _init_source(cls: type) -> tuple[str, dict[str, Any]]:
    names: dict[str, Any] = {"_MISSING": _MISSING, "_setattr": object.__setattr__}
    parameters, lines = [], []
    for name, spec in cls.__dict__["__record_fields__"].items():
        value = name
        if spec.default_factory is not _MISSING:
            names[f"_factory_{name}"] = spec.default_factory
            parameters.append(f"{name}=_MISSING")
            value = f"_factory_{name}() if {name} is _MISSING else {name}"
        elif spec.default is not _MISSING:
            names[f"_default_{name}"] = spec.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        if cls.__setattr__ is not _refuse:
            lines.append(f" self.{name} = {value}")
        elif hasattr(getattr(cls, name, None), "__set__"):
            names[f"_set_{name}"] = getattr(cls, name).__set__
            lines.append(f" _set_{name}(self, {value})")
        else:
            lines.append(f" _setattr(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    return f"def __init__({', '.join(['self', *parameters])}):\n" + "\n".join(lines or [" pass"]), names


def _compared(cls: type, variable: str) -> str:
    """The tuple of the attributes that count for ``==``, as source text."""
    chosen = (name for name, spec in cls.__dict__["__record_fields__"].items() if spec.compare)
    return "(" + "".join(f"{variable}.{name}," for name in chosen) + ")"


def _eq_source(cls: type) -> tuple[str, dict[str, Any]]:
    ours, theirs = _compared(cls, "self"), _compared(cls, "other")
    text = (
        "def __eq__(self, other):\n if self is other:\n  return True\n"
        f" if other.__class__ is not self.__class__:\n  return NotImplemented\n return {ours} == {theirs}"
    )
    return text, {}


def _hash_source(cls: type) -> tuple[str, dict[str, Any]]:
    return f"def __hash__(self):\n return hash({_compared(cls, 'self')})", {}


def _repr(self: object) -> str:
    values = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields(self))
    return f"{type(self).__qualname__}({values})"


def _reduce(self: object) -> tuple[type, tuple[Any, ...]]:
    return type(self), tuple(getattr(self, name) for name in fields(self))


def _refuse(self: object, name: str, value: object = None) -> NoReturn:
    raise AttributeError(f"cannot change {name!r} of a frozen {type(self).__name__}")
