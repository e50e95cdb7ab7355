"""Generality of each stage: the first n stages of one net transplanted into another, frozen or fine-tuned."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from workbench.argument_checks import check_arguments
from workbench.errors import BadValue, UnknownName, escape_returned_text
from workbench.evaluation import evaluate
from workbench.forms import Range
from workbench.nets.loading.net_file import make_verified_recipe
from workbench.nets.loading.net_loader import BackboneLike, load_net
from workbench.nets.net import Net
from workbench.plan import Choice, Plan, to_choice
from workbench.runs.build import check_plan, open_training

if TYPE_CHECKING:
    import pandas as pd

    from workbench.data.labeled_images import Images

__all__ = ["LayerTransfer", "layer_transfer_curve"]

KINDS = ("AnB", "AnB+", "BnB", "BnB+")
BASE = "B"
FRESH_SEED_OFFSET = 100_003  # added to the seed of reinitialized stages above a transplant
CRITICAL_Z = 1.96  # critical value of a difference, in standard errors


@dataclass(frozen=True)
class LayerTransfer:
    """Layer-transfer curves.

    Attributes:
        frame: one row per training: n (stages transplanted), stage (the last of them), kind, seed, accuracy. The kinds
            are AnB and BnB, whose first n stages come from a net of task A or B and stay frozen; AnB+ and BnB+,
            where they are fine-tuned; and B, a net trained on B alone (n = 0).
        stages: names of the stages transplanted, stem first.
        tasks: names of the tasks A and B.
        n_images: images of B over which each accuracy is computed.

    Source: Yosinski et al. 2014, arXiv:1411.1792.
    """

    frame: pd.DataFrame
    stages: tuple[str, ...]
    tasks: tuple[str, str]
    n_images: int

    @property
    def table(self) -> pd.DataFrame:
        """Mean accuracy, one row per n and one column per kind; n = 0 is the net trained on B alone."""
        return self.frame.pivot_table("accuracy", "n", "kind").reindex(columns=[BASE, *KINDS]).dropna(axis=1, how="all")

    @property
    def greatest_losses(self) -> pd.DataFrame:
        """Greatest accuracy loss of two kinds: name, n, stage, kind, high, low, points, clear.

        The dip is the cost of freezing a net's own stages, to which the stages above were co-adapted: B minus BnB.
        The drop is the further cost of stages of another task (specificity): BnB minus AnB. It is clear if it exceeds
        1.96 binomial standard errors.
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
            error = np.sqrt((top * (1 - top) + bottom * (1 - bottom)) / (self.n_images * seeds))
            is_clear = top - bottom > CRITICAL_Z * error
            rows.append((name, n, self.stages[n - 1], below, top, bottom, 100 * (top - bottom), is_clear))
        return pd.DataFrame(rows, columns=["name", "n", "stage", "kind", "high", "low", "points", "clear"])

    @escape_returned_text
    def __str__(self) -> str:
        parts = []
        for row in self.greatest_losses.itertuples():
            what = "its own stages frozen" if row.name == "dip" else f"stages of {self.tasks[0]} instead of its own"
            cost = (
                f"cost up to {row.points:.0f} points, at {row.stage}" if row.clear else "cost no significant accuracy"
            )
            parts.append(f"{what} {cost}")
        return f"{self.tasks[1]}: {'; '.join(parts)}"


