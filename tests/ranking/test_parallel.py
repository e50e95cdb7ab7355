"""Backbones measured side by side."""

from __future__ import annotations

import warnings

import joblib
import pytest
from joblib.externals.loky.process_executor import TerminatedWorkerError

import workbench as wb
from workbench.errors import BadValue, UnknownName
from workbench.ranking import parallel
from workbench.ranking.backbone_specs import parse_backbones
from workbench.ranking.score_table import BackboneScores

RANDOM = [{"name": "test_resnet", "params": {"pretrained": False, "size": 32, "seed": n}} for n in range(4)]


def took(seconds: float, forward: float) -> BackboneScores:
    return BackboneScores("a", parse_backbones("resnet18")[0].choice, seconds=seconds, forward_seconds=forward)


@pytest.mark.parametrize(
    ("wanted", "first", "device", "count"),
    [
        (None, None, "cpu", 1),  # nothing is known yet
        (None, took(20.0, 2.0), "cpu", 3),  # 3 instead of 8 turns of 18 s of scores
        (None, took(20.0, 19.5), "cpu", 1),  # all of it is the forward pass, which has all threads
        (None, took(20.0, 2.0), "cuda", 1),
        (2, None, "cpu", 2),
        (1, took(20.0, 2.0), "cpu", 1),
    ],
)
def test_processes_are_started_where_they_gain_more_than_they_cost(monkeypatch, wanted, first, device, count):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 3)
    left = parse_backbones([f"resnet{n}" for n in (18, 26, 34, 50, 101, 152)] + ["vgg11", "vgg16"])
    assert parallel.choose_process_count(wanted, left, first, device) == count


def test_a_net_in_memory_stays_in_this_process(tiny):
    assert parallel.choose_process_count(2, parse_backbones([tiny(), "resnet18"]), None, "cpu") == 1


def test_two_processes_find_what_one_finds(toy):
    options = {"scores": ["logme", "knn"], "n_resamples": 10}
    alone = wb.rank_backbones(RANDOM[:3], toy, processes=1, progress=False, **options)
    seen = [len(r.results) for r in wb.iter_rankings([*RANDOM[:3], "no-such-net"], toy, processes=2, **options)]
    beside = wb.rank_backbones([*RANDOM[:3], "no-such-net"], toy, processes=2, progress=False, **options)
    assert seen == [0, 1, 2, 3, 4]
    assert [s.name for s in beside.results][:3] == [s.name for s in alone.results] and beside.results[3].failure
    for mine, theirs in zip(alone.results, beside.results, strict=False):
        assert mine.values == pytest.approx(theirs.values, rel=1e-6)


def test_what_a_dead_process_leaves_is_measured_here(toy, monkeypatch, caplog):
    class Dies:
        def __init__(self, **_):
            pass

        def __call__(self, tasks):
            function, given, _ = next(iter(tasks))
            yield function(*given)
            raise TerminatedWorkerError("out of memory")

    monkeypatch.setattr(joblib, "Parallel", Dies)
    found = wb.rank_backbones(RANDOM[:3], toy, scores=["knn"], n_resamples=10, processes=2, progress=False)
    assert len(found.valid_results) == 3 and "remaining 2 backbones" in caplog.text


def test_no_processes_are_refused(toy):
    with pytest.raises(BadValue, match="1 to 64"):
        wb.iter_rankings(RANDOM, toy, processes=0)


def test_a_part_of_a_ranking_is_the_ranking_of_that_part(toy):
    options = {"scores": ["logme", "knn"], "n_resamples": 10, "progress": False}
    whole, part = wb.rank_backbones(RANDOM, toy, **options), wb.rank_backbones(RANDOM[:2], toy, **options)
    names = [s.name for s in part.results]
    assert whole.subset(names).verdict == part.verdict
    assert whole.subset(names).intervals.equals(part.intervals)
    with pytest.raises(UnknownName, match="backbone of this ranking"):
        whole.subset(["resnet18"])


@pytest.mark.filterwarnings("error")
def test_it_can_be_left_while_processes_measure(toy):
    course = wb.iter_rankings(RANDOM, toy, scores=["knn"], n_resamples=10, processes=2)
    seen = [len(next(course).results), len(next(course).results)]
    # in these words joblib's own thread says that a process ended idle just as work came: an error would end the thread
    warnings.warn("A worker stopped while some jobs were given to the executor.", UserWarning, stacklevel=1)
    course.close()
    assert seen == [0, 1]
