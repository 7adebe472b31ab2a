"""The search for the smallest test that two models disagree about, and ``diff`` on top of it."""

from __future__ import annotations

import json
import random
from io import StringIO
from pathlib import Path

import pytest

from membar_check.arguments import Parser
from membar_check.diagnostics import InputError, Source, Unsupported
from membar_check.engine.api import CheckOptions
from membar_check.engine.cnf import FALSE, Solver
from membar_check.engine.models import DEFAULT_VARIANTS, Model, ModelRequest, get_model
from membar_check.gating_diff import add_parsers, run_command
from membar_check.litmus.parser import parse_litmus
from membar_check.resources import models_dir
from membar_check.synth.compare import EQUAL, INCOMPARABLE, STRONGER, UNKNOWN, WEAKER, judge
from membar_check.synth.diff import NEW, OLD, Comparison, DiffOptions, compare_models, diff, load_models
from membar_check.synth.encode_gates import Gates
from membar_check.synth.encode_parting import Parting
from membar_check.synth.finder import Bound, Finder, Goal, Question, partitions, shape_of
from membar_check.synth.mutate import mutations
from membar_check.synth.naming import test_name as name_of
from membar_check.synth.shape import Access, Line, Shape
from membar_check.synth.vocabulary import architectures, load_vocabulary
from membar_check.synth.write import write_shape

CHECK = CheckOptions(hash=False)


def model(name: str, arch: str) -> Model:
    return get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, arch))


def compare(old: str, new: str, accesses: int = 4, dialect: str | None = None, **options: object) -> Comparison:
    return diff(old, new, dialect, (), DiffOptions(Bound(accesses), 300.0, **options))  # type: ignore[arg-type]


def changed(folder: Path, name: str, old: str, new: str, file: str | None = None) -> str:
    """A copy of a bundled model in which one text stands for another."""
    for path in models_dir().iterdir():
        if path.suffix in (".cat", ".bell", ".def"):
            (folder / path.name).write_text(path.read_text("utf-8"), "utf-8")
    target = folder / (file or f"{name}.cat")
    text = target.read_text("utf-8")
    assert old in text
    target.write_text(text.replace(old, new, 1), "utf-8")
    return str(folder / f"{name}.cat")


# --- what is found ---------------------------------------------------------------------------------------------------
def test_store_buffering_tells_sc_from_tso() -> None:
    told = compare("sc", "x86-tso")
    assert (told.arch, told.relation, told.exit_status) == ("X86", WEAKER, 1)
    (found,) = told.differences
    assert name_of(found.shape) == "SB"
    assert (found.side, found.axioms) == (NEW, ("sc",))
    assert "exists (0:EAX=0 /\\ 1:EAX=0)" in found.text


def test_message_passing_tells_tso_from_armv8() -> None:
    told = compare("x86-tso", "aarch64")
    assert (told.arch, told.relation) == ("C", INCOMPARABLE)
    new, old = told.differences
    assert (new.side, old.side) == (NEW, OLD)
    assert name_of(new.shape) in ("MP", "LB")
    assert new.axioms == ("tso",) and old.axioms == ("external",)


def test_riscv_is_weaker_than_armv8_on_the_kernels_primitives() -> None:
    told = compare("aarch64", "riscv")
    assert (told.relation, [d.side for d in told.differences]) == (WEAKER, [NEW])


def test_a_model_equals_itself() -> None:
    told = compare("aarch64", "aarch64", 5)
    assert (told.relation, told.exit_status, told.searched, told.complete) == (EQUAL, 0, 5, True)
    assert told.differences == () and told.left == ()


