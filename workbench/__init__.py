"""Transfer Workbench: transfer learning in vision, from a notebook, with the reasons in view.

Names are resolved on first use: `import workbench` imports neither torch nor Jupyter.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

__version__ = "0.1.0"

# Torch's threads wait for each other in a loop, by default for so long that beside another program they mostly take
# the core from it: a step is then ten times as long. After 3,000 rounds they sleep, which alone on a machine costs
# nothing. OpenMP reads this when torch is loaded; what somebody has set stays (benchmarks/waiting_threads.py).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# public name -> "module" (the module itself) or "module:attribute"
_PUBLIC = {
    "backbones": "workbench.nets:backbones",
    "load": "workbench.nets:load",
    "Net": "workbench.nets:Net",
    "images": "workbench.images",
    "world": "workbench.images.world",
    "Images": "workbench.images:Images",
    "cleaning": "workbench.images.edits:cleaning",
    "Plan": "workbench.plan:Plan",
    "Choice": "workbench.plan:Choice",
    "Schedule": "workbench.plan:Schedule",
    "tuning": "workbench.tunings:tuning",
    "tunings": "workbench.tunings",
    "strategy": "workbench.strategies:strategy",
    "strategies": "workbench.strategies",
    "grid": "workbench.tunings:grid",
    "train": "workbench.loop:train",
    "evaluate": "workbench.evaluation:evaluate",
    "Evaluation": "workbench.metrics:Evaluation",
    "find_lr": "workbench.runs:find_lr",
    "estimate": "workbench.cost:estimate",
    "features": "workbench.embeddings:features",
    "store": "workbench.storage:store",
    "scores": "workbench.scores",
    "probes": "workbench.probes",
    "advise": "workbench.ranking:advise",
    "measured_scores": "workbench.ranking:measured_scores",
    "published_scores": "workbench.ranking:published_scores",
    "rank": "workbench.ranking:rank",
    "rankings": "workbench.ranking:rankings",
    "Ranking": "workbench.ranking:Ranking",
    "short_trial": "workbench.ranking:short_trial",
    "weighted_tau": "workbench.ranking:weighted_tau",
    "layer_transfer": "workbench.diagnosis:layer_transfer",
    "controls": "workbench.diagnosis:controls",
    "diagnose": "workbench.diagnosis:diagnose",
    "Diagnosis": "workbench.diagnosis:Diagnosis",
    "fit": "workbench.runs:fit",
    "launch": "workbench.runs:launch",
    "run": "workbench.runs:run",
    "Run": "workbench.runs:Run",
    "runs": "workbench.runs",
    "evolution": "workbench.runs:evolution",
    "doctor": "workbench.machine:doctor",
    "figures": "workbench.figures",
    "widgets": "workbench.widgets",
    "Workbench": "workbench.widgets:Workbench",
    "WorkbenchError": "workbench.errors:WorkbenchError",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        from workbench.errors import nearest

        raise AttributeError(f"the workbench has no {name!r}; {nearest(name, list(_PUBLIC))}")
    module, _, attribute = _PUBLIC[name].partition(":")
    found = importlib.import_module(module)
    value = getattr(found, attribute) if attribute else found
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
