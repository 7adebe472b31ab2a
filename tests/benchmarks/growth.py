"""Litmus tests of a size that hand-made ones do not have: where the cost of a method shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A test to time: its text, options for ``membar-check run``, the observation it must give and, unless None, the
    number of its states."""

    name: str
    text: str
    options: tuple[str, ...]
    observation: str
    states: int | None = None


def c_test(name: str, threads: list[list[str]], variables: list[str], condition: str) -> str:
    """A C test of the kernel's dialect; every thread gets all variables, reads declare their registers."""
    lines = [f"C {name}", "", "{}", ""]
    parameters = ", ".join(f"int *{variable}" for variable in variables)
    for number, statements in enumerate(threads):
        registers = sorted({s.split(" = ")[0] for s in statements if " = " in s}, key=lambda r: int(r[1:]))
        lines += [f"P{number}({parameters})", "{"]
        lines += [f"\tint {register};" for register in registers]
        lines += [f"\t{statement}" for statement in statements]
        lines += ["}", ""]
    return "\n".join([*lines, condition]) + "\n"


def sb_ring(size: int, fence: bool) -> str:
    """Each thread writes its own variable and reads the next one's.  With fences, not all reads can miss."""
    names = [f"x{i}" for i in range(size)]
    threads = [
        [
            f"WRITE_ONCE(*{names[i]}, 1);",
            *(["smp_mb();"] if fence else []),
            f"r0 = READ_ONCE(*{names[(i + 1) % size]});",
        ]
        for i in range(size)
    ]
    condition = " /\\ ".join(f"{i}:r0=0" for i in range(size))
    return c_test(f"SB-ring-{size}", threads, names, f"exists ({condition})")


def iriw_ring(size: int) -> str:
    """``size`` threads, half of them writers of a variable each; reader i sees variable i written and the next one not
    yet.  Fences between the reads forbid that all around the ring."""
    half = size // 2
    names = [f"x{i}" for i in range(half)]
    writers = [[f"WRITE_ONCE(*{name}, 1);"] for name in names]
    readers = [
        [f"r0 = READ_ONCE(*{names[i]});", "smp_mb();", f"r1 = READ_ONCE(*{names[(i + 1) % half]});"]
        for i in range(half)
    ]
    condition = " /\\ ".join(f"{half + i}:r0=1 /\\ {half + i}:r1=0" for i in range(half))
    return c_test(f"IRIW-ring-{size}", [*writers, *readers], names, f"exists ({condition})")


def long_threads(triples: int) -> str:
    """Two threads, each a row of write, full fence, read of what the other thread writes: store buffering, many times.
    No pair of reads can both miss."""
    mine = [[f"{letter}{i}" for i in range(triples)] for letter in "xy"]
    threads = [
        [
            statement
            for i in range(triples)
            for statement in (
                f"WRITE_ONCE(*{mine[t][i]}, 1);",
                "smp_mb();",
                f"r{i} = READ_ONCE(*{mine[1 - t][i]});",
            )
        ]
        for t in (0, 1)
    ]
    condition = " \\/ ".join(f"0:r{i}=0 /\\ 1:r{i}=0" for i in range(triples))
    return c_test(f"triples-{triples}", threads, mine[0] + mine[1], f"exists ({condition})")


def writers(count: int, readers: int, reads: int) -> str:
    """Many writers of one location; two readers may not see two of the writes in opposite orders."""
    threads = [[f"WRITE_ONCE(*x, {value});"] for value in range(1, count + 1)]
    threads += [[f"r{k} = READ_ONCE(*x);" for k in range(reads)] for _ in range(readers)]
    first, second = count, count + 1
    condition = f"exists ({first}:r0=1 /\\ {first}:r1=2 /\\ {second}:r0=2 /\\ {second}:r1=1)"
    return c_test(f"writers-{count}", threads, ["x"], condition)


def cases() -> tuple[Case, ...]:
    """What has to finish within a minute and a gibibyte each."""
    return (
        Case("store-buffering ring of 16", sb_ring(16, fence=False), (), "Sometimes", 1 << 16),
        Case("store-buffering ring of 16, fenced", sb_ring(16, fence=True), (), "Never", (1 << 16) - 1),
        Case("IRIW ring of 8", iriw_ring(8), (), "Never", (1 << 8) - 1),
        Case("2 threads of 16 triples, --reach", long_threads(16), ("--reach",), "unreachable"),
        Case("6 writers, 2 readers of one location", writers(6, 2, 2), (), "Never"),
    )
