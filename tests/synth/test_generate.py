"""Tests from lists, up to a size, from models; what the command prints."""

from __future__ import annotations

import io
import re
from collections import Counter
from pathlib import Path

import pytest

from membar_check import gating_generate
from membar_check.arguments import Parser
from membar_check.diagnostics import InputError
from membar_check.engine.api import CheckOptions
from membar_check.synth.cycles import Test, make_test
from membar_check.synth.enumerate_cycles import Limits, all_cycles, usual
from membar_check.synth.examples import examples_of
from membar_check.synth.generate import Judge, from_edges, from_lists, up_to_size, write_folder, written
from membar_check.synth.write import write_shape
from support.inline import compiled, judge_compiled, parse, structure_of

ARCHITECTURES = ("AArch64", "C", "PPC", "RISCV", "X86", "X86_64")
TWO_THREADS = {"MP", "SB", "LB", "R", "S", "2+2W"}


def bounded(arch: str, accesses: int, **more: object) -> Limits:
    return Limits(arch, accesses, **more)  # type: ignore[arg-type]


# --- enumeration -----------------------------------------------------------------------------------------------------
def test_the_cycles_of_four_accesses() -> None:
    names = [test.name for test in up_to_size(bounded("X86_64", 4))]
    assert names[:5] == ["CoRW1", "CoWR0", "CoWW", "CoRR", "CoRW2"]
    assert set(names[5:]) == TWO_THREADS
    assert len(names) == len(set(names)) == 11


def test_the_cycles_of_six_accesses_and_three_threads() -> None:
    names = {test.name for test in up_to_size(bounded("AArch64", 6, threads=4))}
    assert names >= {"WRC", "RWC", "WWC", "ISA2", "Z6.0", "Z6.1", "Z6.2", "Z6.3", "Z6.4", "Z6.5"}
    assert names >= {"3.SB", "3.LB", "3.2W"}
    assert names >= {"IRIW", "W+RWC", "WRW+WR", "WRR+2W", "WRW+2W", "IRRWIW", "IRWIW"}


def reference(arch: str) -> set[str]:
    """The texts of all tests of four accesses in two threads and two locations, each thread with both, and one
    decoration at most, from all words of edges."""
    from itertools import product

    inner = [f"{head}d{a}{b}" for head in ("Po", "MFence") for a, b in product("RW", repeat=2)]
    found = set()
    for first, com, second, back in product(inner, ("Rfe", "Fre", "Coe"), inner, ("Rfe", "Fre", "Coe")):
        if (first[0] == "M") + (second[0] == "M") > 1:
            continue
        try:
            (test,) = from_edges(f"{first} {com} {second} {back}", arch)
        except InputError:
            continue
        found.add(write_shape(test.shape, "T"))
    return found


def test_the_enumeration_is_complete_and_has_nothing_twice() -> None:
    limits = bounded("X86_64", 4, fences=("MFence",), decorations=1)
    tests = [test for test in up_to_size(limits) if test.shape.accesses == 4 and len(test.shape.threads) == 2]
    texts = [write_shape(test.shape, "T") for test in tests if "Co" not in test.name[:2]]
    assert len(texts) == len(set(texts)) and set(texts) == reference("X86_64")


def test_smallest_first_and_in_the_same_order_each_time() -> None:
    limits = bounded("AArch64", 4, fences=("DMB.SY",), dependencies=("Addr", "Ctrl"), annotations=("A",))
    cycles = list(all_cycles(limits))
    assert cycles == list(all_cycles(limits)) and len(set(cycles)) == len(cycles)
    sizes = [make_test(cycle, "AArch64").shape.size for cycle in cycles]
    keys = [(accesses, extra + tags) for accesses, _, extra, tags in sizes]
    assert keys == sorted(keys)


