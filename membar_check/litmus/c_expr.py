"""C expressions, types and calls of primitives, by precedence climbing over a token list."""

from __future__ import annotations

from typing import NoReturn

from membar_check.diagnostics import InputError, Source, Span, Unsupported
from membar_check.litmus.c_tokens import number
from membar_check.litmus.syntax import CBinary, CCall, CCast, CConditional, CExpr, CIndex, CInt, CName, CUnary

_QUALIFIER_WORDS = "const volatile restrict register static __rcu __user __percpu"
_BASE_WORDS = """
    void char short int long signed unsigned bool _Bool struct _Atomic u8 u16 u32 u64 s8 s16 s32 s64
    atomic_t atomic64_t atomic_long_t atomic_int spinlock_t raw_spinlock_t rwlock_t mtx_t
    intptr_t uintptr_t size_t ssize_t ptrdiff_t __int128 __uint128 __int128_t __uint128_t
    int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
"""
_RESERVED_WORDS = """
    if else while do goto for switch case default break continue return sizeof typedef union enum asm
"""
_QUALIFIERS = frozenset(_QUALIFIER_WORDS.split())
_BASES = frozenset(_BASE_WORDS.split())
_TYPE_WORDS = _QUALIFIERS | _BASES
_KEYWORDS = frozenset(_RESERVED_WORDS.split())
_BINDING = {
    "*": 10,
    "/": 10,
    "%": 10,
    "+": 9,
    "-": 9,
    "<<": 8,
    ">>": 8,
    "<": 7,
    "<=": 7,
    ">": 7,
    ">=": 7,
    "==": 6,
    "!=": 6,
    "&": 5,
    "^": 4,
    "|": 3,
    "&&": 2,
    "||": 1,
}
_PREFIX = frozenset("*&!~-+")
_OPERATOR_ARGUMENTS = frozenset(("+", "-", "&", "^", "|", "&~"))


def is_type_word(token: str) -> bool:
    """Whether a declaration or a cast can begin with this word."""
    return token in _TYPE_WORDS


