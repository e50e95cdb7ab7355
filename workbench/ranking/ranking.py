"""Scoring of backbones on target images, with the ranking after each backbone."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from workbench.annotated_types import Frame, Seed
from workbench.argument_checks import check_arguments
from workbench.errors import BadData, BadValue, UnknownName
from workbench.ranking import parallel, score_table
from workbench.ranking.backbone_specs import Backbones, BackboneSpec, parse_backbones
from workbench.ranking.resampling import draw_subset
from workbench.ranking.result import Ranking
from workbench.ranking.score_table import BASELINE_SCORES, DEFAULT_SCORES, ELSEWHERE_BASELINE, BackboneScores
from workbench.scores import scores

if TYPE_CHECKING:
    from workbench.data.labeled_images import Images

__all__ = ["iter_rankings", "rank_backbones"]

AccuracyFrame = Annotated[
    Any, Frame("accuracies measured on other images, as from wb.measured_score_study()", min_rows=1)
]


@check_arguments
def rank_backbones(
    backbones: Backbones,
    images: Images,
    *,
    scores: str | Sequence[str] | None = None,
    split: str | None = "train",
    limit: int = 1000,
    n_resamples: int = 40,
    seed: Seed = 0,
    other_accuracies: AccuracyFrame | None = None,
    device: str = "auto",
    processes: int | None = None,
    progress: bool = True,
) -> Ranking:
    """Rank backbones by how well they are expected to transfer to these images, before any training.

    Each backbone needs one forward pass over the images; a second ranking of the same reads the activation cache. A
    backbone that cannot be loaded is listed with the reason. Backbones are scored one after another, or in parallel
    processes if the first one shows that this saves more time than starting the processes takes.

    Args:
        backbones: names, `Choice`s with their arguments, mappings `{"name", "params"}`, nets, or a frame from
            `wb.search_backbones()`. `{"name": …, "params": {"pretrained": False}}` is a random control. Several nets
            of the same name are numbered: `resnet18 (net 1)`, `resnet18 (net 2)`.
        images: target images with one class each; with several domains, those of the source are used.
        scores: names from `wb.list_scores()` that need features or source predictions; None for the fast ones.
        split: split to use; None for all. `train` leaves the validation images for judging a fine-tuning.
        limit: maximum number of images, at least 20; a stratified sample is drawn.
        n_resamples: number of random halves of the images for the confidence intervals, 10 to 1000.
        seed: seed of the sample and the halves.
        other_accuracies: accuracies on other targets, one row per backbone, for the baseline `rank_elsewhere`.
        device: device of the backbones: auto, cpu, cuda, …
        processes: number of parallel processes on a CPU, 1 to 64; None decides by the time of the first backbone.
        progress: whether to show a progress bar.

    Raises:
        BadValue: no backbone, a duplicate one, or an option out of range.
        UnknownName: no such score.
        BadData: images without one class each, images of a single class, or too few images.
    """
    from tqdm import tqdm

    rankings = iter_rankings(
        backbones,
        images,
        scores=scores,
        split=split,
        limit=limit,
        n_resamples=n_resamples,
        seed=seed,
        other_accuracies=other_accuracies,
        device=device,
        processes=processes,
    )
    ranking = next(rankings)
    # standard output: notebooks show standard error as an error
    with tqdm(total=ranking.n_requested, disable=not progress, unit="net", leave=False, file=sys.stdout) as bar:
        for so_far in rankings:
            ranking = so_far
            bar.update()
    return ranking


@check_arguments
def iter_rankings(
    backbones: Backbones,
    images: Images,
    *,
    scores: str | Sequence[str] | None = None,
    split: str | None = "train",
    limit: int = 1000,
    n_resamples: int = 40,
    seed: Seed = 0,
    other_accuracies: AccuracyFrame | None = None,
    device: str = "auto",
    processes: int | None = None,
) -> Iterator[Ranking]:
    """Yield the ranking so far: an empty one first, then one after each backbone. Leave the loop to stop.

    Arguments and errors are those of `rank_backbones`; they are checked before the first backbone is loaded.
    """
    from workbench.loop.device import select_device
    from workbench.plan import Schedule

    specs = parse_backbones(backbones)
    score_names = _check_score_names(scores)
    if not 10 <= n_resamples <= 1000 or limit < 20:
        raise BadValue(f"expected n_resamples from 10 to 1000 and limit of at least 20; got {n_resamples} and {limit}")
    if processes is not None and not 1 <= processes <= 64:
        raise BadValue(f"expected processes from 1 to 64, or None; got {processes!r}")
    arguments = (_select_images(images, split, limit, seed), score_names, n_resamples, seed, other_accuracies)
    torch_device = str(select_device(Schedule(device=device)))
    order = [spec.name for spec in specs]

    def score_all() -> Iterator[Ranking]:
        done: dict[str, BackboneScores] = {}
        nets_in_memory = {spec.name: spec.load() for spec in specs if not spec.is_named}
        yield Ranking(images.name, (), score_names, len(specs))
        for scored in _score_backbones(specs, processes, torch_device, arguments):
            done[scored.name] = dataclasses.replace(scored, net=nets_in_memory.get(scored.name))
            yield Ranking(images.name, tuple(done[n] for n in order if n in done), score_names, len(specs))

    return score_all()


def _score_backbones(
    specs: Sequence[BackboneSpec],
    processes: int | None,
    device: str,
    arguments: tuple[Images, Sequence[str], int, int, Any],
) -> Iterator[BackboneScores]:
    """Score one backbone after another, until it pays off to score the others in parallel."""
    first = None
    for number, spec in enumerate(specs):
        count = parallel.choose_process_count(processes, specs[number:], first, device)
        if count > 1:
            yield from parallel.score_in_processes(specs[number:], count, arguments)
            return
        first = score_table.score_backbone(
            spec.name, spec.choice, functools.partial(parallel.load_on_device, spec.load, device), *arguments
        )
        yield first


def _check_score_names(names: Sequence[str] | None) -> tuple[str, ...]:
    fitting = [n for n in scores if not {"backbone", "source_features"} & set(scores[n].needs)]
    chosen = _default_scores(fitting) if names is None else [names] if isinstance(names, str) else names
    for name in chosen:
        if name in (*BASELINE_SCORES, ELSEWHERE_BASELINE):
            raise BadValue(f"{name} is a baseline, and baselines are always included: leave it out of scores")
        if name not in fitting:
            raise UnknownName.of("score of features", name, fitting)
    if not chosen:
        raise BadValue(f"expected at least one score: choose from {', '.join(fitting)}")
    return tuple(dict.fromkeys(chosen))


def _default_scores(fitting: Sequence[str]) -> list[str]:
    """Return the scores that do not opt out: those in the order of tables first, then all others."""
    ranked = [name for name in fitting if not scores[name].default]
    return [*(name for name in DEFAULT_SCORES if name in ranked), *(n for n in ranked if n not in DEFAULT_SCORES)]


def _select_images(images: Images, split: str | None, limit: int, seed: int) -> Images:
    if images.kind != "classes":
        raise BadData(f"scores need one class per image; {images.name} has {images.kind}")
    part = images.source.subset(split)
    if len(part) < 8:
        raise BadData(f"a ranking needs at least 8 images; {images.name} has {len(part)} in the split {split!r}")
    labels = part.labels()
    if len(set(labels.tolist())) < 2:
        raise BadData(f"a ranking needs images of at least two classes; all {len(part)} of {images.name} have the same")
    return part.subset(rows=draw_subset(labels, limit, seed))
