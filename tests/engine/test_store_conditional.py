"""RISC-V: what is computed from the success of a store-conditional depends on its write (RVWMO)."""

from __future__ import annotations

from pathlib import Path

import pytest

from membar_check.engine.api import CheckOptions, check_file
from membar_check.verdict import Observation

# Thread 0 writes x by sc and then y, at an address or under a branch made of the success, or neither.
TEST = """RISCV sc-then-write
{{ 0:x5=x; 0:x6=y; 1:x5=x; 1:x6=y; }}
 P0             | P1            ;
 ori x7,x0,1    | lw x7,0(x6)   ;
 lr.w x8,0(x5)  | fence r,r     ;
 sc.w x9,x7,0(x5) | lw x8,0(x5) ;
 {use}
 sw x7,0({base}) |              ;
 L0:            |               ;
exists (0:x9=0 /\\ 1:x7=1 /\\ 1:x8=0)
"""


@pytest.mark.parametrize("engine", ["masks", "z3"])
@pytest.mark.parametrize(
    ("use", "base", "observation"),
    [
        ("xor x10,x9,x9 | ; add x11,x6,x10 | ;", "x11", Observation.NEVER),
        ("bne x9,x0,L0 | ;", "x6", Observation.NEVER),
        ("ori x10,x0,0 | ;", "x6", Observation.SOMETIMES),
    ],
)
def test_success_carries_dependencies(
    tmp_path: Path, engine: str, use: str, base: str, observation: Observation
) -> None:
    path = tmp_path / "t.litmus"
    path.write_text(TEST.format(use=use.replace("; ", ";\n "), base=base), encoding="utf-8")
    assert check_file(str(path), CheckOptions(engine=engine)).observation is observation
