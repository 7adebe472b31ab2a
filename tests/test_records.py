"""The light dataclasses behave as the standard ones where the package relies on it."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from membar_check.records import dataclass, field, fields, is_record, replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    note: str = field(default="", compare=False)


@dataclass(slots=True)
class Bag:
    items: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Named(Point):
    name: str = "n"

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    value: int


def test_construction_and_defaults() -> None:
    assert (Point(1).x, Point(1).y, Point(1, note="a").note) == (1, 2, "a")
    assert Bag().items == [] and Bag().items is not Bag().items
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, z=2)  # type: ignore[call-arg]


def test_equality_and_hash_use_the_compared_fields_and_the_class() -> None:
    assert Point(1, note="a") == Point(1, note="b") and hash(Point(1, note="a")) == hash(Point(1, note="b"))
    assert Point(1) != Point(2) and Point(1) != (1, 2) and Point(1) != Named(1)
    assert Thing(1) != Thing(1)
    assert Bag([1]) == Bag([1])
    with pytest.raises(TypeError):
        hash(Bag())


def test_frozen_means_frozen() -> None:
    with pytest.raises(AttributeError, match="frozen Point"):
        Point(1).x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del Point(1).x
    bag = Bag()
    bag.items = [3]
    with pytest.raises(AttributeError):
        bag.other = 1  # type: ignore[attr-defined]


def test_inheritance() -> None:
    assert Named(1, 2, "", "m") == Named(1, name="m")
    assert fields(Named) == ("x", "y", "note", "name")
    with pytest.raises(ValueError, match="no name"):
        Named(1, name="")


def test_matching() -> None:
    match Point(4, 5):
        case Point(x, y):
            assert (x, y) == (4, 5)


@pytest.mark.parametrize("value", [Point(1, 3, "n"), Bag([1, 2]), Named(1, name="q")], ids=repr)
def test_copies(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert replace(value) == value


def test_replace_repr_and_queries() -> None:
    assert replace(Point(1), y=7) == Point(1, 7)
    assert repr(Point(1)) == "Point(x=1, y=2, note='')"
    assert is_record(Point(1)) and not is_record(3)
    with pytest.raises(TypeError):
        fields(3)
