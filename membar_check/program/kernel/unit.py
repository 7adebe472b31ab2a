"""A test in kernel C as a whole: which functions it needs, their code in one image, its memory and its conditions."""

from __future__ import annotations

from membar_check.diagnostics import InputError, Span
from membar_check.litmus.kernel_c import in_runtime
from membar_check.litmus.syntax import LitmusTest
from membar_check.program.control import Arm, Function, KernelInfo, NamedCondition, Way
from membar_check.program.ir import Const, Expr, Instr, Op, Program, Reg, Thread
from membar_check.program.kernel.constants import value_of
from membar_check.program.kernel.functions import lower_function
from membar_check.program.kernel.objects import Memory, Place
from membar_check.program.kernel.places import Resolver
from membar_check.program.kernel.statements import Elaborator
from membar_check.program.kernel.tree import FunctionBody, Variable
from membar_check.program.macros import Macros
from membar_check.values import Address, Value

HANDLER = "__handle_interrupt"
ROOTS = (HANDLER, "__migrate_out", "__migrate_in", "__migrate_back")  # called by no code, but by what happens
IRQS_OFF, IN_INTERRUPT, PREEMPT_COUNT = Reg("$__irqs_off"), Reg("$__in_interrupt"), Reg("$__preempt_count")
THREAD = "$thread"  # the number of the thread that a CPU runs; never changes


def lower_kernel(test: LitmusTest, macros: Macros, lkmmv2: bool = True, watch: bool = False) -> Program:
    """The program of a test in kernel C; ``watch``: it notes which ways out of its conditions are taken.

    Raises InputError with file, line and column for C that is wrong, recursion, initial values that are no constants,
    and conditions that name what does not exist; Unsupported for C outside the subset.
    """
    return _Unit(test, macros, lkmmv2, watch).program()


