"""What an explanation says, in plain data: the form that every report reads (text, JSON, page, pictures).

Events are numbered within an :class:`ExecutionView`; everything a reader sees names them by source line, variable and
value.  The words are those of Alglave, Maranget and Tautschnig (2014) and of the kernel's explanation.txt.
"""

from __future__ import annotations

from membar_check.records import dataclass, field
from membar_check.verdict import State

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the user's source: ``file`` as the user named it, ``line`` from 1, ``text`` what stands there,
    blanks run together.  Initial writes have line 0."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class EventView:
    """One event of one execution; its number is its position in :attr:`ExecutionView.events`.

    ``name``: ``a``, ``b`` ..., unique in the execution; ``thread`` -1 for initial writes; ``kind``: ``R``, ``W``, ``F``
    (fence) or ``-`` (lock, section, ...); ``variable``: the user's name for the location (``x``, ``mm.state``), ""
    where there is none; ``value`` as printed, "" where there is none; ``tags``: the annotations in the model's words
    (``Acquire``, ``Once``), sorted; ``action``: what it does in words: ``reads x = 0``, ``writes y = 1``, ``smp_mb``.
    """

    name: str
    thread: int
    kind: str
    variable: str
    value: str
    tags: tuple[str, ...]
    action: str
    place: Place

    @property
    def where(self) -> str:
        """``P1 line 14`` or ``the initial state``."""
        return f"P{self.thread} line {self.place.line}" if self.thread >= 0 else "the initial state"


@dataclass(frozen=True, slots=True)
class Derivation:
    """Why a pair of events is in a relation.

    ``relation`` in the model's own names, or the text of an expression; ``rule``: how it follows from ``because``, in
    words (``is one of``, ``in sequence``, ``a chain of``, ``both``, ``base`` for relations that are not derived);
    ``defined``: where the model defines it (``lkmm.cat:34``), "" for base relations; ``note``: a side condition (``not
    in coherence``, ``smp_wmb() in line 7``).  A sequence's parts stand in order, from source to target.
    """

    relation: str
    source: int
    target: int
    rule: str
    because: tuple[Derivation, ...] = ()
    defined: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CycleView:
    """What breaks a check of the model: ``axiom`` its name; ``test`` acyclic, irreflexive or empty; ``steps`` the edges
    in order, each unfolded (one for ``empty``: the pair that should not be); ``defined``: the line of the check."""

    axiom: str
    test: str
    steps: tuple[Derivation, ...]
    defined: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """Something on a CPU's way that is no event: where an interrupt landed, a switch, a failed allocation.  It happens
    before the event number ``before`` of its thread (the number of events: at the end)."""

    thread: int
    text: str
    before: int
    place: Place


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """One execution.  ``events``: initial writes that matter first, then by thread in program order.  ``relations``:
    pairs by name: the base relations (po as its chain, rf, co as its steps, fr, addr, data, ctrl, rmw) and those that
    the model names.  ``base``: which of them are base relations, in the order of a legend.  ``consistent``: no check
    is broken; else ``broken`` says how.  ``derivations``: why pairs are in the relations, where that was asked for."""

    events: tuple[EventView, ...]
    relations: dict[str, tuple[Pair, ...]]
    base: tuple[str, ...]
    notes: tuple[NoteView, ...]
    state: State
    consistent: bool
    broken: tuple[CycleView, ...] = ()
    derivations: tuple[Derivation, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a timeline: what a thread does at a place; ``events`` their numbers; ``note``: it is a NoteView."""

    thread: int
    place: Place
    text: str
    events: tuple[int, ...] = ()
    note: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """Where the model leaves two events unordered that a sequential reading would order: program order that is not
    kept (``reordered``), or a write that reaches one thread before another (``propagation``)."""

    kind: str
    source: int
    target: int
    text: str


@dataclass(frozen=True, slots=True)
class AxiomView:
    """Why a check does not object: ``text`` in words, ``chain`` its longest relevant order if there is one."""

    axiom: str
    test: str
    defined: str
    text: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What an edit does under one model: ``forbids`` (the outcome is gone), ``worsens`` (it is gone, but something else
    goes wrong now), ``allows`` (it is still there, or newly), ``breaks`` (the file is no test any more),
    ``inconclusive``; ``detail`` says more: the verdict's words.  ``model``: as it was asked for, else its name."""

    model: str
    verdict: str
    detail: str


@dataclass(frozen=True, slots=True)
class EditView:
    """A change of the source.  ``command``: as ``explore`` takes it (``add smp_mb after 12``); ``text`` in words;
    ``cost`` from the table; ``diff``: unified; ``effects`` by model, each from a fresh check of the edited text."""

    command: str
    text: str
    cost: float
    place: Place
    diff: str
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class CoreElement:
    """Something that forbids the outcome together with the rest of the core.

    ``kind``: axiom, fence, annotation or dependency; ``alone``: taking away this one alone already allows the outcome
    (else only together with the ``redundant`` ones); ``execution``: what appears then; ``edit``: the change of the
    source that takes it away, None for axioms and dependencies.
    """

    kind: str
    text: str
    place: Place | None
    alone: bool
    execution: ExecutionView | None
    edit: EditView | None = None


@dataclass(frozen=True, slots=True)
class Core:
    """``elements``: together they forbid the outcome, and none can be missed; ``redundant``: what else was there and is
    not needed; ``proven``: every element was tried (False: the time ended before)."""

    elements: tuple[CoreElement, ...]
    redundant: tuple[str, ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Executions that would show the outcome and are ruled out alike: by ``cycle``; ``executions`` how many."""

    cycle: CycleView
    executions: int
    example: ExecutionView


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file that the explanation speaks of."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer for one outcome of one test under one model.

    ``outcome``: what was asked about, in the test's words; ``allowed``; ``verdict``: as ``run`` prints it.  Allowed:
    ``execution`` is the witness with the fewest surprises, told by ``timeline`` and ``story``; ``gaps`` what makes it
    possible, ``axioms`` why nothing objects, ``edits`` single edits that would forbid it, cheapest first, ``together``
    where there are none the cheapest set that does, with the effect of the whole set, ``advice`` what to do where no
    edit helps.  Forbidden: ``groups``, ``core``.  ``others``: further executions to look at (of other states).
    ``cut``: executions were stopped at the unrolling bound.  ``matrix``: model -> verdict of the same outcome.
    ``limits``: what was left out for want of time or of support, one sentence each.
    """

    test: str
    file: str
    arch: str
    model: str
    title: str
    condition: str
    verdict: str
    outcome: str
    allowed: bool
    sources: tuple[SourceText, ...]
    states: tuple[State, ...]
    classes: tuple[str, ...] = ()
    execution: ExecutionView | None = None
    timeline: tuple[Row, ...] = ()
    story: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    axioms: tuple[AxiomView, ...] = ()
    edits: tuple[EditView, ...] = ()
    together: tuple[EditView, ...] = ()
    advice: str = ""
    groups: tuple[Group, ...] = ()
    core: Core | None = None
    others: tuple[ExecutionView, ...] = ()
    matrix: tuple[tuple[str, str], ...] = ()
    limits: tuple[str, ...] = ()
    definitions: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def event_name(position: int) -> str:
    """A short name for the event at a position: a, b ... z, aa, ab ..."""
    name = ""
    position += 1
    while position:
        position, rest = divmod(position - 1, 26)
        name = chr(ord("a") + rest) + name
    return name
