"""The arithmetic of painting, which runs in the page, under node's own test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="node is not installed: the page's arithmetic cannot be run")
@pytest.mark.parametrize("file", sorted(Path(__file__).parent.glob("*.test.mjs")), ids=lambda file: file.name)
def test_the_pages_arithmetic(file):
    done = subprocess.run([NODE, "--test", str(file)], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
