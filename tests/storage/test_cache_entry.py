"""Entries of the activation cache: whole rows or none, across processes, kills and lack of room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from workbench.storage import cache_entry as entries
from workbench.storage.cache_entry import CacheFull, EntrySpec

KIND = EntrySpec(((2, 3), (4,)), "float16", 50, {"net": "n", "cut": "after layer1", "images": "i", "view": "v"})


def numbers(rows):
    """Tensors whose values say which row they are."""
    rows = torch.as_tensor(rows, dtype=torch.float32)
    return [rows[:, None, None].expand(-1, 2, 3) + 0.25, rows[:, None].expand(-1, 4) * 2]


def filled(rows, key="k"):
    entry = entries.create_entry(key, KIND, 50)
    rows = np.array(rows)
    entry.write(rows, entries.flatten_tensors(numbers(rows), torch.float16))
    return entry


def test_rows_come_back_as_they_were(home):
    entry = filled([3, 7, 49])
    assert entry.is_stored(np.array([3, 4, 49])).tolist() == [True, False, True]
    back = entry.unflatten(entry.read(np.array([49, 3])))
    for a, b in zip(back, numbers([49, 3]), strict=True):
        assert a.dtype == torch.float16 and torch.equal(a.float(), b)


def test_a_row_is_flagged_only_when_it_is_on_disk(home):
    entry = filled([3, 7])
    other = entries.open_entry("k")
    assert not other.is_stored(np.array([3, 7])).any()
    entry.flush()
    assert other.is_stored(np.array([3, 7, 8])).tolist() == [True, True, False]
    assert torch.equal(other.unflatten(other.read(np.array([7])))[1].float(), numbers([7])[1])


def test_what_another_process_wrote_stays(home):
    first, second = filled([5]), entries.open_entry("k")
    first.flush()
    second.write(np.array([5, 6]), entries.flatten_tensors(numbers([9, 6]), torch.float16))
    assert second.unflatten(second.read(np.array([5, 6])))[1][:, 0].tolist() == [10, 12]


WRITER = """
import os, sys, signal
import numpy as np, torch
from tests.storage.test_cache_entry import KIND, numbers
from workbench.storage import cache_entry as entries
entry = entries.create_entry("k", KIND, 50)
for row in range(50):
    entry.write(np.array([row]), entries.flatten_tensors(numbers([row]), torch.float16))
    if row % 5 == 4:
        entry.flush()
    if row == 33 and sys.argv[1] == "die":
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="kills as POSIX does")
def test_a_kill_loses_rows_but_tears_none(home):
    script = textwrap.dedent(WRITER)
    done = subprocess.run([sys.executable, "-c", script, "die"], capture_output=True, text=True, cwd=os.getcwd())
    assert "dying" in done.stdout, done.stderr
    entry = entries.open_entry("k")
    has = entry.is_stored(np.arange(50))
    assert has[:30].all() and not has[34:].any()
    rows = np.flatnonzero(has)
    assert torch.equal(entry.unflatten(entry.read(rows))[1].float(), numbers(rows)[1])
    pair = [subprocess.Popen([sys.executable, "-c", script, "live"], cwd=os.getcwd()) for _ in range(2)]
    assert [process.wait() for process in pair] == [0, 0]
    entry = entries.open_entry("k")
    assert entry.is_stored(np.arange(50)).all()
    assert torch.equal(entry.unflatten(entry.read(np.arange(50)))[1].float(), numbers(range(50))[1])


def test_a_half_made_entry_is_made_anew(home):
    (entries.get_cache_folder() / "k").mkdir()
    assert entries.open_entry("k") is None
    filled([1]).flush()
    (entries.get_cache_folder() / "k" / entries.META).write_text("{")
    assert entries.open_entry("k") is None and not filled([2]).is_stored(np.array([1])).any()


def test_an_entry_of_an_older_version_opens(home):
    filled([3]).flush()
    words = {"net": "n", "cut": "after layer1", "images": "i", "view": "v"}
    old = {"shapes": [[2, 3], [4]], "dtype": "float16", "images": 50, "words": words}
    path = entries.get_cache_folder() / "k" / entries.META
    assert json.loads(path.read_text()) == old
    path.write_text(json.dumps(old))
    assert entries.open_entry("k").spec == KIND and entries.open_entry("k").n_stored == 1


def test_the_entry_used_longest_ago_makes_room(home, monkeypatch):
    old, new = filled(range(50), "old"), filled(range(50), "new")
    for entry, day in ((old, 1), (new, 2)):
        entry.flush()
        os.utime(entry.folder / "used", (day * 86400, day * 86400))
    used = sum(s.stat().st_blocks * 512 for e in (old, new) for s in e.folder.iterdir())
    monkeypatch.setenv("WORKBENCH_STORE_GB", str(used / 1e9))
    filled([0], "newest")
    assert entries.open_entry("old") is None and entries.open_entry("new") is not None
    assert torch.equal(old.unflatten(old.read(np.array([7])))[1].float(), numbers([7])[1]), (
        "whoever has it open reads on"
    )


def test_without_disk_the_rows_are_kept_in_memory_and_without_memory_not_at_all(home, monkeypatch):
    monkeypatch.setenv("WORKBENCH_STORE_GB", "0")
    entry = filled([4])
    assert entry.folder is None and entry.is_stored(np.array([4, 5])).tolist() == [True, False]
    assert torch.equal(entry.unflatten(entry.read(np.array([4])))[1].float(), numbers([4])[1])
    huge = EntrySpec(((1 << 20,),), "float32", 1 << 22, {})
    with pytest.raises(CacheFull, match="share of disk and memory"):
        entries.create_entry("huge", huge, huge.n_images)


def test_the_precision_holds_the_numbers():
    small, large = [torch.ones(2, 3)], [torch.ones(2, 3), torch.full((2, 1), 1e6)]
    assert (
        entries.choose_storage_dtype(small, "auto") == "float16"
        and entries.choose_storage_dtype(large, "auto") == "bfloat16"
    )
    assert entries.choose_storage_dtype([t.bfloat16() for t in small], "auto") == "bfloat16", "as it is computed"
    assert (
        entries.choose_storage_dtype(large, "fp32") == "float32"
        and entries.choose_storage_dtype(large, "fp16") == "float16"
    )
    assert entries.flatten_tensors(large, torch.float16).isfinite().all()
