"""How general each stage is: the first n stages of one net transplanted into another, kept or trained on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.arguments import check_arguments
from workbench.errors import BadValue, UnknownName, printable_text
from workbench.evaluation import evaluate
from workbench.forms import Range
from workbench.nets import Net, load
from workbench.nets.load import Backbone
from workbench.nets.saving import checked_recipe
from workbench.plan import Choice, Plan, to_choice
from workbench.runs.assembly import assemble, check

if TYPE_CHECKING:
    import pandas as pd

    from workbench.images import Images

KINDS = ("AnB", "AnB+", "BnB", "BnB+")
BASE = "B"
FRESH = 100_003  # added to the seed of what is grown anew above a transplant
CLEAR = 1.96  # standard errors of a difference


@dataclass(frozen=True)
class LayerTransfer:
    """The curves of Yosinski et al. 2014.

    Attributes:
        frame: a row a training: n (stages transplanted), stage (the last of them), kind, seed, accuracy. The kinds
            are AnB and BnB, whose first n stages come from a net of task A or B and stay frozen; AnB+ and BnB+,
            where they are trained on; and B, a net trained on B alone (n = 0).
        stages: the stages that were transplanted, stem first.
        tasks: what A and B are called.
        judged: images of B that each accuracy is counted over.
    """

    frame: pd.DataFrame
    stages: tuple[str, ...]
    tasks: tuple[str, str]
    judged: int

    @property
    def table(self) -> pd.DataFrame:
        """Mean accuracy: a row an n, a column a kind; n = 0 is the net trained on B alone."""
        return self.frame.pivot_table("accuracy", "n", "kind").reindex(columns=[BASE, *KINDS]).dropna(axis=1, how="all")

    @property
    def marks(self) -> pd.DataFrame:
        """The two losses and where they are greatest: name, n, stage, kind, high, low, points, clear.

        The dip is what freezing a net's own stages costs, since stages above were fitted to them (co-adaptation):
        B less BnB. The drop is what stages of another task cost beyond that (specificity): BnB less AnB. It is clear
        if it exceeds 1.96 standard errors of the counts.
        """
        import pandas as pd

        table, rows = self.table, []
        seeds = self.frame["seed"].nunique()
        for name, above, below in (("dip", BASE, "BnB"), ("drop", "BnB", "AnB")):
            if below not in table or above not in table:
                continue
            high = table[above].fillna(table[BASE].iloc[0]) if above == BASE else table[above]
            loss = (high - table[below]).dropna()
            n = int(loss.idxmax())
            top, bottom = float(high[n]), float(table.loc[n, below])
            error = np.sqrt((top * (1 - top) + bottom * (1 - bottom)) / (self.judged * seeds))
            rows.append(
                (name, n, self.stages[n - 1], below, top, bottom, 100 * (top - bottom), top - bottom > CLEAR * error)
            )
        return pd.DataFrame(rows, columns=["name", "n", "stage", "kind", "high", "low", "points", "clear"])

    @printable_text
    def __str__(self) -> str:
        said = []
        for row in self.marks.itertuples():
            what = "its own stages frozen" if row.name == "dip" else f"stages of {self.tasks[0]} instead of its own"
            worth = (
                f"cost up to {row.points:.0f} points, at {row.stage}" if row.clear else "cost nothing clear of chance"
            )
            said.append(f"{what} {worth}")
        return f"{self.tasks[1]}: {'; '.join(said)}"


@check_arguments
def layer_transfer(
    backbone: Backbone,
    a: Images,
    b: Images,
    *,
    depths: Iterable[Annotated[int, Range(0, 1000)]] | None = None,
    kinds: Sequence[str] = KINDS,
    seeds: Annotated[int, Range(1, 1000)] = 1,
    names: tuple[str, str] = ("A", "B"),
    progress: bool = True,
    **settings: Any,
) -> LayerTransfer:
    """How well the first n stages of a net of task A serve task B, against those of a net of B itself.

    A net is trained on A and one on B, from random weights. For each n, a new net takes their first n stages; the
    rest is grown anew and trained on B, the transplant frozen or not. All train alike, and each is judged on the
    validation images of B.

    Yosinski et al. 2014, "How transferable are features in deep neural networks?", arXiv:1411.1792.

    Args:
        backbone: the architecture: a name, a `Choice` with its arguments, or a mapping; its weights are not used.
        a: images of task A.
        b: images of task B.
        depths: the n to try, from 1 to the number of stages before the head; all if None.
        kinds: which of AnB, AnB+, BnB and BnB+.
        seeds: how many times everything is repeated, at least 1.
        names: what the tasks are called.
        progress: whether to show a bar.
        settings: fields of the schedule, such as `epochs=5`, `lr=3e-3`; of the last epoch unless `keep="best"`.

    Raises:
        BadValue: depths or seeds out of range, or nothing to do.
        UnknownName: a kind or a setting that does not exist.
        WorkbenchError: images that cannot be trained on.
    """
    import pandas as pd
    from tqdm import tqdm

    _check(kinds, seeds)
    study = _Study(backbone, a, b, settings)
    wanted = _depths(depths, len(study.stages))
    donors = [name for name in "AB" if any(kind.startswith(name) for kind in kinds)]
    trainings = seeds * (1 + len(wanted) * len(kinds) + ("A" in donors))
    rows = []
    # on standard output: a notebook shows what comes on the other as if it were an error
    with tqdm(total=trainings, disable=not progress, unit="net", leave=False, file=sys.stdout) as bar:
        for seed in range(seeds):
            nets = {"B": study.base(b, seed)}
            rows.append((0, "", BASE, seed, study.judged(nets["B"])))
            bar.update()
            if "A" in donors:
                nets["A"] = study.base(a, seed)
                bar.update()
            for n in wanted:
                for kind in kinds:
                    net = study.grown(nets[kind[0]], n, seed, frozen=not kind.endswith("+"))
                    rows.append((n, study.stages[n - 1], kind, seed, study.judged(net)))
                    bar.update()
    frame = pd.DataFrame(rows, columns=["n", "stage", "kind", "seed", "accuracy"])
    return LayerTransfer(frame, study.stages, names, len(study.b.source.part("valid")))


class _Study:
    """The trainings of one study: they differ in nothing but where their first stages come from."""

    def __init__(self, backbone: Any, a: Images, b: Images, settings: dict[str, Any]) -> None:
        self.choice = _blank(backbone)
        self.b, self.settings = b, {"keep": "last", **settings}
        for images in (a, b):
            check(self._plan(self.choice, images, "full", 0))
            if not len(images.source.part("valid")):
                raise BadValue(f"{images.name} has no validation images to judge by; open it with valid=0.2 or so")
        self.stages = tuple(stage.name for stage in self._fresh(0).stages[:-1])

    def base(self, images: Images, seed: int) -> Net:
        """A net trained from random weights."""
        return self._trained(self._plan(self.choice, images, "full", seed))

    def grown(self, donor: Net, n: int, seed: int, frozen: bool) -> Net:
        """A net trained on B whose first n stages came from `donor`."""
        net = self._fresh(seed + FRESH)
        held = donor.state_dict()
        taken = {name for stage in net.stages[:n] for name in stage.tensors}
        # constants of the preprocessing are no part of the state
        net.load_state_dict({k: held[k] for k in net.state_dict() if k in taken}, strict=False)
        tuning = Choice("last-k", {"k": len(self.stages) - n}) if frozen else "full"
        return self._trained(self._plan(net, self.b, tuning, seed))

    def judged(self, net: Net) -> float:
        """Accuracy on the validation images of B."""
        return evaluate(net, self.b.source, split="valid").accuracy

    def _fresh(self, seed: int) -> Net:
        params = {**self.choice.params, "seed": seed, "classes": list(self.b.classes)}
        return load(self.choice.name, **params)

    def _plan(self, backbone: Any, images: Images, tuning: Any, seed: int) -> Plan:
        return Plan(backbone, images, tuning, seed=seed, **self.settings)

    @staticmethod
    def _trained(plan: Plan) -> Net:
        training = assemble(plan)
        for _ in training:
            pass
        return training.net


def _blank(backbone: Any) -> Choice:
    """The architecture alone, with random weights."""
    if isinstance(backbone, Net):
        checked_recipe(backbone)  # its choice stands for it only as long as nobody changed it
    choice = to_choice(backbone, "backbone")
    kept = {k: v for k, v in choice.params.items() if k not in ("classes", "seed")}
    return Choice(choice.name, {**kept, "pretrained": False})


def _depths(depths: Iterable[int] | None, most: int) -> list[int]:
    wanted = list(range(1, most + 1)) if depths is None else sorted(set(depths))
    if not wanted or any(not isinstance(n, (int, np.integer)) or not 1 <= n <= most for n in wanted):
        raise BadValue(f"depths are whole numbers of stages from 1 to {most}, those before the head; got {wanted}")
    return [int(n) for n in wanted]


def _check(kinds: Sequence[str], seeds: Any) -> None:
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise UnknownName.of("kind of transplant", kind, KINDS)
    if isinstance(kinds, str) or not kinds:
        raise BadValue(f'kinds is a list such as ["AnB", "BnB"]; got {kinds!r}')
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= 1000:
        raise BadValue(f"seeds is how many times everything is repeated, 1 to 1000; got {seeds!r}")
