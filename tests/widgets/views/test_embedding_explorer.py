"""The explorer without a page: pictures, colours, what a page asks and what it selects."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import workbench as wb
from workbench.errors import BadData, BadValue, Unavailable
from workbench.widgets import EmbeddingExplorer
from workbench.widgets.components.color_encoding import encode_colors


@pytest.fixture
def sent(monkeypatch):
    held = []
    monkeypatch.setattr(EmbeddingExplorer, "send", lambda self, content, buffers=None: held.append((content, buffers)))
    return held


@pytest.fixture
def shown(tiny, two_domains, sent):
    made = EmbeddingExplorer(tiny("test_resnet"), two_domains)
    made.wait(60)
    assert made.error == ""
    return made


def points(explorer):
    return np.frombuffer(explorer.xy, np.float32).reshape(-1, 2)


def test_a_net_is_drawn_at_its_last_stage_and_another_on_request(shown, two_domains):
    assert shown.stage == "layer4" and shown.busy == "" and "share the class" in shown.title
    assert np.allclose(points(shown), shown.embedding.points) and len(points(shown)) == len(two_domains)
    assert "PCA of layer4 keeps" in shown.note and "variance" in shown.note
    before = points(shown)
    shown.stage = "layer3"
    shown.wait(60)
    assert shown.embedding.layer == "layer3"
    # turned onto the picture before it, so that points move and are not shuffled
    lined = wb.probes.align_points(points(shown), before)
    assert np.allclose(lined, points(shown), atol=1e-3 * np.ptp(before))
    assert "layer3" in shown.figure().layout.annotations[0].text


def test_colours_follow_columns(shown, tiny):
    codes = np.frombuffer(shown.codes, np.uint16)
    assert shown.palette["names"] == ["left", "middle", "right"] and shown.palette["by"] == "label"
    assert (np.bincount(codes) == shown.palette["counts"]).all()
    assert set(shown.options["colour"]) == {"label", "split", "domain", "correct", "confidence", "predicted"}
    shown.colour = "correct"
    shown.wait(60)
    frame = shown._cloud.frame
    assert shown.palette["names"] == sorted(set(frame["correct"])) and shown.error == ""
    assert (frame["correct"] == np.where(frame["predicted"] == frame["label"], "right", "wrong")).all()
    shown.colour = "confidence"
    shown.wait(60)
    assert shown.palette["ends"] and not shown.palette["names"]
    shown.colour = "domain"
    shown.wait(60)
    assert shown.palette["colours"][:2] == ["#0072B2", "#D55E00"]
    assert list(shown.gaps["stages"]) == ["stem", "layer1", "layer2", "layer3", "layer4"]
    assert 0 <= shown.gaps["stages"]["stem"][0] <= 2
    assert len(shown.figure().data) == 2


def test_a_lasso_gives_a_frame_for_the_next_cell(shown, sent):
    shown.select([5, 3, 90])
    assert shown.selected["row"].tolist() == [5, 3, 90]
    assert shown.selected["id"].tolist() == shown._cloud.frame["id"].iloc[[5, 3, 90]].tolist()
    assert np.allclose(shown.selected[["x", "y"]], points(shown)[[5, 3, 90]])
    content, buffers = sent[-1]
    assert content["kind"] == "chosen" and content["count"] == 3 and len(buffers) == 3
    shown.select([])
    assert len(shown.selected) == 0
    with pytest.raises(BadValue, match="expected rows from 0"):
        shown.select([10_000])


def test_a_page_asks_for_pictures_and_neighbours(shown, sent):
    shown._handle_message(shown, {"kind": "hover", "row": 7}, [])
    content, buffers = sent[-1]
    assert content["rows"] == [7] and Image.open(io.BytesIO(buffers[0])).size == (96, 96)
    assert content["words"][0][0] == shown._cloud.frame["label"][7]
    shown._handle_message(shown, {"kind": "open", "row": 7}, [])
    content, buffers = sent[-1]
    x = wb.extract_features(shown._cloud.choices[shown.net], shown._cloud.images, "layer4").array
    away = np.linalg.norm(x - x[7], axis=1)
    away[7] = np.inf
    assert content["rows"][0] == 7 and content["rows"][1] == int(away.argmin()) and len(buffers) == 13
    count = len(sent)
    shown._handle_message(shown, {"kind": "hover", "row": 10_000}, [])
    assert len(sent) == count and shown.error == ""


def test_points_and_embeddings_alone(toy, tiny, sent):
    many = EmbeddingExplorer(np.random.default_rng(0).normal(size=(1000, 2)), columns={"group": np.arange(1000) % 3})
    assert len(points(many)) == 1000 and many.palette["names"] == ["0", "1", "2"] and not many.pictures
    many._handle_message(many, {"kind": "open", "row": 0}, [])
    assert sent[-1][0]["has"] == [False] * 13
    made = wb.probes.embed(wb.extract_features(tiny("test_resnet"), toy, ["stem", "layer4"]))
    given = EmbeddingExplorer(made, toy)
    assert given.stage == "layer4" and given.options["stage"] == {"": ["stem", "layer4"]}
    assert given.pictures and given.colour == "label"
    given.stage = "stem"
    given.wait(30)
    assert np.allclose(points(given), made["stem"].points)


def test_many_points_are_ready_at_once(sent):
    import time

    rng = np.random.default_rng(0)
    began = time.process_time()
    EmbeddingExplorer(rng.normal(size=(300_000, 2)), columns={"class": np.arange(300_000) % 10})
    assert time.process_time() - began < 2


def test_a_run_shows_its_net_before_and_after(tiny_plan, toy, sent):
    run = wb.fit(tiny_plan(toy, name="test_resnet", epochs=1, tuning="head"), progress=False)
    shown = EmbeddingExplorer(run=run)
    shown.wait(60)
    assert shown.options["net"] == ["before", "after"] and shown.net == "after" and shown.error == ""


def test_images_that_cannot_be_read_are_no_points(tiny, tmp_path, sent):
    rng = np.random.default_rng(0)
    for name in ("<b>cat 🐈", "dog"):
        (tmp_path / name).mkdir()
        for k in range(6):
            Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(tmp_path / name / f"{k} 🙂.png")
    images = wb.load_images(tmp_path)
    (tmp_path / "dog" / "3 🙂.png").write_bytes(b"gone")
    shown = EmbeddingExplorer(tiny("test_resnet", classes=("a", "b")), images)
    shown.wait(60)
    assert shown.error == "" and len(points(shown)) == 11 == len(shown._cloud.frame)
    assert "<b>cat 🐈" in shown.palette["names"], "the page sets names as text"
    shown._handle_message(shown, {"kind": "hover", "row": 8}, [])
    assert "🙂" in sent[-1][0]["words"][0][1]


def test_nothing_yet_and_refusals(tiny, toy, sent):
    empty = EmbeddingExplorer()
    assert "Nothing to explore yet" in empty.note
    with pytest.raises(Unavailable, match="no embedding yet"):
        empty.figure()
    net = tiny("test_resnet")
    with pytest.raises(BadValue, match="nets need images to embed"):
        EmbeddingExplorer(net)
    with pytest.raises(BadValue, match="did you mean tsne"):
        EmbeddingExplorer(net, toy, method="tnse")
    with pytest.raises(BadData, match="the first in row 1"):
        EmbeddingExplorer(np.array([[0, 0], [np.nan, 1]]))
    with pytest.raises(BadValue, match="one per image of"):
        EmbeddingExplorer(np.zeros((5, 2)), toy)
    with pytest.raises(BadValue, match="has 3 values for 5"):
        EmbeddingExplorer(np.zeros((5, 2)), columns={"a": [1, 2, 3]})
    with pytest.raises(BadValue, match="got an empty mapping"):
        EmbeddingExplorer({})
    few = EmbeddingExplorer(net, toy.subset(rows=[0]))
    few.wait(60)
    assert "at least 4 are needed" in few.error and few.busy == ""


def test_equal_points_and_many_classes():
    same = EmbeddingExplorer(np.zeros((10, 2)))
    assert (points(same) == 0).all() and same.palette["counts"] == [10]
    found = encode_colors(np.arange(3000), 3000)
    assert len(found.palette["names"]) == 1001 and found.palette["names"][-1] == "all others"
    assert found.codes.max() == 1000 and found.palette["counts"][-1] == 2000
    ramp = encode_colors(np.array([0.0, np.nan, 1.0]), 3)
    assert ramp.codes.tolist() == [0, 64, 63] and ramp.palette["colours"][64] == "#999999"
    assert encode_colors(np.array([10, 9, 2]), 3).palette["names"] == ["2", "9", "10"]
    assert encode_colors(np.array(["b", None, "a"], object), 3).palette["names"] == ["a", "b", "unknown"]


def test_a_picture_in_space_has_a_third_coordinate(shown):
    assert shown.options["space"] == [["2", "2-D"], ["3", "3-D"]] and shown.z == b""
    shown.space = "3"
    shown.wait(60)
    assert shown.error == "" and shown.embedding.points.shape[1] == 3
    assert np.allclose(np.frombuffer(shown.z, np.float32), shown.embedding.points[:, 2])
    assert np.allclose(points(shown), shown.embedding.points[:, :2])
    assert shown.figure().data[0].type == "scatter3d"
    given = EmbeddingExplorer(np.arange(12.0).reshape(4, 3))
    assert np.frombuffer(given.z, np.float32).tolist() == [2, 5, 8, 11] and given.options["space"] == []
    with pytest.raises(BadValue, match="one of 2, 3; got 4"):
        EmbeddingExplorer(np.zeros((4, 2)), dimensions=4)


@pytest.mark.parametrize("method", ["tsne", "umap"])
def test_a_long_drawing_tells_how_far_it_is_and_stops_where_it_is_told_to(shown, method, monkeypatch):
    monkeypatch.setattr("workbench.widgets.views.embedding_explorer.DRAW_INTERVAL", 0)
    told, moved = [], []
    shown.observe(lambda change: moved.append(change.new), "xy")

    def stop(change):
        told.append((change.new, shown.stoppable))
        if len(told) == 4:
            shown._handle_message(shown, {"kind": "stop"}, [])

    shown.observe(stop, "busy")
    shown.method = method
    shown.wait(60)
    assert shown.error == "" and not shown.embedding.is_complete and shown.embedding.method == method
    assert "Stopped after" in shown.note and (shown.busy, shown.stoppable) == ("", False)
    assert any(" of " in words and "steps" in words for words, _ in told)
    assert len(moved) >= 2, "points move while it is drawn"
    shown.unobserve(stop, "busy")
    shown.draw()  # asked for again, it is drawn to its end
    shown.wait(60)
    assert shown.embedding.is_complete and "Stopped" not in shown.note


def test_the_epochs_of_a_run_move_the_same_points(tiny_plan, toy):
    plan = tiny_plan(toy, name="test_resnet", epochs=2, snapshots=1, lr=3e-3, select="last")
    view = EmbeddingExplorer(run=wb.fit(plan, progress=False))
    view.wait(60)
    assert view.options["net"] == ["before", "epoch 1", "epoch 2", "after"] and view.net == "after"
    for name in ("epoch 1", "before"):
        last = points(view)
        view.net = name
        view.wait(60)
        assert view.error == "" and not np.allclose(points(view), last)
        assert np.allclose(wb.probes.align_points(points(view), last), points(view), atol=1e-3 * np.ptp(last))
    assert "after is" not in view.note
