"""Answers that are known: a database in the user's cache folder, by the keys of :mod:`membar_check.gate.keys`.

Every row carries a checksum of its key and content, and a row that fails it is not believed.  A database that is no
database any more is set aside and begun anew.  Several processes may use one database: readers do not wait, writers
wait for one another.  Whatever goes wrong costs time, never an answer; ``notes`` says what went wrong.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from membar_check.gate.record import BadRecord, from_json, to_json
from membar_check.gate.report_data import Record

if TYPE_CHECKING:
    import sqlite3

NAME = "gate-1.sqlite"
MOST = 200_000  # rows kept; the oldest go first
PATIENCE = 60.0  # seconds to wait for another process that writes
EVERY = 0.25  # seconds between commits
_CHECKED = 64 << 20  # bytes up to which the whole database is checked when it is opened
_TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, record TEXT NOT NULL, sum TEXT NOT NULL)"
_PUT = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)"
_PRUNE = "DELETE FROM answers WHERE rowid <= (SELECT MAX(rowid) FROM answers) - ?"


def checksum(*parts: str) -> str:
    """A short digest by which damage is seen."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


class Store:
    """The database in ``folder``; None: nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.notes: list[str] = []
        self._folder = folder
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._waiting: list[tuple[str, str, str]] = []
        self._written = time.monotonic()
        if folder is not None:
            self._open(folder)

    # --- reading -----------------------------------------------------------------------------------------------------
    def find(self, keys: Iterable[str]) -> dict[str, Record]:
        """The records that are known for the keys."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Record] = {}
        damaged = 0
        for start in range(0, len(wanted), 500):
            for key, text, summed in self._select(wanted[start : start + 500]):
                record = _checked(key, text, summed)
                if record is None:
                    damaged += 1
                else:
                    found[str(key)] = record
        if damaged:
            rows = "a row of the cache was" if damaged == 1 else f"{damaged} rows of the cache were"
            self.notes.append(f"{rows} damaged and not used: {self._path}")
        return found

    def _select(self, keys: list[str]) -> list[tuple[object, object, object]]:
        if self._connection is None:
            return []
        marks = ",".join("?" * len(keys))
        rows: list[tuple[object, object, object]] = []

        def select(connection: sqlite3.Connection) -> None:
            rows.extend(connection.execute(f"SELECT key, record, sum FROM answers WHERE key IN ({marks})", keys))

        return rows if self._guarded(select) else []

    # --- writing -----------------------------------------------------------------------------------------------------
    def put(self, key: str, record: Record) -> None:
        """Keeps a record; it is on disk soon after, at the latest when the store is closed."""
        if self._connection is None:
            return
        text = to_json(record)
        self._waiting.append((key, text, checksum(key, text)))
        if time.monotonic() - self._written > EVERY:
            self.flush()

    def flush(self) -> None:
        """Writes what was put."""
        rows, self._waiting = self._waiting, []
        self._written = time.monotonic()
        if rows:
            self._guarded(lambda connection: _write(connection, rows))

    def close(self) -> None:
        """Writes what was put and lets go of the database."""
        self.flush()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- trouble -----------------------------------------------------------------------------------------------------
    @property
    def _path(self) -> Path:
        assert self._folder is not None
        return self._folder / NAME

    def _guarded(self, action: object) -> bool:
        """Does something with the connection; whether it went well.  A broken database is set aside."""
        import sqlite3

        assert callable(action)
        if self._connection is None:
            return False
        try:
            action(self._connection)
            return True
        except sqlite3.OperationalError as error:  # locked, full, read-only: as if there was no cache
            self.notes.append(f"the cache is not used: {self._path}: {error}")
            self._connection.close()
            self._connection = None
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._connection.close()
            self._connection = None
            self._set_aside(str(error))
        return False

    def _open(self, folder: Path) -> None:
        import sqlite3

        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / f"{NAME}.lock"):
                for _ in range(2):
                    try:
                        self._connect()
                        return
                    except sqlite3.OperationalError:
                        raise
                    except sqlite3.DatabaseError as error:
                        self._move(str(error))
        except (OSError, sqlite3.Error) as error:
            self.notes.append(f"the cache is not used: {folder / NAME}: {error}")
            self._connection = None

    def _connect(self) -> None:
        """Opens the database and looks it over.  Raises sqlite3.Error."""
        import sqlite3

        connection = sqlite3.connect(self._path, timeout=PATIENCE, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_TABLE)
            columns = [row[1] for row in connection.execute("PRAGMA table_info(answers)")]
            if columns != ["key", "record", "sum"]:
                raise sqlite3.DatabaseError("its table is not that of a cache of answers")
            if os.path.getsize(self._path) <= _CHECKED:
                said = connection.execute("PRAGMA quick_check(1)").fetchone()
                if said is None or said[0] != "ok":
                    raise sqlite3.DatabaseError(str(said[0] if said else "no answer").splitlines()[-1])
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._identity = _identity(self._path)

    def _set_aside(self, why: str) -> None:
        """Begins a new database, unless another process has done so; what was not yet written is lost."""
        import sqlite3

        try:
            with locked(self._path.with_name(f"{NAME}.lock")):
                if _identity(self._path) == self._identity:
                    self._move(why)
                self._connect()
        except (OSError, sqlite3.Error) as error:
            self.notes.append(f"the cache is not used: {self._path}: {error}")
            self._connection = None

    def _move(self, why: str) -> None:
        aside = self._path.with_name(f"{NAME}.corrupt-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
        for suffix in ("", "-wal", "-shm"):
            try:
                os.replace(f"{self._path}{suffix}", f"{aside}{suffix}")
            except FileNotFoundError:
                pass
        self.notes.append(f"the cache was corrupt ({why}); it was set aside as {aside} and begun anew")


def _checked(key: object, text: object, summed: object) -> Record | None:
    """The record of a row; None for a damaged one."""
    if not isinstance(key, str) or not isinstance(text, str) or summed != checksum(key, text):
        return None
    try:
        return from_json(text)
    except BadRecord:
        return None


def _write(connection: sqlite3.Connection, rows: list[tuple[str, str, str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(_PUT, rows)
        connection.execute(_PRUNE, (MOST,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock that the file at ``path`` stands for: only one process at a time has it.

    Raises OSError where the file cannot be made.
    """
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
