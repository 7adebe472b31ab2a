"""Kernel C: from the syntax tree of a test's C to its program.

``types`` and ``tree`` are the typed form of the program, ``declare``, ``expressions`` and ``statements`` build it from
the parser's tree, ``objects`` makes the initial memory, ``lowering`` the instructions; ``unit`` puts all together.
"""
