"""The explorer as a person meets it: hover, click, lasso, another stage; and ten times as many points as wanted."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
CODE = """
import numpy as np, workbench as wb
images = wb.load_images("digits").subset(rows=range(120))
net = wb.load_net("test_resnet", pretrained=False, size=32)
shown = wb.widgets.EmbeddingExplorer(net, images)
shown.wait()
shown
"""
MANY = """
points = np.random.default_rng(0).normal(size=(1_000_000, 2)).astype("f4")
many = wb.widgets.EmbeddingExplorer(points, columns={"<b>class</b>": np.arange(1_000_000) % 3})
many
"""


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook of two cells, run."""
    lab.write("explorer.ipynb", few=CODE, many=MANY)
    lab.open("explorer.ipynb")
    assert lab.run_all() == []
    return lab


def canvas_of(notebook, cell):
    found = notebook.cell(cell).locator(".wb-cloud-canvas")
    found.wait_for(timeout=20_000)
    notebook.page.wait_for_function("node => Number(node.dataset.drawn) > 0", arg=found.element_handle())
    return found


def place_of(notebook, row):
    """Pixels of a point on the page: the whole view, as the widget computes it."""
    box = canvas_of(notebook, "few").bounding_box()
    code = f"""
x = shown.embedding.points[:, :2]; low, high = x.min(0), x.max(0)
half = max((high - low)[1] / 2, (high - low)[0] / 2 * {box["height"]} / {box["width"]}) * 1.06
away = (x[{row}] - (low + high) / 2) * {box["height"]} / (2 * half)
print({box["x"] + box["width"] / 2} + away[0], {box["y"] + box["height"] / 2} - away[1])
"""
    return [float(v) for v in notebook.python(code).split()]


def test_a_point_shows_its_image_and_a_click_its_neighbours(notebook):
    mouse, cell = notebook.page.mouse, notebook.cell("few")
    x, y = place_of(notebook, 7)
    mouse.move(x - 30, y)
    mouse.move(x, y, steps=4)
    tip = cell.locator(".wb-cloud-tip img")
    tip.wait_for(timeout=10_000)
    assert tip.evaluate("node => node.naturalWidth") == 96
    mouse.down()
    mouse.up()
    cell.locator(".wb-cloud-opened").wait_for(timeout=10_000)
    assert cell.locator(".wb-cloud-opened img").count() == 13
    assert notebook.page_errors == []


def test_a_lasso_gives_the_next_cell_a_frame(notebook):
    canvas, page = canvas_of(notebook, "few"), notebook.page
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    corners = [(5, 5), (box["width"] - 5, 5), (box["width"] - 5, box["height"] - 5), (5, box["height"] - 5)]
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    for x, y in [*corners[1:], corners[0]]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=6)
    page.mouse.up()
    page.keyboard.up("Shift")
    notebook.cell("few").get_by_text("120 selected, 24 of them here").wait_for(timeout=10_000)
    assert notebook.python("print(len(shown.selected), shown.selected['label'].nunique())") == "120 10"
    notebook.cell("few").get_by_role("button", name="Clear").click()
    page.wait_for_timeout(300)
    assert notebook.python("print(len(shown.selected))") == "0"


def test_another_stage_is_chosen_and_drawn(notebook):
    notebook.cell("few").locator("[data-of=stage] select").select_option("layer2")
    notebook.cell("few").get_by_text("PCA of layer2 keeps").wait_for(timeout=20_000)
    assert notebook.python("print(shown.embedding.layer)") == "layer2"


def test_a_million_points_are_drawn_and_zoomed(notebook):
    canvas, page = canvas_of(notebook, "many"), notebook.page
    page.wait_for_function("node => node.dataset.drawn === '1000000'", arg=canvas.element_handle(), timeout=20_000)
    assert "<b>" not in notebook.cell("many").locator(".wb-cloud-legend").inner_html()
    canvas.focus()
    page.keyboard.press("+")
    page.wait_for_timeout(500)
    page.wait_for_function("node => node.dataset.drawn === '1000000'", arg=canvas.element_handle(), timeout=20_000)
    assert notebook.page_errors == [] and notebook.strangers == []
