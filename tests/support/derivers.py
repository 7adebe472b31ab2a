"""The candidates of tests one by one, each with what explains it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from membar_check.engine.api import parse_file
from membar_check.engine.evaluate import Evaluator
from membar_check.engine.masks import MasksEngine
from membar_check.events.executions import extract
from membar_check.events.space import Chunk, blocks, chunks
from membar_check.events.valuation import Valuation
from membar_check.explain.derivation import Deriver
from membar_check.litmus.syntax import LitmusTest
from membar_check.relation import Relation, bits
from support.inline import LIMIT, assembly, parse, prepare

CORPUS = Path(__file__).parents[2] / "litmus"
RISCV_SB = assembly(
    "RISCV", "0:x6=x; 0:x7=y; 1:x6=x; 1:x7=y",
    ["ori x5,x0,1; sw x5,0(x6); fence rw,rw; lw x8,0(x7)", "ori x5,x0,1; sw x5,0(x7); fence rw,rw; lw x8,0(x6)"],
    "exists (0:x8=0 /\\ 1:x8=0)",
)  # fmt: skip
RISCV_MP = assembly(
    "RISCV", "0:x6=x; 0:x7=y; 1:x6=x; 1:x7=y",
    ["ori x5,x0,1; sw x5,0(x6); fence w,w; sw x5,0(x7)", "lw x8,0(x7); xor x9,x8,x8; add x10,x9,x6; lw x11,0(x10)"],
    "exists (1:x8=1 /\\ 1:x11=0)",
)  # fmt: skip
PPC_MP = assembly(
    "PPC", "0:r1=x; 0:r3=y; 1:r1=x; 1:r3=y",
    ["li r2,1; stw r2,0(r1); lwsync; stw r2,0(r3)", "lwz r2,0(r3); lwsync; lwz r4,0(r1)"],
    "exists (1:r2=1 /\\ 1:r4=0)",
)  # fmt: skip
PPC_IRIW = assembly(
    "PPC", "0:r1=x; 1:r1=x; 1:r3=y; 2:r3=y; 3:r1=x; 3:r3=y",
    ["li r2,1; stw r2,0(r1)", "lwz r2,0(r1); sync; lwz r4,0(r3)", "li r2,1; stw r2,0(r3)",
     "lwz r2,0(r3); sync; lwz r4,0(r1)"],
    "exists (1:r2=1 /\\ 1:r4=0 /\\ 3:r2=1 /\\ 3:r4=0)",
)  # fmt: skip
INLINE = {"riscv-SB": RISCV_SB, "riscv-MP": RISCV_MP, "ppc-MP": PPC_MP, "ppc-IRIW": PPC_IRIW}

def load(name: str) -> LitmusTest:
    return parse(INLINE[name]) if name in INLINE else parse_file(str(CORPUS / f"{name}.litmus"), ())


def derivers(test: LitmusTest, model: str | None = None) -> Iterator[tuple[Deriver, frozenset[str]]]:
    """Every candidate with sensible values, and the checks that the engine finds broken."""
    structure, found = prepare(test, model)
    assert found.compiled is not None
    engine = MasksEngine(found.compiled, structure, LIMIT)
    for run in chunks(engine.space, blocks):
        for chunk, choices, valid in engine.choose(Chunk(structure, run)):
            for i in bits(engine.consistent_values(chunk, Valuation(chunk), valid)):
                single, picked = extract([(chunk, choices, 1 << i)])
                deriver = Deriver(found.traced(), single, picked)
                yield deriver, engine_says(engine, single, picked)


def engine_says(engine: MasksEngine, chunk: Chunk, choices: dict[str, Relation]) -> frozenset[str]:
    evaluator = Evaluator(engine.model, chunk, Valuation(chunk), choices)
    out = set()
    for k in engine.model.checks:
        failing = evaluator.failing(k.test, k.node, chunk.full)
        if k.prefix == "" and bool(failing) != k.negated:
            out.add(k.name)
    return frozenset(out)
