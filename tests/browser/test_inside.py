"""Looking inside as a person does it: a mistake is clicked, a slider leads through the epochs, a picture is turned."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
TRAINED = """
import workbench as wb
images = wb.load_images("digits").subset(rows=range(300))
net = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}
run = wb.fit(wb.Plan(net, images, epochs=2, snapshots=1, augment="none", precision="fp32"), progress=False)
results = wb.widgets.Results(run)
results.wait()
results
"""
COURSE = """
course = wb.widgets.EmbeddingExplorer(run=run)
course.wait()
course
"""
SETTLED = "node => Number(node.dataset.drawn) > 0"


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook in which something was trained, and looked into."""
    lab.write("inside.ipynb", results=TRAINED, course=COURSE)
    lab.open("inside.ipynb")
    assert lab.run_all() == []
    return lab


def pixels(canvas):
    return canvas.evaluate("node => node.toDataURL()")


def test_a_clicked_mistake_shows_what_the_net_looked_at(notebook):
    cell = notebook.cell("results")
    cards = cell.locator(".wb-mistake-card")
    cards.first.wait_for(timeout=20_000)
    cards.nth(1).focus()
    notebook.page.keyboard.press("Enter")  # by keyboard alone
    maps = cell.locator(".wb-mistake img")
    maps.nth(2).wait_for(timeout=10_000)
    assert cards.nth(1).get_attribute("aria-pressed") == "true"
    said = notebook.python("row = results.mistakes._rows.iloc[1]; print(row.predicted, row.true)").split()
    words = cell.locator(".wb-mistake .wb-strong").all_inner_texts()
    assert words[1:] == [f"saliency for {said[0]}", f"saliency for {said[1]}"]
    assert maps.nth(2).evaluate("node => node.naturalWidth") == 224
    cards.nth(1).click()
    maps.first.wait_for(state="detached", timeout=10_000)
    assert notebook.page_errors == []


def test_a_clicked_cell_of_the_matrix_lists_its_mistakes(notebook):
    cell, page = notebook.cell("results"), notebook.page
    most = "row = results.evaluation.mistakes.groupby(['true', 'predicted']).size().idxmax(); print(*row)"
    true, said = notebook.python(most).split()
    region = cell.locator(f'[data-row="{true}"][data-column="{said}"]')
    heading, every = cell.locator(".wb-mistakes .wb-answer").first, cell.locator(".wb-mistake-card").count()
    region.click()
    cell.get_by_text(f"of {true} predicted as {said}").wait_for(timeout=10_000)
    assert notebook.python("print(results.confusion.selected)") == str({"row": true, "column": said})
    assert region.get_attribute("aria-pressed") == "true"
    assert all(word == true for word in cell.locator(".wb-mistake-card .wb-strong").all_inner_texts())
    page.keyboard.press("Enter")  # the clicked region has the focus
    page.wait_for_function("node => node.textContent.includes('click one')", arg=heading.element_handle())
    cell.get_by_text(f"of {true} predicted as {said}").wait_for(state="detached", timeout=10_000)
    assert cell.locator(".wb-mistake-card").count() == every
    cell.locator('[data-category][data-series="recall"]').first.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    bar = page.evaluate("() => document.activeElement.dataset.category")
    cell.get_by_text(f"of {bar}", exact=False).first.wait_for(timeout=10_000)
    assert notebook.python("print(results.classes.selected['category'])") == bar
    assert notebook.page_errors == []


def test_a_slider_leads_through_the_epochs_and_points_move(notebook):
    cell, page = notebook.cell("course"), notebook.page
    canvas = cell.locator(".wb-cloud-canvas")
    page.wait_for_function(SETTLED, arg=canvas.element_handle())
    before = pixels(canvas)
    slider = cell.get_by_role("slider", name="net")
    assert slider.get_attribute("aria-valuetext") == "after"
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("node => node.dataset.settled > 0", arg=canvas.element_handle(), timeout=20_000)
    assert notebook.python("print(course.net, course.embedding.layer)").startswith("before")
    assert pixels(canvas) != before
    assert cell.locator("[data-of=net] select").input_value() == "before"


def test_a_picture_in_space_is_turned_by_dragging_and_by_keys(notebook):
    cell, page = notebook.cell("course"), notebook.page
    canvas = cell.locator(".wb-cloud-canvas")
    cell.locator("[data-of=space] select").select_option("3")
    cell.locator(".wb-cloud-deep").wait_for(timeout=20_000)
    page.wait_for_timeout(300)
    box, flat = canvas.bounding_box(), pixels(canvas)
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 240, steps=5)
    page.mouse.up()
    page.wait_for_timeout(200)
    dragged = pixels(canvas)
    assert dragged != flat
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert pixels(canvas) != dragged
    page.keyboard.press("0")
    page.wait_for_timeout(200)
    assert pixels(canvas) == flat
    assert notebook.page_errors == [] and notebook.strangers == []
