"""The syntax tree of a litmus test, the same for all dialects but for the bodies of the threads.

Follows the file format of herd7 (herdtools7 manual, chapter "The herd7 simulator", and the LISA/C/assembly parsers'
observable behaviour).  Parsers build these; ``program/`` lowers them.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from membar_check.diagnostics import Source, Span
from membar_check.records import dataclass, field

if TYPE_CHECKING:
    from membar_check.litmus.kernel_c import KernelUnit


# --- places that a condition, an init block or a ``locations`` list can name -----------------------------------------
@dataclass(frozen=True, slots=True)
class RegisterRef:
    """``0:r1``: a register (or C local) of a thread.  ``name`` is in the dialect's canonical spelling once resolved."""

    thread: int
    name: str
    span: Span | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.thread}:{self.name}"


@dataclass(frozen=True, slots=True)
class GlobalRef:
    """``x``, ``[x]`` or ``a[1]``; ``index`` is None for a bare name (which may be a whole array).

    In kernel C ``name`` is the whole path, ``runqueues[1].curr``, and ``index`` None.
    """

    name: str
    index: int | None = None
    span: Span | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"[{self.name}]" if self.index is None else f"{self.name}[{self.index}]"


Place = RegisterRef | GlobalRef


# --- conditions ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Literal:
    """An integer constant; ``text`` keeps the spelling (``0x10``)."""

    value: int
    text: str


@dataclass(frozen=True, slots=True)
class Symbol:
    """``x``, ``&x``, ``a[1]`` used as a value: an address; or a code label ``0:L1`` / ``label:"P0:L1"``."""

    name: str
    index: int = 0
    label_thread: int | None = None


@dataclass(frozen=True, slots=True)
class Tuple_:
    """``{1,2}``: the value of a whole array."""

    items: tuple[Operand, ...]


Operand = Literal | Symbol | Tuple_


@dataclass(frozen=True, slots=True)
class Atom:
    """``place = value`` or ``place != value`` (``equal`` False), or place against place (``right`` a Place)."""

    left: Place
    equal: bool
    right: Operand | Place
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    operand: Prop


