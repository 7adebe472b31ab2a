"""What an interrupted run had found, so that the next can go on from there.

A journal is a file of one process: one line a check, with a checksum, written as soon as the answer is there.  The
process holds a lock on it for as long as it lives (one that its worker processes do not inherit), so a journal without
a lock is one whose process ended early; a run that ends of itself removes its own.  An entry counts for a check with
the same key only, so nothing that has changed since is taken over, and an inconclusive one only under the same limits.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import BinaryIO

from membar_check.gate.record import BadRecord, from_plain, plain
from membar_check.gate.report_data import Record
from membar_check.gate.store import checksum, locked

HEAD = "membar-check journal 1"


class Journal:
    """The journal of a run: ``identity`` tells runs apart, ``limits`` are those of time and memory for each check.

    ``resumed``: what earlier, interrupted runs of this identity had found, by key.
    """

    def __init__(self, folder: Path | None, identity: str, limits: str, resume: bool) -> None:
        self.notes: list[str] = []
        self.resumed: dict[str, Record] = {}
        self._limits = limits
        self._file: BinaryIO | None = None
        self._path: Path | None = None
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / "journals.lock"):
                left = _abandoned(folder, identity)
                self._create(folder, identity)
        except OSError as error:
            self.notes.append(f"no journal is kept: {folder}: {error.strerror or error}")
            return
        for path, handle in left:
            if resume:
                self._take_over(path)
            path.unlink(missing_ok=True)
            os.close(handle)

    def add(self, key: str, record: Record) -> None:
        """Writes the answer for a check."""
        if self._file is None:
            return
        content = {"key": key, "limits": self._limits, "record": plain(record)}
        text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
        try:
            self._file.write(f"{checksum(text)} {text}\n".encode("ascii"))
        except OSError as error:
            self.notes.append(f"the journal cannot be written: {self._path}: {error.strerror or error}")
            self._file = None

    def close(self, finished: bool) -> None:
        """Lets go of the journal; removes it where the run is ``finished``."""
        if self._path is not None and finished:
            self._path.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _create(self, folder: Path, identity: str) -> None:
        import fcntl

        number = 0
        while True:
            path = folder / f"run-{identity[:24]}-{os.getpid()}-{number}.jsonl"
            try:
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
                break
            except FileExistsError:
                number += 1
        fcntl.lockf(handle, fcntl.LOCK_EX)
        self._file = os.fdopen(handle, "wb", buffering=0)
        self._path = path
        self._file.write(f"{HEAD}\n".encode())

    def _take_over(self, path: Path) -> None:
        """Reads an abandoned journal and copies what is good into this one."""
        try:
            data = path.read_bytes()
        except OSError as error:
            self.notes.append(f"the journal of an interrupted run cannot be read: {path}: {error.strerror or error}")
            return
        lines = data.split(b"\n")
        cut = lines.pop()
        if lines[:1] != [HEAD.encode()]:
            if lines or cut != HEAD.encode()[: len(cut)]:
                self.notes.append(f"no journal that this version can read, not used: {path}")
            return
        damaged = 0
        for line in lines[1:]:
            entry = _entry(line)
            if entry is None:
                damaged += 1
                continue
            key, limits, record = entry
            if record.conclusive or limits == self._limits:
                self.resumed[key] = record
                self.add(key, record)
        if cut:
            self.notes.append(f"the last line of the journal was cut and is not used: {path}")
        if damaged:
            what = "a line of the journal was" if damaged == 1 else f"{damaged} lines of the journal were"
            self.notes.append(f"{what} damaged and not used: {path}")


def _entry(line: bytes) -> tuple[str, str, Record] | None:
    """Key, limits and record of a line; None for a damaged one."""
    try:
        summed, _, text = line.decode("ascii").partition(" ")
        if summed != checksum(text):
            return None
        content = json.loads(text)
        return str(content["key"]), str(content["limits"]), from_plain(content["record"])
    except (ValueError, KeyError, TypeError, BadRecord):
        return None


def _abandoned(folder: Path, identity: str) -> list[tuple[Path, int]]:
    """The journals of this identity whose process has ended, each locked, in the order of their names."""
    import fcntl

    found = []
    for path in sorted(folder.glob(f"run-{identity[:24]}-*.jsonl")):
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # its process lives
            os.close(handle)
            continue
        found.append((path, handle))
    return found
