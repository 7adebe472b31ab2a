"""The graph that keeps a model as it was written: the same meaning as the compiled one, under the model's names."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.cat.dag import CompiledModel, Node
from membar_check.cat.model import trace_model
from membar_check.cat.traced import TracedModel, sequence, text_of
from membar_check.diagnostics import InputError, Unsupported
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.masks import MasksEngine
from membar_check.engine.models import DEFAULT_VARIANTS, ModelRequest, get_model
from membar_check.events.space import Chunk, blocks, chunks
from membar_check.events.valuation import Valuation
from membar_check.resources import models_dir
from support.inline import LIMIT, assembly, compiled, included, kernel, library, prepared, statements

MODELS = [
    ("lkmm", "C"), ("lkmm-membarrier", "C"), ("sc", "C"), ("sc", "X86"), ("x86-tso", "X86"), ("aarch64", "AArch64"),
    ("power", "PPC"), ("riscv", "RISCV"),
]  # fmt: skip

SB = ["WRITE_ONCE(*x, 1); smp_mb(); int r0 = READ_ONCE(*y);", "WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x);"]
LOCKED = [
    "(spinlock_t *s, int *x) spin_lock(s); *x = 1; spin_unlock(s);",
    "(spinlock_t *s, int *x) spin_lock(s); int r0 = *x; spin_unlock(s); int r1 = spin_is_locked(s);",
]
RCU = [
    "rcu_read_lock(); int r0 = READ_ONCE(*x); int r1 = READ_ONCE(*y); rcu_read_unlock();",
    "WRITE_ONCE(*y, 1); synchronize_rcu(); WRITE_ONCE(*x, 1);",
]
TESTS = {
    "store buffering": (kernel("", SB, "exists (0:r0=0 /\\ 1:r0=0)"), "lkmm"),
    "locks": (kernel("", LOCKED, "exists (1:r0=0)"), "lkmm"),
    "RCU": (kernel("", RCU, "exists (0:r0=1 /\\ 0:r1=0)"), "lkmm"),
    "RCU under SC": (kernel("", RCU, "exists (0:r0=1 /\\ 0:r1=0)"), "sc"),
    "x86": (assembly("X86", "", ["MOV [x],$1; MFENCE; MOV EAX,[y]", "MOV [y],$1"], "exists (0:EAX=0)"), None),
    "arm": (
        assembly(
            "AArch64",
            "0:X0=x; 0:X1=y; 1:X0=x; 1:X1=y",
            ["MOV W2,#1; STR W2,[X0]; STLR W2,[X1]", "LDR W3,[X1]; CBNZ W3,L; L:; ISB; LDR W4,[X0]"],
            "exists (1:X3=1 /\\ 1:X4=0)",
        ),
        None,
    ),
}  # fmt: skip


def traced(text: str, dialect: str = "X86", first: str = "cos.cat") -> TracedModel:
    body = (*included(first), *statements(text))
    return trace_model("model", "", library().prelude, (), body, dialect, DEFAULT_VARIANTS)


def bundled(name: str, dialect: str) -> tuple[CompiledModel, TracedModel]:
    model = get_model(ModelRequest(name, None, None, (), DEFAULT_VARIANTS, dialect))
    assert model.compiled is not None
    return model.compiled, model.traced()


@pytest.mark.parametrize(("name", "dialect"), MODELS)
def test_same_checks_and_choices(name: str, dialect: str) -> None:
    plain, mine = bundled(name, dialect)
    assert [(k.prefix, k.negated, k.test, k.name, k.span.line) for k in mine.model.checks] == [
        (k.prefix, k.negated, k.test, k.name, k.span.line) for k in plain.checks
    ]
    assert [(type(c), c.result.name) for c in mine.model.choices] == [(type(c), c.result.name) for c in plain.choices]
    assert set(mine.model.named) == set(plain.named)
    assert [n for n in plain.named if mine.model.named[n].kind != plain.named[n].kind] == []


@pytest.mark.parametrize(("name", "dialect"), MODELS)
def test_definitions_point_to_their_lines(name: str, dialect: str) -> None:
    _, mine = bundled(name, dialect)
    assert len(mine.definitions) > 10
    for defined, where in mine.definitions.items():
        file, _, line = where.partition(":")
        text = (models_dir() / file).read_text().splitlines()[int(line) - 1]
        assert defined in text, f"{defined} at {where}: {text}"


@pytest.mark.parametrize("title", TESTS)
def test_every_name_means_what_it_means_to_the_engines(title: str) -> None:
    text, name = TESTS[title]
    structure, model = prepared(text, name)
    assert model.compiled is not None
    mine = model.traced()
    engine = MasksEngine(model.compiled, structure, LIMIT)
    for run in chunks(engine.space, blocks):
        for chunk, choices, _ in engine.choose(Chunk(structure, run)):
            one = Evaluator(model.compiled, chunk, Valuation(chunk), choices)
            other = Evaluator(mine.model, chunk, Valuation(chunk), choices)
            for defined, node in model.compiled.named.items():
                assert value(one, node) == value(other, mine.model.named[defined]), defined
            for a, b in zip(model.compiled.checks, mine.model.checks, strict=True):
                assert one.failing(a.test, a.node, chunk.full) == other.failing(b.test, b.node, chunk.full), a.name


def value(evaluator: Evaluator, node: Node) -> object:
    if node.op == "empty":
        return {}
    return evaluator.set_of(node) if node.kind == "S" else evaluator.relation(node)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("po | rf | co", "po | rf | co"),
        ("(po | rf); co", "(po | rf); co"),
        ("[W]; po; [R]", "[W]; po; [R]"),
        ("[W]; (po; [MFENCE]; po); [R]", "[W]; po; [MFENCE]; po; [R]"),
        ("po?; rf", "po?; rf"),
        ("(po | rf)*", "(po | rf)*"),
        ("(po | rf)?", "(po | rf)?"),
        ("rf^-1; co", "rf^-1; co"),
        ("po & loc", "po & loc"),
        ("(po \\ loc)+", "(po \\ loc)+"),
        ("po & (W * R)", "po & W * R"),
        ("~po & loc", "~po & loc"),
        ("po & 0 | rf", "rf"),
        ("po; id; rf", "po; rf"),
        ("fencerel(MFENCE)", "fencerel(MFENCE)"),
        ("fencerel(MFENCE) | 0; po", "fencerel(MFENCE)"),
        ("domain(rf) * W", "domain(rf) * W"),
    ],
)  # fmt: skip
def test_expressions_stay_as_they_are_written(expression: str, text: str) -> None:
    node = traced(f"let r = {expression}\n").model.named["r"]
    assert (node.op, node.name) == ("alias", "r")
    assert node.args[0] is not None and text_of(node.args[0]) == text


def test_names_stay_and_have_their_lines() -> None:
    found = traced("let a = po\nlet b = a | rf\n\nlet a = b; a\n")
    last = found.model.named["a"]
    body = last.args[0]
    assert body is not None and [text_of(x) for x in sequence(body)] == ["b", "a"]
    assert found.definitions["a"] == "model.cat:4" and found.definitions["b"] == "model.cat:2"
    inner = sequence(body)[1]
    assert found.graph.defined(inner) == "model.cat:1", "the earlier definition"


def test_a_primitive_of_the_same_name_gets_no_second_one() -> None:
    found = traced("let MFENCE = try MFENCE with 0\nlet rf = rf | 0\n")
    assert found.model.named["MFENCE"].op == "prim" and found.model.named["rf"].op == "prim"


def test_recursion_keeps_its_names() -> None:
    found = traced("let rec a = po | b; a\nand b = rf | a; b\n")
    group = found.graph.groups[next(iter(found.graph.groups))]
    assert [text_of(b) for b in group.bodies] == ["po | b; a", "rf | a; b"]
    assert [found.graph.defined(v) for v in group.variables] == ["model.cat:1", "model.cat:2"]
    assert text_of(found.model.named["b"]) == "b"


def test_a_closure_written_as_recursion_is_no_closure_here() -> None:
    text = "let rec r = po | r; r\n"
    named = traced(text).model.named["r"]
    assert named.args[0] is not None and named.args[0].op == "fix"
    assert compiled(text).named["r"].op == "plus"


def test_conditions_on_form_are_decided_alike() -> None:
    """Both are one relation for the compiler, which unfolds the option; the traced graph writes them differently."""
    text = "let a = po?; rf\nlet b = rf | po; rf\nlet r = if a = b then po else rf\n"
    assert compiled(text).named["r"].name == "po"
    body = traced(text).model.named["r"].args[0]
    assert body is not None and body.name == "po"


def test_errors_are_those_of_the_compilation() -> None:
    with pytest.raises(InputError, match="unknown name 'pi'"):
        traced("let a = pi\n")


def test_models_for_the_interpreter_only_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "members.cat"
    path.write_text('"m"\ninclude "cos.cat"\nlet r = match rf with || {} -> po || x ++ y -> co end\nacyclic r\n')
    model = get_model(ModelRequest(str(path), None, None, (), DEFAULT_VARIANTS, "X86"))
    assert model.compiled is None
    with pytest.raises(Unsupported, match="the model members cannot be explained"):
        model.traced()


def test_tracing_is_done_once() -> None:
    model = get_model(ModelRequest("x86-tso", None, None, (), DEFAULT_VARIANTS, "X86"))
    assert model.traced() is model.traced()