@pytest.mark.parametrize(
    ("name", "old", "new", "accesses", "family"),
    [
        ("x86-tso", "acyclic po-loc | rmw | rf | co | fr as sc-per-location", "", 2, "W"),
        ("x86-tso", "empty rmw & (fre; coe) as atomicity", "", 3, "RW"),
        ("x86-tso", "    [W]; po; [MFENCE]; po; [R]\n  | ", "    ", 4, ""),
        ("aarch64", "empty (rmw & (fre; coe)) \\ (fri; coi) as atomic", "", 3, ""),
        ("aarch64", "  | ctrl; [W]\n", "", 4, ""),
        ("aarch64", "  | addr; po; [W]\n", "", 5, ""),
        ("aarch64", "  | (addr | data); local-read\n", "", 6, ""),
        ("aarch64", "  | [L]; po; [A]\n", "", 4, "SB"),
        ("aarch64", "  | [range([A]; amo; [L])]; po; [M]\n", "", 5, ""),
        ("aarch64", "    picked; [W]\n  | ", "    ", 4, ""),
        ("aarch64", "let isb =\n  ((ctrl | picked-ctrl) |", "let isb =\n  (", 4, "MP"),
        ("aarch64", "DMB.SY | DMB.OSH | DMB.ISH", "DMB.SY | DMB.ISH", 4, ""),
    ],
)
def test_a_clause_less_is_found(
    tmp_path: Path, name: str, old: str, new: str, accesses: int, family: str
) -> None:
    told = compare(name, changed(tmp_path, name, old, new), 6)
    assert (told.relation, told.searched) == (WEAKER, accesses)
    (found,) = told.differences
    assert found.shape.accesses == accesses
    assert name_of(found.shape).startswith(family)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("acyclic pb as propagation", "", "smp_mb"),
        ("irreflexive rb as rcu", "", "synchronize_rcu"),
        ("let dep = addr | data", "let dep = addr", "^"),
        ("let wmb = [W]; po; [Wmb]; po; [W]", "let wmb = 0", "smp_wmb"),
        ("wmb | unlock-lock); [Marked]; rmw-sequence", "wmb); [Marked]; rmw-sequence", "spin_unlock"),
        ("  | [LKW]; po; [After-spinlock]\n", "", "smp_mb__after_spinlock"),
        ("let Returned = R \\ Noreturn", "let Returned = R", "atomic_"),
        ("po; [UL]; (po | rf); [LKR]; po", "po; [UL]; rf; [LKR]; po", "spin_lock(t)"),
        ("  | [Srcu-unlock]; po; [After-srcu-read-unlock]\n", "", "smp_mb__after_srcu_read_unlock"),
        ("po; [Sync-rcu | Sync-srcu | Other-gp]; po?", "po; [Sync-rcu | Other-gp]; po?", "synchronize_srcu(ss)"),
        ("Other-gp | Rcu-unlock | Srcu-unlock]", "Other-gp | Rcu-unlock]", "srcu_read_unlock(ss, idx)"),
    ],
)
def test_a_weaker_kernel_model_is_found(tmp_path: Path, old: str, new: str, said: str) -> None:
    told = compare("lkmm", changed(tmp_path, "lkmm", old, new, "lkmm-axioms.cat"), 5)
    assert told.relation == (STRONGER if said == "atomic_" else WEAKER)
    assert any(said in found.text for found in told.differences)


def test_a_flag_less_is_found(tmp_path: Path) -> None:
    path = changed(tmp_path, "lkmm", "flag ~empty ww-race | wr-race | rw-race as data-race", "", "lkmm-axioms.cat")
    told = compare("lkmm", path, 2)
    assert [(d.side, d.flag) for d in told.differences] == [(OLD, "data-race")]
    assert (told.relation, told.exit_status, told.flags) == (EQUAL, 1, ("data-race",))
    told = compare("lkmm", path, 2, flags=False)
    assert (told.exit_status, told.flags, told.flagged) == (0, (), 0)


def test_flags_are_the_last_that_is_looked_at(tmp_path: Path) -> None:
    """A model that allows more is not searched for flags unless that is asked for; one of which only the races'
    definition differs, is."""
    path = changed(tmp_path, "lkmm", "let dep = addr | data", "let dep = addr", "lkmm-axioms.cat")
    assert [d.flag for d in compare("lkmm", path, 4).differences] == [""]
    (tmp_path / "other").mkdir()
    path = changed(tmp_path / "other", "lkmm", "  | po; [Release]\n", "", "lkmm-axioms.cat")
    told = compare("lkmm", path, 3)
    assert [(d.side, d.flag) for d in told.differences] == [(NEW, "mixed-accesses")]
    assert "smp_store_release" in told.differences[0].text


