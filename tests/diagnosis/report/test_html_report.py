"""The report: one file that needs nothing beside it, holds everything, and takes names as text."""

from __future__ import annotations

import dataclasses
import json
import re
from html import unescape
from html.parser import HTMLParser

import pandas as pd
import pytest

import workbench as wb
from workbench.diagnosis.report import html
from workbench.diagnosis.report.negative_transfer_set import build_negative_transfer_set
from workbench.diagnosis.report.plan_diff import diff_plans
from workbench.errors import BadData

VOID = {"meta", "img", "br", "link", "use", "path", "line", "rect"}
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "action"}


class Page(HTMLParser):
    """Parsed page: its text, its elements, and the addresses that they would fetch."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.fetched, self.crooked = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in FETCHING]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.crooked.append(tag)

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def found(diagnosed, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(diagnosed[1]))
    return diagnosed[0]


def test_one_file_with_everything_in_it(found, tmp_path):
    file = found.report(tmp_path / "out.html")
    page = Page(file.read_text(encoding="utf-8"))
    assert page.crooked == [] and page.open == [], "every element is closed"
    first = found.findings[0]
    assert (
        html._to_sentence(first.problem, full_stop=False) in page.text and "With the fix, the plan gains" in page.text
    )
    assert "schedule.lr 1 0.001" in page.text, "what the remedy changes"
    assert any(f"predicted: {name}" in page.text for name in found.plan.backbone.params["classes"])
    assert "from scratch" in page.text
    shown = min(8, len(found.negative_transfer_set))
    assert page.tags.count("img") == 3 * shown, "each picture, and where either net looks"
    assert page.tags.count("svg") >= 4 and page.tags.count("details") == len(found.findings) + 3
    assert all(cause in page.text for cause in found.cause_table["cause"])
    plans = [json.loads(unescape(text)) for text in re.findall(r"<pre>(.*?)</pre>", file.read_text(), re.S)]
    assert [p["schedule"]["lr"] for p in plans] == [1.0, found.remedy.schedule.lr]


def test_nothing_is_fetched_and_nothing_runs(found, tmp_path):
    text = found.report(tmp_path / "out.html", n_images=2).read_text(encoding="utf-8")
    page = Page(text)
    assert {value.split(",")[0] for value in page.fetched} - {"data:image/png;base64"} == {
        value for value in page.fetched if value.startswith("#")
    }
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    assert "default-src 'none'" in text and not re.search(r"url\((?!#)|@import|https?://", text)
    names = re.findall(r'\bid="([^"]+)"', text)
    assert all(f'id="{name[1:]}"' in text for name in page.fetched if name.startswith("#")) and names


def test_names_are_text(found, tmp_path):
    text = found.report(tmp_path / "out.html").read_text(encoding="utf-8")
    page = Page(text)
    assert not {"b", "i"} & set(page.tags) and "<b>x" in page.text and 'a & "b"' in page.text
    evil = "<img src=x onerror=alert(1)>"
    finding = dataclasses.replace(
        found.findings[0], cause=evil, problem=evil, summary=evil, advice=evil, numbers={evil: 1.0}
    )
    frame = pd.DataFrame({evil: [evil], "n": [1.0]})
    bad = dataclasses.replace(found, notes=(evil,), findings=(dataclasses.replace(finding, frames={evil: frame}),))
    assert Page("".join((html.render_verdict(bad), html.render_finding(bad, 0)))).tags.count("img") == 0


def test_a_quick_look_is_a_report_too(found, tmp_path):
    bare = dataclasses.replace(found, controls=None, stages=None, findings=(), answer="not asked", notes=("a <b>note",))
    page = Page(bare.report(tmp_path / "quick.html").read_text(encoding="utf-8"))
    assert "No cause is likely" in page.text and "A quick look trains no controls" in page.text
    assert "A <b>note." in page.text and "img" not in page.tags


def test_the_set_that_is_harmed_shows_either_net_and_does_without_them(found, monkeypatch, tmp_path):
    shown = build_negative_transfer_set(found, 2)
    assert list(shown.saliency_maps) == ["from scratch", "your plan"] and len(shown.pictures) == 2
    assert shown.saliency_maps["from scratch"].frame["predicted"].tolist() == shown.frame["true"].tolist()
    assert shown.saliency_maps["your plan"].frame["predicted"].tolist() == shown.frame["predicted"].tolist()
    assert shown.saliency_maps["your plan"].frame["id"].tolist() == shown.frame["id"].tolist()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    alone = build_negative_transfer_set(found, 2)
    assert len(alone.pictures) == 2 and not alone.saliency_maps and "runs of these nets are gone" in alone.note
    gone = dataclasses.replace(found, plan=found.plan.replace(data=str(tmp_path / "moved")))
    assert "cannot be shown" in build_negative_transfer_set(
        gone, 2
    ).note and "called" not in html.render_negative_transfer_set(build_negative_transfer_set(gone, 2))


def test_it_stands_after_saving_and_opening(found, tmp_path):
    again = wb.Diagnosis.open(found.save(tmp_path / "kept"))
    assert diff_plans(again.plan, again.findings[0].trial.plan) == diff_plans(found.plan, found.findings[0].trial.plan)
    assert Page(again.report(tmp_path / "a.html").read_text()).tags.count("svg") >= 4


def test_a_folder_that_is_not_there_is_refused(found, tmp_path):
    with pytest.raises(BadData, match="cannot be written"):
        found.report(tmp_path / "nowhere" / "out.html", n_images=0)


def test_what_is_told_can_stop_it(found):
    told, stopped = [], []

    def tell(words, done):
        told.append((words, done))
        if "what if this is fixed" in words:
            stopped.append(words)
            raise KeyboardInterrupt

    # what was trained before is read, so that this takes a moment
    half = wb.diagnose(found.plan, seeds=1, minutes=1, progress=tell, weight_decay=0.02)
    assert stopped and any("it was stopped" in note for note in half.notes)
    assert half.controls is not None and [w for w, _ in told if w.startswith("checking whether the learning rate")]
    done = [d for _, d in told]
    assert done[-1] >= 3 and min(done) == 0.0


def test_without_time_there_is_still_an_answer(found):
    hurried = wb.diagnose(found.plan, seeds=1, minutes=1e-9, progress=False, weight_decay=0.03)
    assert {"your plan", "from scratch"} <= set(hurried.controls.outcomes) and "There is" in hurried.verdict
