"""Coverage: which clauses of a model tests exercise, which lines and branches of kernel C they take."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from membar_check.arguments import Parser
from membar_check.diagnostics import InputError, Unsupported
from membar_check.engine.api import CheckOptions, lower_for, parse_file, request_for
from membar_check.engine.choose import run_engine
from membar_check.engine.models import get_model
from membar_check.engine.tally import Goal, Tally
from membar_check.events.build import build
from membar_check.gate.coverage import CoverageOptions, clause_of, cover, difference, model_mutations
from membar_check.gate.coverage_models import Mutated
from membar_check.gate.digests import compiled_digest
from membar_check.gating_coverage import add_parsers, run_command
from membar_check.records import replace
from membar_check.report.coverage import as_json, render
from membar_check.report.coverage_data import ClauseCoverage
from membar_check.synth.mutate import Mutation, mutations
from support.inline import parse

ROOT = Path(__file__).resolve().parents[2]
X86 = ROOT / "litmus" / "x86"

MODEL = """"small"
include "cos.cat"
let kept = [R]; po; [M] | [W]; po; [W] | 0
let fenced = po; [MFENCE]; po
acyclic po-loc | rf | co | fr as coherence
(* one order *)
acyclic kept | fenced
  | rfe | co | fr as order
"""

KERNEL = """C branches

{}
#include "half.h"
int x;
P0(void)
{
	int r = READ_ONCE(x);
	if (r == 1)
		WRITE_ONCE(x, 2);
	else if (r == 7)
		half(r);
	half(0);
}
P1(void) { WRITE_ONCE(x, 1); }
"""
HALF = """static inline void half(int a)
{
	if (a)
		WRITE_ONCE(x, 3);
}
static inline void unused(void)
{
	WRITE_ONCE(x, 4);
}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.cat"
    path.write_text(MODEL)
    return path


def x86(*names: str) -> list[str]:
    return [str(X86 / f"{name}.litmus") for name in names]


def options(model: str | Path, **more: object) -> CoverageOptions:
    return replace(CoverageOptions(CheckOptions(model=str(model), hash=False)), **more)


def by_name(clauses: tuple[ClauseCoverage, ...]) -> dict[str, ClauseCoverage]:
    return {one.clause.name: one for one in clauses}


def run(*arguments: str) -> tuple[int, str, str]:
    parser = Parser(prog="membar-check")
    add_parsers(parser.add_subparsers(dest="command", parser_class=Parser))
    out, err = StringIO(), StringIO()
    return run_command(parser.parse_args(["coverage", *arguments]), out, err), out.getvalue(), err.getvalue()


# --- clauses ---------------------------------------------------------------------------------------------------------
def test_what_one_test_exercises(small: Path) -> None:
    found = by_name(cover(x86("SB+mfences"), options(small)).clauses)
    assert found["without the check order"].test.endswith("SB+mfences.litmus")
    assert found["without the check order"].change == "Never becomes Sometimes"
    assert found["order without fenced"].exercised
    assert not found["kept without [W]; po; [W]"].exercised  # no thread writes twice
    assert not found["order without rfe"].exercised


def test_a_clause_is_exercised_by_the_smallest_test_whatever_the_order(small: Path) -> None:
    for names in (("MP", "IRIW"), ("IRIW", "MP")):
        found = by_name(cover(x86(*names), options(small)).clauses)
        assert Path(found["order without rfe"].test).name == "MP.litmus"
        assert Path(found["kept without [R]; po; [M]"].test).name == "MP.litmus"


def test_coherence_is_exercised_by_a_read_after_a_write(small: Path) -> None:
    found = by_name(cover(x86("CoWR"), options(small)).clauses)
    assert found["without the check coherence"].change == "Never becomes Sometimes"
    assert not found["without the check order"].exercised


def test_kinds_are_chosen(small: Path) -> None:
    found = cover(x86("SB"), options(small, kinds=("check",)))
    assert [c.clause.name for c in found.clauses] == ["without the check coherence", "without the check order"]
    assert [c.exercised for c in found.clauses] == [False, False] and found.percent == 0.0