def test_without_time_nothing_is_equal() -> None:
    told = diff("sc", "x86-tso", "X86", (), DiffOptions(Bound(4), 0.0))
    assert (told.relation, told.exit_status, told.complete) == (UNKNOWN, 3, False)
    assert told.left[0].startswith("the time of 0 s was over at tests of 1 access")


# --- the encoding agrees with the engine -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "arch", "sizes", "brackets"),
    [
        ("x86-tso", "X86", (3, 2), ""), ("aarch64", "AArch64", (3, 2), ""), ("aarch64", "AArch64", (4,), ""),
        ("riscv", "RISCV", (2, 2), ""), ("riscv", "C", (2, 2), ""), ("power", "PPC", (3, 2), ""),
        ("lkmm", "C", (2, 1), "locks"), ("lkmm", "C", (2, 2), "locks"), ("lkmm", "C", (2, 2), "sections"),
        ("lkmm", "C", (2, 2), "srcu"), ("sc", "C", (2, 2), ""),
        ("aarch64", "C", (2, 2), ""),
    ],
)  # fmt: skip
def test_executions_are_judged_as_the_engine_judges_them(
    name: str, arch: str, sizes: tuple[int, ...], brackets: str
) -> None:
    """Random executions that the encoding accepts or rejects, as tests."""
    question = Question(finder_of(name, arch), sizes, brackets, ())
    few = -question.space.gates.at_least(question.space.costs(), 6)[5]
    assert sum(agrees(question, random.Random(seed), [few]) for seed in range(12)) == 12


@pytest.mark.parametrize(
    ("name", "arch", "forms"),
    [("x86-tso", "X86", 1), ("aarch64", "AArch64", 8), ("riscv", "RISCV", 7), ("power", "PPC", 1), ("lkmm", "C", 5)],
)
def test_so_are_those_of_each_read_modify_write(name: str, arch: str, forms: int) -> None:
    question = Question(finder_of(name, arch), (3, 2), "", ())
    few = -question.space.gates.at_least(question.space.costs(), 5)[4]
    used = {form: x for form, x in question.space.uses().items() if form.kind == "RMW"}
    assert len(used) == forms
    for x in used.values():
        assert sum(agrees(question, random.Random(seed), [few, x]) for seed in range(8)) == 8


@pytest.mark.parametrize("arch", ["X86", "AArch64", "RISCV", "PPC", "C"])
@pytest.mark.parametrize(
    "body", ["empty rmw & po", "empty rmw \\ po", "empty rmw & same-instance", "empty rmw; rmw^-1; po"]
)
def test_one_instruction_is_one_to_both(tmp_path: Path, arch: str, body: str) -> None:
    """Whether program order leads from the read of a read-modify-write to its write, and whether they are of one
    instance."""
    path = tmp_path / "one.cat"
    path.write_text(f'"one"\ninclude "cos.cat"\n{body}\n', "utf-8")
    other = {"C": models_dir() / "lkmm"}.get(arch)
    bell, macros = (str(other.with_suffix(s)) if other else None for s in (".bell", ".def"))
    judged = get_model(ModelRequest(str(path), bell, macros, (), DEFAULT_VARIANTS, arch))
    question = Question(Finder((judged, judged), arch, Bound(), lambda shape, goal: True), (2,), "", ())
    accepted = question.space.gates.all(x for _, x in question.checks[0])
    vocabulary = load_vocabulary(arch)
    for form in (form for form in vocabulary.forms if form.kind == "RMW"):
        line = Line((Access("R", 0, 0, form.tags), Access("W", 0, 1, form.written)), rmw=((0, 1),))
        text = write_shape(Shape(arch, (line,)), "t")
        reached = judge(parse_litmus(Source("t.litmus", text), ()), judged, CHECK, reach=True).reached
        if form in question.space.forms:
            wanted = [accepted, question.space.uses()[form]]
            found = FALSE not in wanted and Solver(question.space.gates.cnf(wanted)).satisfiable(wanted)
            assert found == reached, text