class _Unit:
    def __init__(self, test: LitmusTest, macros: Macros, lkmmv2: bool, watch: bool) -> None:
        assert test.kernel is not None
        self.test = test
        self.unit = test.kernel
        self.macros = macros
        self.lkmmv2 = lkmmv2
        self.watch = watch
        self.ways: list[Way] = []
        self.cpus = len(self.unit.threads)
        self.migrations = self._number("migrations")
        self.elaborator = Elaborator(self.unit.locate, test.name_span, macros, self.unit.extent)
        self.memory = Memory(test, self.elaborator, self.cpus)
        self.bodies: dict[str, FunctionBody] = {}

    def _number(self, key: str) -> int:
        """The number that an info line gives, 0 without one."""
        text = {name.lower(): value for name, value in self.test.info}.get(key, "0").strip()
        if not text.isdecimal():
            raise InputError(f"`{key}={text}`: expected a number", self.test.name_span)
        return int(text)

    def program(self) -> Program:
        self.elaborator.declare(self.unit.ast)
        self.memory.read_init()
        threads = self._elaborate()
        resolver = Resolver(self.memory, threads, self.object_of)
        condition = resolver.prop(self.test.condition.prop)
        locations = tuple(resolver.place(place)[0] for place in self.test.locations)
        filtered = None if self.test.filter is None else resolver.prop(self.test.filter)
        named = tuple(NamedCondition(name, resolver.prop(prop)) for name, prop, _ in self.unit.conditions)
        self._elaborate_rest()
        self._reject_recursion()
        functions, code, labels, arms = self._code()
        self.memory.finish()
        on = Op("land", (_is_zero(IRQS_OFF), _is_zero(IN_INTERRUPT)))
        memory = self.memory
        return Program(
            test=self.test,
            threads=tuple(
                Thread(number, code, labels, self._registers(body), body.name) for number, body in enumerate(threads)
            ),
            memory=memory.cells,
            arrays=memory.arrays,
            registers=self._cpu_registers(len(threads)),
            types=memory.types | self._register_types(threads),
            locations=locations,
            filter=filtered,
            condition=condition,
            kernel=KernelInfo(
                functions=functions,
                cpus=self.cpus,
                conditions=named,
                arms=arms,
                objects=memory.sizes,
                cell_names=memory.names,
                interrupts_on=on,
                preemptible=Op("land", (on, _is_zero(PREEMPT_COUNT))),
                migrations=self.migrations,
                ways=tuple(self.ways),
            ),
        )

    # --- what the test needs
    def _elaborate(self) -> list[FunctionBody]:
        """The typed form of all functions that may run; returns those of the threads."""
        for name in self.unit.threads:
            self.bodies[name] = self.elaborator.elaborate(name, thread=True)
        for name in ROOTS:
            if name in self.elaborator.functions:
                self.elaborator.taken.setdefault(name, self.elaborator.prototypes[name][1])
        self._elaborate_rest()
        return [self.bodies[name] for name in self.unit.threads]

    def _elaborate_rest(self) -> None:
        """Follow calls, pointers to functions and objects until nothing is new."""
        elaborator = self.elaborator
        todo = True
        while todo:
            wanted: dict[str, Span] = dict(elaborator.taken)
            for body in self.bodies.values():
                wanted |= body.calls | body.taken
            for name in self.unit.threads:
                if name in wanted:
                    raise InputError(f"`{name}` is the body of a CPU and cannot be called", wanted[name])
            new = [(name, span) for name, span in wanted.items() if name not in self.bodies]
            for name, span in new:
                self._elaborate_one(name, span)
            objects = [name for name in elaborator.used if name not in self.memory.sizes]
            for name in objects:
                self.memory.enter(name)
            todo = bool(new or objects)

    def _elaborate_one(self, name: str, span: Span) -> None:
        if name not in self.elaborator.functions:
            raise InputError(f"function `{name}` is declared but not defined", span)
        self.bodies[name] = self.elaborator.elaborate(name)

    def _reject_recursion(self) -> None:
        done: set[str] = set()
        path: list[str] = []

        def visit(name: str) -> None:
            path.append(name)
            for callee, span in self.bodies[name].calls.items():
                if callee in path:
                    cycle = " -> ".join([*path[path.index(callee) :], callee])
                    hint = "recursion is not supported, write a loop"
                    raise InputError(f"`{callee}` calls itself: {cycle}", span, hint)
                if callee not in done:
                    visit(callee)
            path.pop()
            done.add(name)

        for name in self.bodies:
            if name not in done:
                visit(name)

    # --- code
    def _code(self) -> tuple[dict[str, Function], tuple[Instr, ...], dict[str, int], tuple[Arm, ...]]:
        """All functions in one image; their locals in memory are laid out."""
        functions: dict[str, Function] = {}
        code: list[Instr] = []
        labels: dict[str, int] = {}
        arms: list[Arm] = []
        for number, (name, body) in enumerate(self.bodies.items()):
            slot, copies = self._slots(name) if body.memory else (None, 1)
            nonblocking = name in self.unit.nonblocking
            lowered = lower_function(body, number, slot, self.macros, self.lkmmv2, nonblocking, self.watch)
            begin = len(code)
            functions[name] = lowered.function
            labels |= {label: begin + at for label, at in lowered.labels.items()}
            arms += [arm._replace(pc=begin + arm.pc) for arm in lowered.arms if not in_runtime(arm.span)]
            code += lowered.code
            self.ways += lowered.ways
            for variable in body.locals:
                object_name = self.object_of(body, variable)
                if object_name is not None:
                    self.memory.reserve(Place(object_name, variable.type, copies, slot is not None))
        return functions, tuple(code), labels, tuple(arms)

    def object_of(self, body: FunctionBody, variable: Variable) -> str | None:
        """The object in memory that a local is, None for a register."""
        return f"{variable.register}@{body.name}" if variable.in_memory else None

    def _slots(self, name: str) -> tuple[Expr | None, int]:
        """Which copy of its locals in memory an activation of a function uses, and how many copies there are: one for
        each thread that may run it, and another for interrupts."""
        threads = self.unit.threads
        anywhere: set[str] = set()
        for root in {**self.elaborator.taken, **{n: s for b in self.bodies.values() for n, s in b.taken.items()}}:
            anywhere |= self._called_from(root)
        if name in anywhere:
            interrupted = Op("ne", (IN_INTERRUPT, Const(0)))
            return Op("add", (Op("mul", (Reg(THREAD), Const(2))), interrupted)), 2 * len(threads)
        if sum(name in self._called_from(thread) for thread in threads) > 1:
            return Reg(THREAD), len(threads)
        return None, 1

    def _called_from(self, root: str) -> set[str]:
        seen = {root}
        todo = [root]
        while todo:
            for name in self.bodies[todo.pop()].calls:
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return seen

    # --- registers
    def _registers(self, body: FunctionBody) -> tuple[str, ...]:
        return tuple(sorted(v.register for v in body.locals if not v.in_memory))

    def _register_types(self, threads: list[FunctionBody]) -> dict[str, str]:
        return {
            f"{number}:{variable.register}": str(variable.type)
            for number, body in enumerate(threads)
            for variable in body.locals
            if not variable.in_memory
        }

    def _cpu_registers(self, threads: int) -> dict[tuple[int, str], Value]:
        """The initial values of the CPU registers."""
        found: dict[tuple[int, str], Value] = {}
        for cpu in range(self.cpus):
            found[cpu, "$cpu"] = cpu
            found[cpu, THREAD] = cpu
            if cpu in self.memory.current:
                found[cpu, "$current"] = self.memory.current[cpu]
            for register in self.elaborator.cpu_registers.values():
                if register.init is None:
                    continue
                node = self.elaborator.unbraced(register.init)
                value = value_of(self.elaborator.scalar(node), {"$cpu": cpu})
                if value is None or isinstance(value, Address):
                    raise InputError(f"the initial value of `{register.name}` is no integer constant", register.span)
                found.setdefault((cpu, f"${register.name}"), value)
        return found


def _is_zero(register: Reg) -> Expr:
    return Op("eq", (register, Const(0)))