class ExpressionParser:
    """A cursor over the tokens of :mod:`membar_check.litmus.c_tokens`.

    ``text`` is the current token ("" at the end).  Methods consume what they parse, and raise InputError at the token
    that does not fit, with what was found and expected.
    """

    __slots__ = ("index", "source", "starts", "text", "texts")

    def __init__(self, source: Source, texts: list[str], starts: list[int]) -> None:
        self.source = source
        self.texts = texts
        self.starts = starts
        self.index = 0
        self.text = texts[0]

    # --- the cursor
    def advance(self) -> str:
        """Move to the next token; returns the one left."""
        token = self.text
        if token:
            self.index += 1
            self.text = self.texts[self.index]
        return token

    def peek(self) -> str:
        return self.texts[self.index + 1] if self.text else ""

    def here(self) -> Span:
        """The span of the current token."""
        start = self.starts[self.index]
        return Span(self.source, start, start + len(self.text))

    def end(self) -> int:
        """The offset at which the last consumed token ends."""
        last = self.index - 1
        return self.starts[last] + len(self.texts[last])

    def span(self, begin: int) -> Span:
        """From token number ``begin`` to the last consumed token."""
        last = self.index - 1
        return Span(self.source, self.starts[begin], self.starts[last] + len(self.texts[last]))

    def fail(self, expected: str, hint: str = "") -> NoReturn:
        found = f"`{self.text}`" if self.text else "the end"
        raise InputError(f"found {found}, expected {expected}", self.here(), hint)

    def expect(self, token: str, expected: str) -> None:
        if self.text != token:
            self.fail(expected)
        self.advance()

    def name(self, expected: str) -> str:
        """An identifier that is neither a keyword nor part of a type."""
        token = self.text
        if not (token[:1].isalpha() or token[:1] == "_") or token in _KEYWORDS or token in _TYPE_WORDS:
            self.fail(expected)
        self.advance()
        return token

    # --- types
    def type_words(self, expected: str) -> str:
        """``volatile int``, ``struct srcu_struct``: the type without stars, words separated by one space."""
        words: list[str] = []
        while self.text in _TYPE_WORDS:
            words.append(self.advance())
            if words[-1] == "struct":
                words.append(self.name("the structure's tag"))
        if not words:
            self.fail(expected)
        if not _BASES.intersection(words):
            self.fail("the type that is qualified, such as `int`")
        return " ".join(words)

    def stars(self) -> str:
        """`` *`` for each level of pointers, qualifiers between dropped; "" for none."""
        stars = ""
        while self.text == "*" or (stars and self.text in _QUALIFIERS):
            stars += "*" if self.advance() == "*" else ""
        while not stars and self.text in _QUALIFIERS:
            self.advance()
        return " " + stars if stars else ""

    # --- expressions
    def expression(self) -> CExpr:
        """An expression without assignments and commas."""
        begin = self.index
        cond = self.binary(1)
        if self.text != "?":
            return cond
        self.advance()
        then = self.expression()
        self.expect(":", "`:` of the conditional expression")
        other = self.expression()
        return CConditional(cond, then, other, self.span(begin))

    def binary(self, least: int) -> CExpr:
        """Operands joined by binary operators that bind at least as tightly as level ``least``."""
        begin = self.index
        left = self.unary()
        while (level := _BINDING.get(self.text, 0)) >= least:
            op = self.advance()
            right = self.binary(level + 1)
            left = CBinary(op, left, right, self.span(begin))
        return left

    def unary(self) -> CExpr:
        token = self.text
        if token not in _PREFIX:
            if token == "(" and self.peek() in _TYPE_WORDS:
                return self.cast()
            return self.postfix()
        begin = self.index
        self.advance()
        operand = self.unary()
        if token == "-" and type(operand) is CInt:
            return CInt(-operand.value, self.span(begin))
        return CUnary(token, operand, self.span(begin))

    def cast(self) -> CExpr:
        begin = self.index
        self.advance()
        type_ = self.type_words("a type") + self.stars()
        self.expect(")", "`*` or `)` after the type of a cast")
        operand = self.unary()
        return CCast(type_, operand, self.span(begin))

    def postfix(self) -> CExpr:
        begin = self.index
        expr = self.primary()
        while self.text == "[":
            self.advance()
            index = self.expression()
            self.expect("]", "an operator or `]`")
            expr = CIndex(expr, index, self.span(begin))
        if self.text in ("->", "."):
            raise Unsupported("structures are not known in C tests", self.here())
        return expr

    def primary(self) -> CExpr:
        token = self.text
        begin = self.index
        if token == "(":
            self.advance()
            expr = self.expression()
            if self.text == "=":
                raise Unsupported("assignments inside expressions are not known in C tests", self.here())
            self.expect(")", "an operator or `)`")
            return expr
        first = token[:1]
        if first.isalpha() or first == "_":
            if token in _KEYWORDS or token in _TYPE_WORDS:
                self.fail("an expression")
            self.advance()
            if self.text == "(":
                return self.call(token, (), begin)
            if self.text == "{" and token.startswith("__"):
                return self.call(token, self.tags(), begin)
            return CName(token, self.span(begin))
        value = number(token)
        if value is None:
            if token == '"':
                raise Unsupported("strings are not known in C tests", self.here())
            if first.isdigit():
                raise InputError(f"`{token}` is no integer constant", self.here())
            self.fail("an expression")
        if first == "0" and token.isdigit() and len(token) > 1:
            meaning = f"is octal in C but {value} to herd7"
            raise InputError(f"`{token}` {meaning}", self.here(), "write it without the leading 0")
        self.advance()
        return CInt(value, self.span(begin))

    # --- calls
    def tags(self) -> tuple[str, ...]:
        """``{once}``, ``{rcu-lock}``, ``{a,b}``, ``{DMB.ISH}``, and ``{A/L}`` for the two halves of an atomic."""
        self.advance()
        tags: list[str] = []
        while True:
            tag = "" if self.text == "/" else self.tag_word()
            if self.text == "/":
                tag += self.advance()
                tag += "" if self.text in ("}", ",") and tag != "/" else self.tag_word()
            tags.append(tag)
            if self.text != ",":
                break
            self.advance()
        self.expect("}", "`-`, `,` or `}` after a tag")
        return tuple(tags)

    def tag_word(self) -> str:
        """``once``, ``rcu-lock``, ``Fence.r.rw``."""
        word = self._word()
        while self.text in ("-", "."):
            word += self.advance()
            word += self._word()
        return word

    def _word(self) -> str:
        if not (self.text[:1].isalpha() or self.text[:1] == "_"):
            self.fail("a tag, such as `once`")
        return self.advance()

    def call(self, name: str, tags: tuple[str, ...], begin: int) -> CExpr:
        """The arguments of a call; a primitive with tags may have none at all (``__fence{mb}``)."""
        args: list[CExpr] = []
        if self.text == "(":
            self.advance()
            while self.text != ")":
                if args:
                    self.expect(",", "an operator, `,` or `)`")
                args.append(self.argument())
            self.advance()
        return CCall(name, tags, tuple(args), self.span(begin))

    def argument(self) -> CExpr:
        """An expression, or an operator that stands alone (``__atomic_op(X,+,V)``)."""
        if self.text in _OPERATOR_ARGUMENTS and self.peek() == ",":
            begin = self.index
            op = self.advance()
            return CName(op, self.span(begin))
        return self.expression()