def test_other_dialects_are_left_out_and_named() -> None:
    found = cover([*x86("SB"), str(ROOT / "litmus/aarch64/SB.litmus")], options("x86-tso"))
    assert found.dialects == ("X86",) and found.tests == 1
    reason = "the model x86-tso is for C and X86 and X86_64, but the test is AArch64"
    assert found.left_out == (f"tests of AArch64: {reason}",)


def test_a_model_for_none_of_the_tests_is_an_error() -> None:
    with pytest.raises(InputError, match="the model lkmm is for C, but the test is X86"):
        cover(x86("SB"), options("lkmm"))


def test_a_model_that_only_the_interpreter_runs_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.cat"
    path.write_text('"m"\ninclude "cos.cat"\nlet r = match rf with || {} -> po || x ++ y -> co end\nacyclic r\n')
    with pytest.raises(Unsupported, match="the clauses of odd cannot be taken away one by one"):
        cover(x86("SB"), options(path))


def test_a_test_that_is_wrong_does_not_hide_the_others(small: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.litmus"
    broken.write_text("X86 broken\n{}\n P0 ;\n NONSENSE ;\nexists (x=1)\n")
    found = cover([str(broken), *x86("SB")], options(small))
    assert found.wrong and not found.inconclusive and found.tests == 1
    assert found.unanswered[0][0] == str(broken)


def test_time_that_is_over_is_said(small: Path) -> None:
    found = cover(x86("SB", "MP"), options(small, seconds=0.0))
    assert found.inconclusive and found.tests == 0
    assert [reason for _, reason in found.unanswered] == ["the 0 s were over"] * 2


def test_differences_in_words() -> None:
    test = parse((X86 / "SB.litmus").read_text())
    old = Tally(positive=1, negative=3)
    assert difference(old, Tally(positive=1, negative=3), test) == ""
    assert difference(old, Tally(positive=0, negative=3), test) == "Sometimes becomes Never"
    assert difference(old, Tally(positive=2, negative=3), test) == "1 + 3 executions become 2 + 3"
    assert difference(old, Tally(positive=2, negative=3, counted=False), test) == ""
    assert difference(old, Tally(positive=1, negative=3, flags={"a"}), test) == "flag a appears"
    assert difference(Tally(flags={"a"}), Tally(flags={"b"}), test) == "flag b appears, flag a disappears"
    assert difference(old, Tally(), test) == "Sometimes becomes no execution"


# --- mutated models --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("model", "arch"), [("x86-tso", "X86"), ("sc", "C"), ("power", "PPC")])
def test_a_model_mutated_in_memory_is_the_one_that_is_written(model: str, arch: str, tmp_path: Path) -> None:
    every = model_mutations(options(model))
    request = request_for(arch, CheckOptions(model=model))
    mutated = Mutated(request, every)
    assert not mutated.refused
    for number in range(0, len(every), 7):
        path = every[number].write(tmp_path / str(number))
        bell = path.with_suffix(".bell") if path.with_suffix(".bell").is_file() else mutated.model.bell
        written = get_model(replace(request, model=str(path), bell=str(bell) if bell else None))
        assert written.compiled is not None
        ours = mutated.mutant(number).compiled
        assert ours is not None and compiled_digest(ours) == compiled_digest(written.compiled)


def test_mutations_that_say_the_same_are_asked_once(small: Path) -> None:
    every = mutations(small)
    mutated = Mutated(request_for("X86", CheckOptions(model=str(small))), every)
    groups = mutated.telling(range(len(every)), frozenset({"co0", "M"}))
    told = sorted(number for numbers in groups.values() for number in numbers)
    assert told and all(every[n].name != "order without fenced" for n in told)  # such tests have no fences


def test_places_of_clauses(small: Path) -> None:
    clauses = {m.name: clause_of(m, MODEL) for m in mutations(small)}
    clause = clauses["order without rfe"]
    assert (clause.line, clause.column, clause.text) == (8, 5, "rfe")
    assert clauses["without the check coherence"].line == 5
    assert clauses["order: irreflexive in place of acyclic"].text == "acyclic"


def test_the_bell_file_takes_part() -> None:
    files = {Path(m.file).name for m in model_mutations(options("lkmm"))}
    assert files == {"lkmm-axioms.cat", "lkmm.bell"}
    with pytest.raises(InputError, match="no model is named"):
        model_mutations(CoverageOptions(CheckOptions()))


# --- kernel C --------------------------------------------------------------------------------------------------------
@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    (tmp_path / "half.h").write_text(HALF)
    path = tmp_path / "branches.litmus"
    path.write_text(KERNEL)
    return path


def test_lines_and_branches_of_kernel_c(kernel: Path) -> None:
    found = cover([str(kernel)], options("sc", kinds=("check",)))
    files = {Path(f.file).name: f for f in found.kernel}
    own, header = files["branches.litmus"], files["half.h"]
    lines = KERNEL.splitlines()
    taken = {lines[n - 1].strip(): hit for n, hit in own.lines.items()}
    assert taken["WRITE_ONCE(x, 2);"] and taken["half(0);"]
    assert not taken["half(r);"]
    assert header.lines == {1: True, 3: True, 4: False}
    assert [(a.line, a.column, a.text, a.taken) for a in header.arms] == [
        (3, 6, "`a` as false", True), (3, 6, "`a` as true", False),
    ]  # fmt: skip
    assert {a.taken for a in own.arms} == {True, False}
    assert own.functions["P0"] and header.functions == {"half": True}


def test_what_one_test_takes_is_taken(kernel: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.litmus"
    other.write_text('C other\n\n{}\n#include "half.h"\nint x;\nP0(void) { half(1); }\n')
    found = cover([str(kernel), str(other)], options("sc", kinds=("check",)))
    header = next(f for f in found.kernel if Path(f.file).name == "half.h")
    assert header.lines == {1: True, 3: True, 4: True} and all(arm.taken for arm in header.arms)


CONDITIONS = """C conditions

{}
#include "twice.h"
int x, y, z;
P0(void)
{
	int r, s, i;
	if (READ_ONCE(x) == 0)
		s = 1;
	if (READ_ONCE(y)) s = 2; else s = 3;
	r = READ_ONCE(x) == 5 ? 1 : 2;
	s = r == 2 ? 4 : 5;
	for (i = 0; i < 2; i++) s++;
	while (READ_ONCE(x)) s--;
	do s = 0; while (READ_ONCE(y) == 2);
	if (READ_ONCE(x) && READ_ONCE(y)) s = 6;
	if (!(READ_ONCE(y) || READ_ONCE(z))) s = 7;
	s = r && (s == 7 || i);
	s = READ_ONCE(x) || READ_ONCE(y);
	s = r == 1 ? (i ? 1 : 2) : 3;
	switch (READ_ONCE(y)) { case 0: s = 8; case 1: s = 9; break; case 2: s = 10; }
	switch (r) { case 2: s = 11; break; default: s = 12; }
	if (TWICE(READ_ONCE(y))) s = 13;
	if (0) { if (s) s = 14; }
	if (1 && s) ;
}
P1(void) { WRITE_ONCE(y, 1); }
"""
NEVER = """
9:6 `READ_ONCE(x) == 0` as false
12:6 `READ_ONCE(x) == 5` as true
13:6 `r == 2` as false
15:9 `READ_ONCE(x)` as true
16:19 `READ_ONCE(y) == 2` as true
17:6 `READ_ONCE(x)` as true
17:22 `READ_ONCE(y)` as false
17:22 `READ_ONCE(y)` as true
18:24 `READ_ONCE(z)` as true
19:6 `r` as false
19:22 `i` as false
20:6 `READ_ONCE(x)` as true
21:6 `r == 1` as true
21:16 `i` as false
21:16 `i` as true
22:63 `case 2` of `switch (READ_ONCE(y))`
22:2 no `case` of `switch (READ_ONCE(y))`
23:38 `default` of `switch (r)`
24:12 `READ_ONCE(y)` as false (number 2 at this place)
26:6 `1 && s` as false
"""


def branches(tmp_path: Path, text: str, model: str = "sc") -> dict[tuple[str, str], bool]:
    """Each branch of a test, by place and text, and whether it is taken."""
    (tmp_path / "twice.h").write_text("#define TWICE(a) ((a) && (a))\n")
    path = tmp_path / "conditions.litmus"
    path.write_text(text)
    (file,) = cover([str(path)], options(model, kinds=("check",))).kernel
    return {(f"{arm.line}:{arm.column}", arm.text): arm.taken for arm in file.arms}


@pytest.mark.parametrize("model", ["sc", "lkmm"])
def test_both_ways_out_of_every_condition_are_branches(model: str, tmp_path: Path) -> None:
    found = branches(tmp_path, CONDITIONS, model)
    missed = {f"{place} {text}" for (place, text), taken in found.items() if not taken}
    assert missed == set(NEVER.strip().splitlines())
    assert [text for place, text in found if place.startswith("11:")] == [
        "`READ_ONCE(y)` as false", "`READ_ONCE(y)` as true"
    ]  # fmt: skip
    assert found["14:14", "`i < 2` as false"] and found["14:14", "`i < 2` as true"]
    assert found["22:26", "`case 0` of `switch (READ_ONCE(y))`"]
    assert len(found) == 48 and not any(place.startswith("25:") for place, _ in found)


def test_watching_conditions_changes_no_execution() -> None:
    check = CheckOptions(model="lkmm")
    for name in ("no-grace-period-mb-quoted", "ready-check-any-bit", "last-user-exits-pre-5.4"):
        test = parse_file(str(ROOT / "litmus" / "membarrier" / f"{name}.litmus"), ())
        model = get_model(request_for(test.arch, check))
        tallies = []
        for watch in (False, True):
            structure = build(lower_for(test, model, check, watch=watch), check.unroll, model.registers)
            tally = run_engine(check.engine, model, structure, Goal()).tally
            found = sorted({(kind, text) for kind, text, _ in tally.findings})
            paths = [len(thread) for thread in structure.paths]
            tallies.append((paths, found, tally.flags, tally.states, tally.executions, tally.visited))
            kernel = structure.program.kernel
            assert kernel is not None and bool(tally.ways) == bool(kernel.ways) == watch
        assert tallies[0] == tallies[1]


def test_paths_split_only_where_operands_differ(tmp_path: Path) -> None:
    path = tmp_path / "split.litmus"
    reads = "int r = READ_ONCE(x), s = READ_ONCE(y), u = READ_ONCE(z), all;"
    writes = "P1(void) { WRITE_ONCE(x, 1); WRITE_ONCE(y, 1); WRITE_ONCE(z, 1); }"
    path.write_text(f"C split\n\n{{}}\nint x, y, z;\nP0(void) {{ {reads} all = (r && s) && u; }}\n{writes}\n")
    check = CheckOptions(model="sc")
    test, model = parse_file(str(path), ()), get_model(request_for("C", check))
    paths = [len(build(lower_for(test, model, check, watch=w), check.unroll).paths[0]) for w in (False, True)]
    assert paths == [1, 4]


# --- the reports and the command -------------------------------------------------------------------------------------
def test_listing(small: Path, golden: Callable[[str, str], None]) -> None:
    text = render(cover(x86("SB+mfences"), options(small)), "listing")
    golden("coverage/listing.txt", text.replace(str(small.parent), "DIR"))


def test_text_and_listing_of_kernel_c(kernel: Path, golden: Callable[[str, str], None]) -> None:
    found = cover([str(kernel)], options("sc", kinds=("check",)))
    for form in ("text", "listing"):
        text = render(replace(found, texts={}, clauses=()), form)
        golden(f"coverage/kernel-{form}.txt", text.replace(str(kernel.parent), "DIR"))


def test_json(small: Path) -> None:
    found = cover(x86("SB+mfences"), options(small))
    data = json.loads(render(found, "json"))
    assert data == as_json(found)
    assert data["judged"] == len(found.clauses) and data["exercised"] == sum(c["exercised"] for c in data["clauses"])
    missed = next(c for c in data["clauses"] if c["name"] == "order without rfe")
    assert (missed["line"], missed["column"], missed["text"], missed["exercised"]) == (8, 5, "rfe", False)
    assert "test" not in missed


def test_what_is_not_judged_is_said(small: Path) -> None:
    found = cover(x86("SB"), options(small, kinds=("check",)))
    refused = replace(found.clauses[0], test="", reason="it is no model")
    text = render(replace(found, clauses=(refused,), unanswered=(("a.litmus", "too large"),)), "text")
    assert f"{small}:5: not judged: without the check coherence: it is no model\n" in text
    assert "a.litmus: no answer: too large\n" in text
    assert "0 of 0 of the clauses exercised" in text


def test_a_folder_without_tests_is_bad_input(tmp_path: Path) -> None:
    status, _, err = run("x86-tso", str(tmp_path), *x86("SB"))
    assert status == 2 and str(tmp_path) in err


def test_the_command(small: Path, tmp_path: Path) -> None:
    status, out, _ = run(str(small), *x86("SB+mfences", "MP"))
    assert status == 0 and out.splitlines()[-1].startswith("    ") and "not exercised" in out
    status, _, _ = run(str(small), *x86("SB+mfences"), "--require", "100")
    assert status == 1
    target = tmp_path / "out.json"
    assert run(str(small), *x86("SB"), "--format", "json", "-o", str(target))[:2] == (0, "")
    assert json.loads(target.read_text())["tests"] == 1
    assert run(str(small), *x86("SB"), "--seconds", "0.000001")[0] == 3


def test_tests_that_are_all_cut_are_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "waiting.litmus"
    path.write_text(
        "C waiting\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\n"
        "P1(int *x) { int r0; r0 = READ_ONCE(*x); while (r0 == 0) { r0 = READ_ONCE(*x); } }\nexists (1:r0=0)\n"
    )
    status, out, _ = run("sc", str(path))
    assert status == 3 and "inconclusive: executions of every test were cut at the unrolling bound" in out
    status, out, _ = run("sc", str(path), str(ROOT / "litmus" / "c" / "SB.litmus"))
    assert status == 0 and "executions of 1 of 2 tests were cut at the unrolling bound\n" in out


def test_the_gravest_gives_the_exit_status(small: Path, tmp_path: Path) -> None:
    from membar_check.gating_coverage import exit_status

    found = cover(x86("SB"), options(small))
    assert found.percent < 100.0 and not found.blank
    late, wrong = replace(found, inconclusive=True), replace(found, wrong=True, inconclusive=True)
    assert [exit_status(each, 0.0) for each in (found, late, wrong)] == [0, 3, 2]
    assert [exit_status(each, 100.0) for each in (found, late, wrong)] == [1, 1, 2]
    assert exit_status(replace(late, tests=0), 100.0) == 3


@pytest.mark.parametrize("form", ["text", "listing"])
def test_without_time_nothing_is_called_missed(form: str, small: Path) -> None:
    status, out, _ = run(str(small), *x86("SB"), "--seconds", "0.000001", "--format", form)
    assert status == 3 and "not exercised" not in out and "#####" not in out
    assert "small: no test was checked, nothing is known of its " in out
    assert ("check not checked: " if form == "text" else "        ?:    5:acyclic") in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nomodel", "SB"], "there is no model 'nomodel'"),
        (["x86-tso", "SB", "-o", "EMPTY"], "cannot be written"),
    ],
)
def test_what_the_command_refuses(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    known = {"SB": x86("SB")[0], "EMPTY": str(tmp_path / "empty")}
    with pytest.raises(InputError, match=message):
        run(*[known.get(a, a) for a in arguments])


@pytest.mark.parametrize(
    ("option", "wrong", "message"),
    [
        ("--kinds", "axiom", "expected some of check, flag"),
        ("--require", "101", "expected a number from 0 to 100"),
        ("--require", "much", "expected a number from 0 to 100"),
    ],
)
def test_wrong_options(option: str, wrong: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        run("sc", "x.litmus", option, wrong)
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_a_mutation_of_another_file_changes_nothing(small: Path) -> None:
    stranger = Mutation("check", "a", "a", "elsewhere.cat", 1, "", "", 0, 0, "elsewhere.cat", ())
    mutated = Mutated(request_for("X86", CheckOptions(model=str(small))), [stranger])
    assert mutated.telling([0], frozenset({"M", "MFENCE"})) == {}


@pytest.mark.parametrize("model", ["aarch64", "power", "riscv", "x86-tso"])
def test_the_bundled_tests_exercise_every_axiom(model: str) -> None:
    folder = ROOT / "litmus" / model.removesuffix("-tso")
    found = cover(sorted(map(str, folder.glob("*.litmus"))), options(model, kinds=("check", "cycles")))
    assert [c.clause.name for c in found.clauses if not c.exercised] == []
    assert not found.unanswered
