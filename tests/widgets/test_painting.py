"""The arithmetic of painting, which runs in the page, under node's own test runner."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("file", sorted(Path(__file__).parent.glob("*.test.mjs")), ids=lambda file: file.name)
def test_the_pages_arithmetic(run_node, file):
    done = run_node("--test", str(file))
    assert done.returncode == 0, done.stdout
