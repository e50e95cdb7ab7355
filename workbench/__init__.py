"""Transfer Workbench: transfer learning in vision, from a notebook, with the reasons in view.

Names are loaded on first use: `import workbench` imports neither torch nor Jupyter. `__init__.pyi` lists them.
"""

from __future__ import annotations

import os

from workbench._lazy_names import attach_names

__version__ = "0.2.0"

# Torch's threads wait for each other in a loop, by default for so long that beside another program they mostly take
# the core from it: a step is then ten times as long. After 3,000 rounds they sleep, which alone on a machine costs
# nothing. OpenMP reads this when torch is loaded; what somebody has set stays (benchmarks/waiting_threads.py).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

__getattr__, __dir__, __all__ = attach_names(__name__, __file__, "public name")