def test_limits() -> None:
    some = list(up_to_size(bounded("X86_64", 6, threads=2)))
    assert {len(test.shape.threads) for test in some} <= {1, 2} and len(some) < 20
    assert all("+" not in test.name[1:] or "2+2W" in test.name for test in some)
    wide = {test.name for test in up_to_size(bounded("X86_64", 5, everything=True))}
    assert {"MP+po+poR-pos", "SB+po+rfi-po"} <= wide


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_every_test_reads_back_and_has_its_execution(arch: str) -> None:
    lists = {key: names[:3] for key, names in usual(arch).items()}
    tests = list(written(up_to_size(bounded(arch, 4, decorations=1, **lists))))
    tests = tests[:20] + tests[20::7]
    free = compiled("", arch)
    for test in tests:
        parsed = parse(test.text)
        assert (parsed.name, parsed.arch) == (test.test.name, arch)
        if len(test.test.shape.threads) > 1:  # of one thread alone the engine tries no other order
            assert judge_compiled(free, structure_of(test.text, "sc")).positive == 1


def test_names_are_used_once() -> None:
    tests = [Test("T", next(iter(from_edges("Rfe PodRR Fre PodWW", "C"))).shape, "") for _ in range(3)]
    assert [test.test.name for test in written(tests)] == ["T", "T-2", "T-3"]


@pytest.mark.parametrize(
    ("key", "what"), [("fences", "fence"), ("dependencies", "dependency"), ("annotations", "annotation")]
)
def test_unknown_names(key: str, what: str) -> None:
    with pytest.raises(InputError, match=f"found the {what} `Nope`, expected one of"):
        list(all_cycles(bounded("AArch64", 2, **{key: ("Nope",)})))


# --- lists -----------------------------------------------------------------------------------------------------------
def test_alternatives() -> None:
    tests = list(from_edges("Rfe PodRR,DpAddrdR,PodRW Fre PodWW,DMB.STdWW", "AArch64"))
    assert [t.name for t in tests] == ["MP", "MP+dmb.st+po", "MP+po+addr", "MP+dmb.st+addr"]
    with pytest.raises(InputError, match="no choice of edges is a cycle; the first: `PodRW` ends in a write"):
        list(from_edges("Rfe PodRW,PodRW Fre PodWW", "AArch64"))
    with pytest.raises(InputError, match="found `Nope`, expected an edge"):
        list(from_edges("Rfe PodRR,Nope Fre PodWW", "AArch64"))


def test_relaxed_and_safe_edges() -> None:
    limits = bounded("X86_64", 4)
    names = {t.name for t in from_lists("PodWR", "Fre MFencedWR,Rfe PodRR PodWW", limits)}
    assert names == {"SB", "SB+mfence+po"}
    both = {"MP", "SB+mfences", "W+RR+poR-po", "WW+R+poW-po"}
    assert {t.name for t in from_lists("", "Fre MFencedWR,Rfe PodRR PodWW", limits)} == both
    with pytest.raises(InputError, match="found the annotation `A`, expected an edge"):
        list(from_lists("A", "", bounded("AArch64", 4)))


def test_a_folder_of_tests(tmp_path: Path) -> None:
    tests = written(from_edges("Rfe PodRR,DpAddrdR Fre PodWW", "AArch64"))
    assert write_folder(tests, tmp_path / "new") == 2
    assert (tmp_path / "new" / "@all").read_text() == "MP.litmus\nMP+po+addr.litmus\n"
    assert parse((tmp_path / "new" / "MP+po+addr.litmus").read_text()).name == "MP+po+addr"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_folder((), tmp_path / "file" / "in")


def test_files_with_other_contents_stay(tmp_path: Path) -> None:
    tests = list(written(from_edges("Rfe PodRR,DpAddrdR Fre PodWW", "AArch64")))
    assert write_folder(tests, tmp_path) == write_folder(tests, tmp_path) == 2
    with pytest.raises(InputError, match="@all: exists with other contents"):
        write_folder(tests[:1], tmp_path)
    with pytest.raises(InputError, match="@all: exists with other contents"):
        write_folder(tests[1:], tmp_path)
    (tmp_path / "MP.litmus").write_text("mine")
    with pytest.raises(InputError, match=r"MP\.litmus: exists with other contents") as caught:
        write_folder(tests, tmp_path)
    assert "--force" in caught.value.hint
    assert (tmp_path / "MP.litmus").read_text() == "mine"
    assert write_folder(tests[:1], tmp_path, force=True) == 1
    assert (tmp_path / "MP.litmus").read_text() == tests[0].text
    assert (tmp_path / "@all").read_text() == "MP.litmus\n"