def finder_of(name: str, arch: str) -> Finder:
    judged = model(name, arch)
    return Finder((judged, judged), arch, Bound(), lambda shape, goal: True)


def agrees(question: Question, rng: random.Random, demanded: list[int]) -> bool:
    """Whether the engine judges a random execution as the encoding does: one that it accepts, or one that it rejects.

    ``demanded``: further literals that hold.
    """
    gates, choices = question.space.gates, question.space.choices()
    accepted = gates.all(x for _, x in question.checks[0])
    wanted = accepted if rng.random() < 0.5 else -accepted
    solver = Solver(gates.cnf([wanted, *demanded]))
    assumed = [wanted, *demanded]
    for x in rng.sample(choices, 8):
        literal = x if rng.random() < 0.5 else -x
        if solver.satisfiable([*assumed, literal]):
            assumed.append(literal)
    assert solver.satisfiable(assumed)
    shape = shape_of(question.space, dict(zip(choices, solver.values(choices), strict=True)))
    if any("NORETURN" in tag for line in shape.threads for item in line.items for tag in getattr(item, "tags", ())):
        return True  # what such a read returns is not in the condition
    judged = question.finder.models[0]
    verdict = judge(parse_litmus(Source("t.litmus", write_shape(shape, "t")), ()), judged, CHECK, reach=True)
    return verdict.reached == (wanted == accepted)


# --- what makes questions small does not change them -----------------------------------------------------------------
def mutants(folder: Path, name: str, every: int, first: int = 0) -> list[tuple[str, str]]:
    """Mutations of a model, what is done and the path, every so many."""
    found = mutations(models_dir() / f"{name}.cat", bell=False)[first::every]
    return [(m.name, str(m.write(folder / str(number)))) for number, m in enumerate(found)]


@pytest.mark.parametrize(
    ("name", "arch", "sizes", "brackets", "every"),
    [
        ("x86-tso", "X86", (2, 1), "", 1), ("aarch64", "AArch64", (2, 2), "", 4), ("riscv", "RISCV", (2, 1), "", 3),
        ("power", "PPC", (2, 2), "", 3), ("lkmm", "C", (2, 2), "", 9), ("lkmm", "C", (2, 1), "locks", 29),
        ("lkmm", "C", (2, 1), "srcu", 31), ("lkmm", "C", (2, 1), "sections", 23),
    ],
)  # fmt: skip
def test_models_part_where_they_are_said_to(
    tmp_path: Path, name: str, arch: str, sizes: tuple[int, ...], brackets: str, every: int
) -> None:
    """No execution that one model accepts and the other rejects lacks the difference that the question demands; nor
    are there any where tests are said to be unable to tell the models apart."""
    looked_at = 0
    for what, path in mutants(tmp_path, name, every):
        (old, new), _ = load_models(name, path, arch, CHECK)
        finder = Finder((old, new), arch, Bound(), lambda shape, goal: True)
        question = Question(finder, sizes, brackets, ())
        question.checks.clear()
        views = question._views()
        parting = Parting(views)
        assert parting.comparable
        flags = [Goal(side, "data-race") for side in (NEW, OLD)] if name == "lkmm" else []
        for goal in (Goal(NEW), Goal(OLD), *flags):
            apart = parting.possible(goal.side, goal.flag)
            plainly = question._plainly(views, goal)
            missed = question.space.gates.conj(plainly, -apart)
            looked_at += missed != FALSE
            assert missed == FALSE or not Solver(question.space.gates.cnf([missed])).satisfiable([missed]), what
            if brackets not in finder.telling(bool(goal.flag)):
                assert plainly == FALSE or not Solver(question.space.gates.cnf([plainly])).satisfiable([plainly]), what
    assert looked_at


