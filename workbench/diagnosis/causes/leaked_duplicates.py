"""The same images stand among those that are trained on and those that are judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.diagnosis.causes.base import NOTHING, Cause, Evidence, causes, rising
from workbench.diagnosis.near_duplicates import near_duplicates

if TYPE_CHECKING:
    import pandas as pd

    from workbench.diagnosis.case import Case
    from workbench.images import Images


@causes.add("leaked-duplicates")
class LeakedDuplicates(Cause):
    """Good news that is false: images of the validation split are in the training split too, perhaps saved anew."""

    means = "the validation accuracy is too good: images that are judged by are trained on as well"
    advice = "leave the validation images out that are trained on, and judge anew"
    triable = False
    misleads = True
    source = "Barz and Denzler 2020, arXiv:1902.00423"

    def evidence(self, case: Case) -> Evidence:
        """The share of validation images that are in the training split too, as they are or all but the same."""
        found = self.pairs(case)
        count = max(len(case.images.part("valid")), 1)
        if not len(found):
            return NOTHING
        share, same = len(found) / count, int((found["distance"] == 0).sum())
        words = f"{len(found)} validation images ({share:.1%}) are in the training split as well, {same} pixel by pixel"
        numbers = {"leaked": len(found), "share": share, "pixel by pixel": same}
        return Evidence(rising(share, 0.02, 0.015), words, numbers, {"leaked images": found})

    def data_without(self, case: Case) -> Any:
        """The images without the validation images that leaked."""
        return case.leaving_out(self.pairs(case)["id"])

    def pairs(self, case: Case) -> pd.DataFrame:
        """The validation images that leaked: id, twin, distance and usual, see `near_duplicates`; found once."""
        if "leaked" not in case.kept:
            case.kept["leaked"] = _pairs(case.images)
        return case.kept["leaked"]


def _pairs(images: Images) -> pd.DataFrame:
    import pandas as pd

    listed = images.duplicates
    across = listed[(listed["split"] == "valid") & (listed["twin_split"] == "train")]
    same = across[["id", "twin"]].assign(distance=0.0, usual=float("nan"))
    near = near_duplicates(images.part("valid"), images.part("train"))
    return pd.concat([same, near[~near["id"].isin(same["id"])]], ignore_index=True) if len(same) else near