def test_the_command_overwrites_only_by_force(tmp_path: Path) -> None:
    edges = ("--edges", "Rfe PodRR Fre PodWW", "-o", str(tmp_path))
    (tmp_path / "@all").write_text("other.litmus\n")
    with pytest.raises(InputError, match="@all: exists with other contents"):
        command(*edges)
    assert [path.name for path in tmp_path.iterdir()] == ["@all"]
    assert command(*edges, "--force")[0] == 0
    assert (tmp_path / "@all").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("cycle", "calls"),
    [
        ("Rfe Rmw RcudWW Coe PodWW", "lock xchg WRITE unlock"),
        ("Rfe RcudRR Rmw Coe PodWW", "lock READ xchg unlock"),
        ("Rfe RcudRR Rmw RcudWR Fre PodWW", "lock READ xchg READ unlock"),
        ("Rfe RcudRR RcudRR Fre PodWW", "lock READ READ READ unlock"),
    ],
)
def test_a_section_has_both_halves_of_a_read_modify_write(cycle: str, calls: str) -> None:
    (test,) = written(from_edges(cycle, "C"))
    parse(test.text)
    found = re.findall(r"rcu_read_(lock|unlock)|(READ|WRITE)_ONCE|(xchg)_relaxed", test.text)
    words = ["".join(parts) for parts in found]
    begin, end = words.index("lock"), words.index("unlock")
    assert " ".join(words[begin : end + 1]) == calls


# --- a model ---------------------------------------------------------------------------------------------------------
def test_examples_of_a_small_model(tmp_path: Path) -> None:
    model = tmp_path / "m.cat"
    model.write_text(
        'm\ninclude "cos.cat"\nacyclic po-loc | rf | co | fr as coherence\nlet unused = rf | co\n'
        "let kept = [R]; po; [M]\n  | [W]; po; [W]\n  | [W]; po; [MFENCE]; po; [R]\n"
        "acyclic kept | rfe | co | fr as tso\n"
    )
    judge = Judge("X86_64", CheckOptions(model=str(model), hash=False))
    found = examples_of(judge, Limits("X86_64", 4, fences=("MFence",), bare=True), 600.0, 3)
    by_name = {example.clause.name: example for example in found.examples}
    assert found.trouble == () and len(by_name) == 15

    def shown(name: str) -> tuple[str, str]:
        example = by_name[name]
        assert example.forbidden is not None and example.allowed is not None
        return example.forbidden.test.name, example.allowed.test.name

    assert shown("kept without [R]; po; [M]") == ("LB", "SB")
    assert shown("kept without [W]; po; [W]")[0] == "2+2W"
    assert shown("kept without [W]; po; [MFENCE]; po; [R]") == ("R+po+mfence", "R")
    assert by_name["kept without [W]; po; [MFENCE]; po; [R]"].step == "MFencedWR -> PodWR"
    assert shown("without the check coherence")[0].startswith("Co")
    assert shown("without the check tso")[0] in TWO_THREADS
    assert by_name["unused without rf"].idle and by_name["unused without rf"].forbidden is None


def test_examples_need_their_clauses(tmp_path: Path) -> None:
    from membar_check.synth.mutate_models import mutated_model

    judge = Judge("PPC", CheckOptions(model="power", hash=False))
    limits = bounded("PPC", 4, fences=("Sync", "LwSync"), dependencies=("Addr",), decorations=2, bare=True)
    found = examples_of(judge, limits, 600.0, 1)
    assert (found.cycles, found.searched, found.trouble) == (4, 1, ())
    shown = [example for example in found.examples if example.forbidden is not None]
    assert len(shown) >= 25
    for example in shown[::5]:
        assert example.forbidden is not None
        structure = judge.structure(example.forbidden.text, "T")
        assert not judge.allows(structure)
        assert judge.allows(structure, mutated_model(judge.model, example.clause))
        if example.allowed is not None:
            assert judge.allows(judge.structure(example.allowed.text, "T"))


