"""An explanation as one self-contained HTML page."""

from __future__ import annotations

from membar_check.report.page.page import render_page as render_page
