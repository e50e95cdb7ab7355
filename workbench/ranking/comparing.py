"""`rank`: backbones measured on the target's images, and the ranking of what is there so far."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from workbench.arguments import check_arguments
from workbench.errors import BadData, BadValue, UnknownName
from workbench.markers import Frame, Seed
from workbench.ranking import apart, measuring
from workbench.ranking.asked import Asked, Backbones, asked
from workbench.ranking.draws import subset
from workbench.ranking.measuring import BASELINES, ELSEWHERE, SCORES, Scored
from workbench.ranking.result import Ranking
from workbench.scores import scores

if TYPE_CHECKING:
    from workbench.images import Images

Measured = Annotated[Any, Frame("accuracies measured on other images, as wb.measured_scores() gives them", rows=1)]


@check_arguments
def rank(
    backbones: Backbones,
    images: Images,
    *,
    scores: str | Sequence[str] | None = None,
    split: str | None = "train",
    limit: int = 1000,
    draws: int = 40,
    seed: Seed = 0,
    measured: Measured | None = None,
    device: str = "auto",
    processes: int | None = None,
    progress: bool = True,
) -> Ranking:
    """Which backbone promises to transfer best to these images, before any training, and how far to trust that.

    Each backbone makes one forward pass through the store; a second ranking of the same costs none. A backbone that
    does not load is a row with the reason. They are measured one after another, or side by side in processes of their
    own where the first has shown that this gains more than their start costs.

    Args:
        backbones: names, `Choice`s with their arguments, mappings `{"name", "params"}`, nets, or a frame of
            `wb.backbones()`. `{"name": …, "params": {"pretrained": False}}` is a random control. Several nets of one
            name are numbered: `resnet18 (net 1)`, `resnet18 (net 2)`.
        images: the target's, with one class each; of several domains, those of the source are taken.
        scores: names from `wb.scores()` that read features or source predictions; None takes those that are quick.
        split: which images; None takes all. `train` holds back what a fine-tuning is judged by.
        limit: images at most, drawn with every class in its share; from 20.
        draws: random halves of the images that the intervals come from, 10 to 1000.
        seed: of the draws.
        measured: accuracies on other targets, a row a backbone, for the baseline `rank_elsewhere`.
        device: auto, cpu, cuda, …: where the backbones run.
        processes: that measure side by side on a CPU, 1 to 64; None decides by the time that the first backbone takes.
        progress: whether to show a bar.

    Raises:
        BadValue: no backbone, one that is asked for twice, or an option out of range.
        UnknownName: no such score.
        BadData: images without one class each, of one class, or too few.
    """
    from tqdm import tqdm

    found = rankings(
        backbones,
        images,
        scores=scores,
        split=split,
        limit=limit,
        draws=draws,
        seed=seed,
        measured=measured,
        device=device,
        processes=processes,
    )
    ranking = next(found)
    # on standard output: a notebook shows what comes on the other as if it were an error
    with tqdm(total=ranking.wanted, disable=not progress, unit="net", leave=False, file=sys.stdout) as bar:
        for so_far in found:
            ranking = so_far
            bar.update()
    return ranking


@check_arguments
def rankings(
    backbones: Backbones,
    images: Images,
    *,
    scores: str | Sequence[str] | None = None,
    split: str | None = "train",
    limit: int = 1000,
    draws: int = 40,
    seed: Seed = 0,
    measured: Measured | None = None,
    device: str = "auto",
    processes: int | None = None,
) -> Iterator[Ranking]:
    """The ranking of what is there: an empty one first, then one after each backbone. To stop is to leave the loop.

    Arguments and refusals as of `rank`; they are checked before the first backbone is loaded.
    """
    from workbench.loop.device import device as placed
    from workbench.plan import Schedule

    chosen = asked(backbones)
    wanted = _scores(scores)
    if not 10 <= draws <= 1000 or limit < 20:
        raise BadValue(f"draws is 10 to 1000 and limit at least 20; they are {draws} and {limit}")
    if processes is not None and not 1 <= processes <= 64:
        raise BadValue(f"processes is 1 to 64, or None; got {processes!r}")
    arguments = (_part(images, split, limit, seed), wanted, draws, seed, measured)
    place = str(placed(Schedule(device=device)))
    order = [one.name for one in chosen]

    def course() -> Iterator[Ranking]:
        done: dict[str, Scored] = {}
        held = {one.name: one.load() for one in chosen if not one.by_name}
        yield Ranking(images.name, (), wanted, len(chosen))
        for scored in _measured(chosen, processes, place, arguments):
            done[scored.name] = dataclasses.replace(scored, net=held.get(scored.name))
            yield Ranking(images.name, tuple(done[n] for n in order if n in done), wanted, len(chosen))

    return course()


def _measured(
    chosen: Sequence[Asked], processes: int | None, place: str, arguments: tuple[Images, Sequence[str], int, int, Any]
) -> Iterator[Scored]:
    """One backbone after another, until it pays to measure the others side by side."""
    first = None
    for number, one in enumerate(chosen):
        count = apart.processes(processes, chosen[number:], first, place)
        if count > 1:
            yield from apart.measured(chosen[number:], count, arguments)
            return
        first = measuring.measured(one.name, one.choice, functools.partial(apart.on, one.load, place), *arguments)
        yield first


def _scores(names: Sequence[str] | None) -> tuple[str, ...]:
    wanted = SCORES if names is None else [names] if isinstance(names, str) else names
    fitting = [n for n in scores if not {"backbone", "source_features"} & set(scores[n].needs)]
    for name in wanted:
        if name in (*BASELINES, ELSEWHERE):
            raise BadValue(f"{name} is a baseline: baselines stand beside the scores without being asked for")
        if name not in fitting:
            raise UnknownName.of("score of features", name, fitting)
    if not wanted:
        raise BadValue(f"a ranking needs scores: some of {', '.join(fitting)}")
    return tuple(dict.fromkeys(wanted))


def _part(images: Images, split: str | None, limit: int, seed: int) -> Images:
    if images.kind != "classes":
        raise BadData(f"scores read one class an image; {images.name} holds {images.kind}")
    part = images.source.part(split)
    if len(part) < 8:
        raise BadData(f"a ranking needs at least 8 images; {images.name} has {len(part)} in the split {split!r}")
    labels = part.labels()
    if len(set(labels.tolist())) < 2:
        raise BadData(f"a ranking needs images of two classes; all {len(part)} of {images.name} are of one")
    return part.part(rows=subset(labels, limit, seed))