@pytest.mark.parametrize(
    ("old", "new", "effects"),
    [
        ("acyclic po | rf | co | fr", "acyclic po-loc | rf | co | fr", "weaker"),
        ("acyclic po | rf | co | fr", "acyclic rf | co | fr", "weaker"),
        ("acyclic rf | co", "acyclic rf | co | fr", "stronger"),
        ("acyclic po \\ (rf; fr)", "acyclic po \\ (rf; fr | co)", "weaker"),
        ("acyclic po \\ (rf & ext)", "acyclic po \\ rf", "weaker"),
        ("acyclic po \\ rf", "acyclic po", "stronger"),
        ("empty rmw & (fre; coe)", "empty rmw & fre", "?"),
        ("empty rmw & (fre; coe)", "", "weaker"),
        ("empty rmw & fr & ext", "empty rmw & fr", "stronger"),
        ("acyclic po | fr; co", "acyclic po | fr; (co | rf)", "stronger"),
        ("irreflexive (po | co)+", "irreflexive po | co | fr", "?"),
        ("irreflexive (po | co)+", "irreflexive po | co", "weaker"),
        ("acyclic po | rf", "irreflexive po; rf; (co | po; rf)", "?"),
        ("~empty po | rf", "~empty po", "stronger"),
        ("acyclic [W]; po", "acyclic [W]; po; [R]", "weaker"),
        ("let rec x = po | x; rf acyclic x", "let rec x = po | co | x; rf acyclic x", "stronger"),
        ("let rec x = po | (rf \\ x) acyclic x", "let rec x = po | co | (rf \\ x) acyclic x", "?"),
    ],
)
def test_what_only_grows_forbids_more(tmp_path: Path, old: str, new: str, effects: str) -> None:
    """Which of two models may allow what the other forbids is known where one of them only lacks something."""
    paths = []
    for name, text in (("old", old), ("new", new)):
        (tmp_path / f"{name}.cat").write_text(f'"{name}"\ninclude "cos.cat"\n{text}\n', "utf-8")
        paths.append(str(tmp_path / f"{name}.cat"))
    models, _ = load_models(paths[0], paths[1], "X86", CHECK)
    question = Question(Finder(models, "X86", Bound(), lambda shape, goal: True), (2, 1), "", ())
    question.checks.clear()
    parting = Parting(question._views())
    sides = {side for side in (OLD, NEW) if parting.possible(side) != FALSE}
    assert sides == {"?": {OLD, NEW}, "weaker": {NEW}, "stronger": {OLD}}[effects]


def test_models_that_choose_are_not_called_equal(tmp_path: Path) -> None:
    """What is chosen beside coherence has no place in the graphs, so graphs alone say nothing."""
    for name, picked in (("old", "rf"), ("new", "rf & ext")):
        chosen = "with seen from cross(map (fun e -> map alone (of e)) R)"
        body = f"let alone p = p ++ 0\nlet of e = (W * {{e}}) & {picked}\n{chosen}\nempty seen; seen"
        text = f'"{name}"\ninclude "cos.cat"\ninclude "cross.cat"\n{body}\n'
        (tmp_path / f"{name}.cat").write_text(text, "utf-8")
    models, _ = load_models(str(tmp_path / "old.cat"), str(tmp_path / "new.cat"), "X86", CHECK)
    with pytest.raises(Unsupported, match="chooses more than coherence"):
        compare_models(*models, "X86", DiffOptions(Bound(3)))


# --- parts -----------------------------------------------------------------------------------------------------------
def test_gates_mean_what_they_say() -> None:
    gates = Gates()
    x, y, z = (gates.variable() for _ in range(3))
    both = gates.conj(x, y)
    assert gates.conj(y, x) == both and gates.conj(x, -x) == -1 and gates.disj(x, 1) == 1
    two = gates.at_least([x, y, z], 3)[1]
    for values in ({2: a, 3: b, 4: c} for a in (False, True) for b in (False, True) for c in (False, True)):
        assert gates.holds(two, dict(values)) == (sum(values.values()) >= 2)
    ring = {0: {1: x}, 1: {2: y}, 2: {0: z}}
    assert not gates.holds(gates.acyclic(ring), {x: True, y: True, z: True})
    assert gates.holds(gates.acyclic(ring), {x: True, y: True, z: False})
    assert gates.holds(gates.closure(ring)[0][2], {x: True, y: True, z: False})


