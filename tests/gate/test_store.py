"""The cache of answers: shared, and never believed when it was damaged."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from membar_check.gate.report_data import Record
from membar_check.gate.store import NAME, Store


def record(number: int) -> Record:
    return Record(f"t{number}", kind="Allowed", word="Ok", observation="Sometimes", positive=number, negative=1)


def filled(folder: Path, count: int = 50) -> dict[str, Record]:
    known = {f"key{number}": record(number) for number in range(count)}
    store = Store(folder)
    for key, value in known.items():
        store.put(key, value)
    store.close()
    assert not store.notes
    return known


def test_what_was_put_is_found(tmp_path: Path) -> None:
    known = filled(tmp_path)
    store = Store(tmp_path)
    assert store.find([*known, "other"]) == known
    store.close()
    assert not store.notes


def test_without_a_folder_nothing_is_kept() -> None:
    store = Store(None)
    store.put("key", record(1))
    store.close()
    assert store.find(["key"]) == {} and not store.notes


def test_a_damaged_row_is_told_and_not_used(tmp_path: Path) -> None:
    known = filled(tmp_path)
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("UPDATE answers SET record = replace(record, 'Sometimes', 'Never') WHERE key = 'key3'")
        connection.execute("UPDATE answers SET key = 'stolen' WHERE key = 'key4'")
    connection.close()
    store = Store(tmp_path)
    found = store.find([*known, "stolen"])
    store.close()
    assert found == {key: value for key, value in known.items() if key not in ("key3", "key4")}
    assert len(store.notes) == 1 and "2 rows of the cache were damaged" in store.notes[0]


@pytest.mark.parametrize("damage", ["text", "empty", "half", "zeros", "table"])
def test_a_corrupt_database_is_set_aside(tmp_path: Path, damage: str) -> None:
    known = filled(tmp_path)
    path = tmp_path / NAME
    data = path.read_bytes()
    if damage == "text":
        path.write_bytes(b"no database at all" * 500)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "half":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "zeros":
        path.write_bytes(data[:4096] + bytes(len(data) - 4096))
    else:
        path.unlink()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE answers (key TEXT, value TEXT)")
        connection.close()
    store = Store(tmp_path)
    assert store.find(known) == {}
    store.put("key1", record(1))
    store.close()
    if damage != "empty":
        assert len(store.notes) == 1 and "set aside" in store.notes[0]
        assert [p for p in tmp_path.iterdir() if "corrupt" in p.name]
    again = Store(tmp_path)
    assert again.find(known) == {"key1": record(1)} and not again.notes
    again.close()


def test_no_flipped_byte_gives_a_wrong_answer(tmp_path: Path) -> None:
    chance = random.Random(7)
    known = filled(tmp_path, 120)
    path = tmp_path / NAME
    data = path.read_bytes()
    for _ in range(60):
        for other in tmp_path.iterdir():
            other.unlink()
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        store = Store(tmp_path)
        found = store.find(known)
        store.put("more", record(1))
        store.close()
        assert found.items() <= known.items()


def test_two_at_once(tmp_path: Path) -> None:
    first, second = Store(tmp_path), Store(tmp_path)
    for number in range(40):
        first.put(f"a{number}", record(number))
        second.put(f"b{number}", record(number))
        if number % 8 == 0:
            first.flush()
            second.flush()
    second.close()
    first.close()
    third = Store(tmp_path)
    assert len(third.find([f"{which}{number}" for which in "ab" for number in range(40)])) == 80
    third.close()
    assert not first.notes + second.notes + third.notes


def test_a_folder_that_cannot_be_made_costs_the_cache_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "cache")
    store.put("key", record(1))
    assert store.find(["key"]) == {}
    store.close()
    assert len(store.notes) == 1 and "not used" in store.notes[0]