@dataclass(frozen=True, slots=True)
class And:
    """Conjunction of two or more; ``And(())`` is true."""

    operands: tuple[Prop, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Disjunction of two or more; ``Or(())`` is false."""

    operands: tuple[Prop, ...]


@dataclass(frozen=True, slots=True)
class Implies:
    left: Prop
    right: Prop


Prop = Atom | Not | And | Or | Implies


class Quantifier(Enum):
    EXISTS = "exists"
    NOT_EXISTS = "~exists"
    FORALL = "forall"


@dataclass(frozen=True, slots=True)
class Condition:
    """The final condition.  A test without one has ``forall (true)``, with ``span`` None."""

    quantifier: Quantifier
    prop: Prop
    span: Span | None = field(default=None, compare=False)


# --- the initial state -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class InitItem:
    """One entry of the init block: ``int a[2]={1,2};`` has type "int", place a, array_size 2, value a Tuple_.

    ``value`` is None for a bare declaration (``int x;``, ``0:X1;``).  ``type`` keeps the C type's text, with stars
    (``int *``), or "" where none was written.
    """

    type: str
    place: Place
    array_size: int | None
    value: Operand | None
    span: Span = field(compare=False)


# --- assembly bodies -------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class AsmRegister:
    name: str  # as written, e.g. "W1", "EAX", "x5"


@dataclass(frozen=True, slots=True)
class AsmImmediate:
    value: int


@dataclass(frozen=True, slots=True)
class AsmSymbol:
    """A label or a global's name used as an operand (branch target, ``=x``, bare ``[x]`` is AsmMemory)."""

    name: str


@dataclass(frozen=True, slots=True)
class AsmMemory:
    """A memory operand.

    ``base`` a register or global name; ``index`` a register or immediate or None; ``extend`` e.g. ("SXTW", 0) or
    ("LSL", 2); ``writeback`` "", "pre" or "post"; ``offset`` what is added where ``index`` is a register.
    """

    base: AsmRegister | AsmSymbol
    index: AsmRegister | AsmImmediate | None = None
    extend: tuple[str, int] | None = None
    writeback: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class AsmModifier:
    """A trailing word of an instruction: ``LSL #2``, ``SXTW``, a condition code, a barrier option ``ISHLD``."""

    name: str
    amount: int | None = None


AsmOperand = AsmRegister | AsmImmediate | AsmSymbol | AsmMemory | AsmModifier


@dataclass(frozen=True, slots=True)
class AsmInstruction:
    """One instruction.  ``mnemonic`` upper-cased with its suffix (``B.NE``, ``LOCK XCHG``); operands as written."""

    mnemonic: str
    operands: tuple[AsmOperand, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class AsmLabel:
    name: str
    span: Span = field(compare=False)


AsmBody = tuple[AsmInstruction | AsmLabel, ...]


# --- C bodies --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CInt:
    value: int
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CName:
    """A local, a parameter or a global."""

    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CUnary:
    """``op`` one of ``* & ! ~ - +``."""

    op: str
    operand: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CBinary:
    """``op`` one of ``+ - * / % & | ^ << >> == != < <= > >= && ||``."""

    op: str
    left: CExpr
    right: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CConditional:
    """``cond ? then : other``."""

    cond: CExpr
    then: CExpr
    other: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CIndex:
    """``array[index]``."""

    array: CExpr
    index: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CCast:
    """``(type)operand``."""

    type: str
    operand: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CCall:
    """A call of a macro, a primitive or (with tags) ``__load{once}(X)``; arguments may be operators (CName "+")."""

    name: str
    tags: tuple[str, ...]
    args: tuple[CExpr, ...]
    span: Span = field(compare=False)


CExpr = CInt | CName | CUnary | CBinary | CConditional | CIndex | CCast | CCall


@dataclass(frozen=True, slots=True)
class CDeclare:
    """``int r1 = e;`` (``init`` None without one)."""

    type: str
    name: str
    init: CExpr | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CAssign:
    """``target = value;``, ``op`` "" or the compound operator (``+``)."""

    target: CExpr
    op: str
    value: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CExprStmt:
    expr: CExpr
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CIf:
    cond: CExpr
    then: CStmt
    other: CStmt | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CWhile:
    """``while (cond) body``; ``do_first`` for ``do body while (cond);``."""

    cond: CExpr
    body: CStmt
    do_first: bool
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CBlock:
    body: tuple[CStmt, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CGoto:
    label: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CLabel:
    name: str
    span: Span = field(compare=False)


CStmt = CDeclare | CAssign | CExprStmt | CIf | CWhile | CBlock | CGoto | CLabel


@dataclass(frozen=True, slots=True)
class CParameter:
    """``volatile int *x``: type text (with stars) and name."""

    type: str
    name: str
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class CBody:
    parameters: tuple[CParameter, ...]
    statements: tuple[CStmt, ...]
    span: Span = field(compare=False)


# --- the test --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class LitmusTest:
    """A parsed litmus test.

    ``arch`` as the header spells it ("C", "X86", "X86_64", "AArch64", "RISCV", "PPC"); ``bodies`` one entry a thread,
    all AsmBody or all CBody; ``locations`` the places of the ``locations [...]`` list; ``info`` the Key=value lines;
    ``location_types`` the C types that the ``locations`` list writes behind some places; ``kinds`` what the ``with``
    list behind the condition expects of other models.  ``kernel``: the C part of a test in kernel C, which has no
    ``bodies``.
    """

    arch: str
    name: str
    doc: str
    info: tuple[tuple[str, str], ...]
    init: tuple[InitItem, ...]
    bodies: tuple[AsmBody | CBody, ...]
    locations: tuple[Place, ...]
    filter: Prop | None
    condition: Condition
    source: Source
    name_span: Span = field(compare=False)
    location_types: tuple[tuple[Place, str], ...] = ()
    kinds: tuple[tuple[str, Quantifier], ...] = ()
    kernel: KernelUnit | None = field(default=None, compare=False)
