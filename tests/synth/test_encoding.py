"""The space of tests as formulas: it agrees with the engine, and what makes questions small does not change them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from membar_check.diagnostics import Source, Unsupported
from membar_check.engine.cnf import FALSE, Solver
from membar_check.engine.models import DEFAULT_VARIANTS, ModelRequest, get_model
from membar_check.litmus.parser import parse_litmus
from membar_check.resources import models_dir
from membar_check.synth.compare import judge
from membar_check.synth.diff import NEW, OLD, DiffOptions, compare_models, load_models
from membar_check.synth.encode_parting import Parting
from membar_check.synth.finder import Bound, Finder, Goal, Question, shape_of
from membar_check.synth.mutate import mutations
from membar_check.synth.shape import Access, Line, Shape
from membar_check.synth.vocabulary import load_vocabulary
from membar_check.synth.write import write_shape
from tests.support.comparing import CHECK, model


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
        ("acyclic po?; rf*; co*; fr", "acyclic po?; rf*; fr", "weaker"),
        ("acyclic po; (rf \\ (co | loc)); fr*", "acyclic po?; (rf \\ loc); (fr | co)*", "stronger"),
        ("acyclic po; (rf \\ loc); fr*", "acyclic po?; (rf \\ (loc | ext)); fr*", "?"),
        ("irreflexive [R]; po; rf", "irreflexive (po | co); [W]; rf", "?"),
        ("irreflexive [R & X]; (po & loc); rf", "irreflexive [R]; po; (rf | co)", "stronger"),
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