def test_accesses_are_spread_in_every_way_once() -> None:
    assert list(partitions(4, 2)) == [(2, 2), (3, 1)]
    assert list(partitions(5, 3)) == [(2, 2, 1), (3, 1, 1)]
    assert list(partitions(2, 3)) == []


@pytest.mark.parametrize("arch", architectures())
def test_every_form_can_be_written(arch: str) -> None:
    names = {"C": "lkmm", "AArch64": "aarch64", "X86": "x86-tso", "X86_64": "x86-tso", "RISCV": "riscv", "PPC": "power"}
    judged = model(names[arch], arch)
    finder = Finder((judged, judged), arch, Bound(), lambda shape, goal: True)
    assert finder.missing == ()
    assert {form.kind for form in finder.forms} >= {"R", "W", "F"}


def test_fences_that_a_model_takes_for_the_same_are_one() -> None:
    judged = model("aarch64", "AArch64")
    finder = Finder((judged, judged), "AArch64", Bound(), lambda shape, goal: True)
    fences = {form.fences[0] for form in finder.forms if form.kind == "F"}
    assert "DMB SY" in fences and "DMB ISH" not in fences
    assert len(fences) < sum(form.kind == "F" for form in load_vocabulary("AArch64").forms)


# --- models and dialects ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("old", "new", "arch"),
    [("sc", "aarch64", "AArch64"), ("lkmm", "aarch64", "C"), ("power", "sc", "PPC"), ("riscv", "x86-tso", "C")],
)
def test_the_dialect_is_one_that_both_models_speak(old: str, new: str, arch: str) -> None:
    assert load_models(old, new, None, CHECK)[1] == arch


def test_a_cat_file_takes_the_other_models_bell_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.cat"
    path.write_text((models_dir() / "lkmm.cat").read_text("utf-8"), "utf-8")
    (_, new), arch = load_models("lkmm", str(path), None, CHECK)
    assert arch == "C" and new.bell is not None and new.bell.name == "lkmm.bell"


def test_no_common_dialect_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no dialect in common"):
        load_models("power", "x86-tso", None, CHECK)


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(InputError, match=r"no tests can be written for the dialect 'MIPS'") as caught:
        load_models("sc", "sc", "MIPS", CHECK)
    assert "AArch64" in caught.value.hint


def test_a_dialect_without_a_table_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="no tests can be searched for LISA"):
        load_vocabulary("LISA")


# --- the command -----------------------------------------------------------------------------------------------------
def command(*arguments: str) -> tuple[int, str, str]:
    parser = Parser(prog="membar-check")
    add_parsers(parser.add_subparsers(dest="command", parser_class=Parser))
    out, err = StringIO(), StringIO()
    status = run_command(parser.parse_args(["diff", *arguments]), out, err)
    return status, out.getvalue(), err.getvalue()


def test_the_report_says_what_why_and_how_far(tmp_path: Path) -> None:
    path = tmp_path / "found.litmus"
    status, out, _ = command("sc", "x86-tso", "-o", str(path))
    assert status == 1
    assert out.startswith("x86-tso is weaker than sc: it allows more.")
    assert "The smallest test that x86-tso allows and sc forbids (4 accesses, 2 threads)" in out
    assert "x86-tso allows it, from top to bottom:" in out
    assert "sc forbids it by sc (sc.cat:" in out
    assert "All X86 tests of up to 4 accesses" in out
    assert "None of them is allowed by sc and forbidden by x86-tso." in out
    assert path.read_text("utf-8").startswith("X86 SB\n")


def test_json_has_the_test_and_both_explanations() -> None:
    status, out, _ = command("sc", "x86-tso", "--format", "json")
    data = json.loads(out)
    assert (status, data["exit_status"], data["relation"]) == (1, 1, WEAKER)
    (found,) = data["differences"]
    assert (found["allowed_by"], found["forbidden_by"], found["axioms"]) == ("x86-tso", "sc", ["sc"])
    assert found["allowed"]["allowed"] is True and found["forbidden"]["allowed"] is False
    assert data["searched"]["accesses"] == 4