# --- the command -----------------------------------------------------------------------------------------------------
def command(*arguments: str) -> tuple[int, str, str]:
    parser = Parser(prog="membar-check")
    gating_generate.add_parsers(parser.add_subparsers(dest="command"))
    out, err = io.StringIO(), io.StringIO()
    status = gating_generate.run_command(parser.parse_args(["generate", *arguments]), out, err)
    return status, out.getvalue(), err.getvalue()


def test_one_test_is_printed() -> None:
    status, out, _ = command("--edges", "Rfe PodRRAcquireOnce Fre PodWWOnceRelease")
    assert status == 0 and parse(out).name == "MP+pooncerelease+poacquireonce"
    assert out.split("\n")[1] == '"PodWWOnceRelease RfeReleaseAcquire PodRRAcquireOnce Fre"'


def test_several_tests_are_listed_with_verdicts() -> None:
    status, out, _ = command(
        "--edges", "Rfe PodRR,DpAddrdR Fre PodWW,DMB.STdWW", "--arch", "AArch64", "--verdicts", "--model", "aarch64"
    )
    rows = [line.split()[:2] for line in out.splitlines()]
    assert status == 0
    assert rows == [["MP", "allowed"], ["MP+dmb.st+po", "allowed"], ["MP+po+addr", "allowed"],
                    ["MP+dmb.st+addr", "forbidden"]]  # fmt: skip


def test_a_size_with_a_limit_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    status, out, _ = command(
        "--size", "4", "--arch", "X86_64", "--fences", "MFence", "--rmws", "none", "--only", "forbidden",
        "-o", str(folder),
    )  # fmt: skip
    files = sorted(p.name for p in folder.glob("*.litmus"))
    assert status == 0 and f"{len(files)} tests in {folder}" in out and "SB+mfences.litmus" in files
    assert "SB.litmus" not in files and "MP.litmus" in files
    assert Counter(line.split()[1] for line in out.splitlines()[:-1]) == {"forbidden": len(files)}
    assert command("--size", "3", "--limit", "2")[1].count("\n") == 2


def test_a_model_is_told_with_what_is_missing(tmp_path: Path) -> None:
    model = tmp_path / "m.cat"
    model.write_text('m\ninclude "cos.cat"\nacyclic po | rf | co | fr as sc\nempty rmw & (fre; coe) as atomic\n')
    status, out, _ = command(
        "--from-model", str(model), "--arch", "X86_64", "--fences", "none", "--accesses", "2", "-o", str(tmp_path / "o")
    )
    assert status == 0
    assert out.startswith("m, tests in X86_64: 6 axioms and clauses, ")
    assert "without the check sc (m.cat:3)\n  forbidden  " in out
    assert "without the check atomic (m.cat:4)\n  no test needs it up to the bound\n" in out
    assert "without an example: " in out and (tmp_path / "o" / "@all").is_file()


BAD = [
    ((), "nothing to make: expected --edges, --size or --from-model"),
    (("--edges", "Rfe", "--size", "4"), "several of them"),
    (("--edges", "Rfe PodRR Fre PodWW", "--safe", "Rfe"), "--relax and --safe need --size"),
    (("--from-model", "aarch64", "--verdicts"), "--from-model has verdicts of its own"),
    (("--edges", "Rfe Nope"), "found `Nope`"),
    (("--size", "4", "--arch", "ARM"), "no edges are known for `ARM`"),
    (("--size", "4", "--fences", "Nope"), "found the fence `Nope`"),
    (("--from-model", "nope"), "there is no model 'nope'"),
    (("--edges", "Rfe PodRR Fre PodWW", "--verdicts", "--model", "aarch64", "--arch", "PPC"), "the test is PPC"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_bad_arguments(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError) as caught:
        command(*arguments)
    assert message in caught.value.message
