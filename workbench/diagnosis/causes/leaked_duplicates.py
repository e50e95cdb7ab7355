"""The same images stand among those that are trained on and those that are judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising

if TYPE_CHECKING:
    from workbench.diagnosis.case import Case


@causes.add("leaked-duplicates")
class LeakedDuplicates(Cause):
    """Good news that is false: images of the validation split are in the training split too."""

    means = "the validation accuracy is too good: images that are judged by are trained on as well"
    advice = "leave the validation images out that are trained on, and judge anew"
    triable = False
    misleads = True
    source = "Barz and Denzler 2020, arXiv:1902.00423"

    def evidence(self, case: Case) -> Evidence:
        """The share of validation images whose very content is in the training split."""
        leaked = self.leaked(case)
        share = len(leaked) / max(len(case.images.part("valid")), 1)
        if not len(leaked):
            return NOTHING
        words = f"{len(leaked)} validation images ({share:.1%}) are in the training split as well, pixel by pixel"
        return Evidence(rising(share, 0.02, 0.015), words, {"leaked": len(leaked), "share": share})

    def data_without(self, case: Case) -> Any:
        """The images without the validation images that leaked."""
        return case.leaving_out(self.leaked(case))

    def leaked(self, case: Case) -> np.ndarray:
        """Names of validation images that are in the training split too."""
        found = case.images.duplicates
        across = found[(found["split"] == "valid") & (found["twin_split"] == "train")]
        return across["id"].to_numpy()