def test_equal_models_say_up_to_where(tmp_path: Path) -> None:
    path = tmp_path / "none.litmus"
    status, out, err = command("x86-tso", "x86-tso", "--accesses", "3", "-o", str(path))
    assert status == 0
    assert out.startswith("x86-tso and x86-tso: no test tells them apart.")
    assert "All X86 tests of up to 3 accesses, 4 threads and 3 locations" in out
    assert "not written" in err and not path.exists()


def test_given_tests_are_compared(tmp_path: Path) -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86"
    tests = [str(litmus / name) for name in ("SB.litmus", "MP.litmus", "SB+mfences.litmus")]
    status, out, _ = command("sc", "x86-tso", *tests, "--accesses", "2")
    assert status == 1
    assert "3 tests, 2 the same" in out
    assert "No Never -> Ok Sometimes, the new model allows more" in out


WAITING = """C waiting
{}
P0(int *x) { WRITE_ONCE(*x, 1); }
P1(int *x) { int r0; r0 = READ_ONCE(*x); while (r0 == 0) { r0 = READ_ONCE(*x); } }
exists (1:r0=0)
"""


def test_a_cut_loop_is_inconclusive(tmp_path: Path) -> None:
    path = tmp_path / "waiting.litmus"
    path.write_text(WAITING)
    status, out, _ = command("sc", "sc", str(path), "--accesses", "1")
    assert status == 3
    assert out.startswith("nothing tells sc and sc apart so far, but some given test has no answer.")
    assert "1 test, 0 the same" in out
    assert "inconclusive: executions are cut at the unrolling bound of 2" in out


def test_a_broken_test_is_graver_than_a_difference(tmp_path: Path) -> None:
    path = tmp_path / "broken.litmus"
    path.write_text("X86 broken\n{}\n P0 ;\n NONSENSE ;\nexists (x=1)\n")
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86" / "SB.litmus"
    for new, tests, relation in (("sc", (), UNKNOWN), ("x86-tso", (str(litmus),), WEAKER)):
        status, out, err = command("sc", new, str(path), *tests, "--accesses", "1", "--format", "json")
        assert status == 2
        assert err.startswith(f"membar-check: {path}:4:2: instruction `NONSENSE`")
        data = json.loads(out)
        assert (data["relation"], data["exit_status"]) == (relation, 2)


def test_tests_may_follow_options_and_be_folders(tmp_path: Path) -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus" / "x86"
    (tmp_path / "below").mkdir()
    for name in ("SB.litmus", "MP.litmus"):
        (tmp_path / "below" / name).write_text((litmus / name).read_text())
    other = str(litmus / "SB+mfences.litmus")
    status, out, _ = command("sc", "--accesses", "1", "x86-tso", "--threads", "2", str(tmp_path), other)
    assert status == 1 and "3 tests, 2 the same" in out and "and 3 locations" in out
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no \*\.litmus file"):
        command("sc", "sc", "--accesses", "1", str(tmp_path / "empty"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sc", "--accesses", "1"), "diff: the following arguments are required: NEW\n"),
        (("sc", "sc", "--nope", "--threads", "1"), "unrecognized arguments: --nope"),
    ],
)
def test_bad_usage(arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        command(*arguments)
    assert stopped.value.code == 2 and message in capsys.readouterr().err


def test_tests_of_two_dialects_are_an_error() -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus"
    with pytest.raises(InputError, match="several dialects: C, X86"):
        command("sc", "sc", str(litmus / "x86" / "SB.litmus"), str(litmus / "c" / "SB.litmus"))


def test_a_test_of_another_dialect_is_an_error() -> None:
    litmus = Path(__file__).resolve().parent.parent.parent / "litmus"
    with pytest.raises(InputError, match="found a test for C, expected one for X86"):
        command("sc", "sc", str(litmus / "c" / "SB.litmus"), "--dialect", "X86")


def test_a_model_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="there is no model 'nosuch'"):
        command("sc", "nosuch")
