"""`python -m workbench`: the command line, for environments where its script is not on the path."""

from __future__ import annotations

import sys

from workbench.cli import main

sys.exit(main())
