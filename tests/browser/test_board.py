"""The board as a person uses it: rank, sort, take a backbone by a click, run successive halving and stop it."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
CODE = """
import workbench as wb
images = wb.load_images("digits").subset(rows=range(300))
nets = [{"name": name, "params": {"pretrained": False, "size": 32}} for name in ("test_resnet", "test_efficientnet")]
board = wb.widgets.TransferabilityBoard(images, [*nets, "<b>no net</b>"], scores=["logme", "knn"], n_resamples=10)
board
"""


LONG = """
import pandas as pd
rows = pd.DataFrame({"name": ["a"], "value": [-1.0], "low": [-1.5], "high": [-0.5]})
wb.figures.interval_plot(rows, level=0.9, title="a title of four lines, " * 12)
"""


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook of two cells, run."""
    lab.write("board.ipynb", board=CODE, long=LONG)
    lab.open("board.ipynb")
    assert lab.run_all() == []
    return lab


def names(cell):
    return cell.locator("tbody .wb-board-name").all_inner_texts()


def test_a_ranking_is_read_sorted_and_taken_from(notebook):
    cell = notebook.cell("board")
    cell.get_by_role("button", name="Rank").click()
    cell.get_by_role("button", name="Run the short trial").and_(cell.locator(":enabled")).wait_for(timeout=90_000)
    said = notebook.python("print(str(board.ranking.verdict)[1:])").strip()
    assert cell.locator(".wb-title").inner_text()[1:].strip() == said
    assert sum("no net" in name for name in names(cell)) == 1 and cell.locator("tbody b").count() == 0
    head = cell.locator("[data-key=knn]")
    head.click()
    first = names(cell)
    head.click()
    assert names(cell)[:2] == first[1::-1], "the other way round; what failed stays last"
    cell.locator("tbody tr").first.click()
    cell.locator("tbody tr[aria-selected=true]").wait_for(timeout=10_000)
    assert notebook.python("print(board.backbone)").strip() == names(cell)[0]


def test_a_title_of_several_lines_stands_clear_of_what_is_below(notebook):
    cell = notebook.cell("long")
    figure = cell.locator(".main-svg").first
    figure.wait_for(timeout=20_000)
    top, title, below = (
        place.bounding_box() for place in (figure, *map(cell.locator, (".gtitle", ".annotation >> nth=0")))
    )
    assert title["height"] > 70 and title["y"] - top["y"] < 12
    assert title["y"] + title["height"] <= below["y"] + 6, "boxes hold room above and below the letters"


def test_the_short_trial_shows_its_progress_and_can_be_stopped(notebook):
    cell = notebook.cell("board")
    cell.get_by_label("seconds of the short trial").fill("600")
    cell.get_by_role("button", name="Run the short trial").click()
    bar = cell.get_by_role("progressbar")
    bar.and_(cell.locator(":visible")).wait_for(timeout=20_000)
    cell.get_by_role("button", name="Stop").click()
    words = cell.get_by_text("leads successive halving, which was stopped early")
    words.wait_for(timeout=60_000)
    assert notebook.python("print(board.trial.stopped, board.trial.seconds < 300)").split() == ["True", "True"]
    assert notebook.page_errors == [] and notebook.strangers == []