@check_arguments
def layer_transfer_curve(
    backbone: BackboneLike,
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
    """Measure how well the first n stages of a net of task A serve task B, against those of a net of B itself.

    A net is trained on A and one on B, from random weights. For each n, a new net takes their first n stages; the
    rest is reinitialized and trained on B, with the transplanted stages frozen or not. All use the same schedule, and
    each is evaluated on the validation images of B.

    Args:
        backbone: architecture: a name, a `Choice` with its arguments, or a mapping; its weights are not used.
        a: images of task A.
        b: images of task B.
        depths: values of n, from 1 to the number of stages before the head; all if None.
        kinds: which of AnB, AnB+, BnB and BnB+.
        seeds: number of repetitions, at least 1.
        names: names of the two tasks.
        progress: show a progress bar.
        settings: fields of the schedule, such as `epochs=5`, `lr=3e-3`; weights of the last epoch are evaluated unless
            `select="best"`.

    Raises:
        BadValue: depths or seeds out of range, or nothing to do.
        UnknownName: a kind or a setting that does not exist.
        WorkbenchError: images that cannot be trained on.

    Source: Yosinski et al. 2014, "How transferable are features in deep neural networks?", arXiv:1411.1792.
    """
    import pandas as pd
    from tqdm import tqdm

    _check_kinds_and_seeds(kinds, seeds)
    experiment = _TransferExperiment(backbone, a, b, settings)
    parsed_depths = _parse_depths(depths, len(experiment.stages))
    donors = [name for name in "AB" if any(kind.startswith(name) for kind in kinds)]
    n_trainings = seeds * (1 + len(parsed_depths) * len(kinds) + ("A" in donors))
    rows = []
    # on standard output, because notebooks show standard error as if it were an error
    with tqdm(total=n_trainings, disable=not progress, unit="net", leave=False, file=sys.stdout) as bar:
        for seed in range(seeds):
            nets = {"B": experiment.train_base(b, seed)}
            rows.append((0, "", BASE, seed, experiment.validation_accuracy(nets["B"])))
            bar.update()
            if "A" in donors:
                nets["A"] = experiment.train_base(a, seed)
                bar.update()
            for n in parsed_depths:
                for kind in kinds:
                    net = experiment.train_transplant(nets[kind[0]], n, seed, frozen=not kind.endswith("+"))
                    rows.append((n, experiment.stages[n - 1], kind, seed, experiment.validation_accuracy(net)))
                    bar.update()
    frame = pd.DataFrame(rows, columns=["n", "stage", "kind", "seed", "accuracy"])
    return LayerTransfer(frame, experiment.stages, names, len(experiment.b.source.subset("valid")))


class _TransferExperiment:
    """Trainings of one layer-transfer curve, which differ only in the origin of their first stages."""

    def __init__(self, backbone: Any, a: Images, b: Images, settings: dict[str, Any]) -> None:
        self.choice = _untrained_choice(backbone)
        self.b, self.settings = b, {"select": "last", **settings}
        for images in (a, b):
            check_plan(self._build_plan(self.choice, images, "full", 0))
            if not len(images.source.subset("valid")):
                raise BadValue(f"{images.name} has no validation images; open it with valid=0.2")
        self.stages = tuple(stage.name for stage in self._open_fresh_net(0).stages[:-1])

    def train_base(self, images: Images, seed: int) -> Net:
        """Train a net from random weights."""
        return self._train_plan(self._build_plan(self.choice, images, "full", seed))

    def train_transplant(self, donor: Net, n: int, seed: int, frozen: bool) -> Net:
        """Train a net on B whose first n stages come from `donor`."""
        net = self._open_fresh_net(seed + FRESH_SEED_OFFSET)
        state = donor.state_dict()
        transplanted = {name for stage in net.stages[:n] for name in stage.tensor_names}
        # preprocessing constants are not in the state dict
        net.load_state_dict({k: state[k] for k in net.state_dict() if k in transplanted}, strict=False)
        tuning = Choice("last-k", {"k": len(self.stages) - n}) if frozen else "full"
        return self._train_plan(self._build_plan(net, self.b, tuning, seed))

    def validation_accuracy(self, net: Net) -> float:
        """Compute the accuracy on the validation images of B."""
        return evaluate(net, self.b.source, split="valid").accuracy

    def _open_fresh_net(self, seed: int) -> Net:
        params = {**self.choice.params, "seed": seed, "classes": list(self.b.classes)}
        return load_net(self.choice.name, **params)

    def _build_plan(self, backbone: Any, images: Images, tuning: Any, seed: int) -> Plan:
        return Plan(backbone, images, tuning, seed=seed, **self.settings)

    @staticmethod
    def _train_plan(plan: Plan) -> Net:
        training = open_training(plan)
        for _ in training:
            pass
        return training.net


def _untrained_choice(backbone: Any) -> Choice:
    """Return the choice of the architecture with random weights."""
    if isinstance(backbone, Net):
        make_verified_recipe(backbone)  # its choice describes it only if the net was not changed by hand
    choice = to_choice(backbone, "backbone")
    params = {k: v for k, v in choice.params.items() if k not in ("classes", "seed")}
    return Choice(choice.name, {**params, "pretrained": False})


def _parse_depths(depths: Iterable[int] | None, n_stages: int) -> list[int]:
    parsed = list(range(1, n_stages + 1)) if depths is None else sorted(set(depths))
    if not parsed or any(not isinstance(n, (int, np.integer)) or not 1 <= n <= n_stages for n in parsed):
        raise BadValue(
            f"expected depths to be whole numbers of stages from 1 to {n_stages} (the stages before the head); "
            f"got {parsed}"
        )
    return [int(n) for n in parsed]


def _check_kinds_and_seeds(kinds: Sequence[str], seeds: Any) -> None:
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in KINDS:
            raise UnknownName.of("kind of transplant", kind, KINDS)
    if isinstance(kinds, str) or not kinds:
        raise BadValue(f'expected kinds to be a list such as ["AnB", "BnB"]; got {kinds!r}')
    if isinstance(seeds, bool) or not isinstance(seeds, int) or not 1 <= seeds <= 1000:
        raise BadValue(f"expected seeds, the number of repetitions, from 1 to 1000; got {seeds!r}")
