"""``python -m membar_check``: the same as the console script."""

from membar_check.cli import main

raise SystemExit(main())
