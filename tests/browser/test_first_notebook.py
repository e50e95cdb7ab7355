"""Notebook 00 as a person meets it: run all cells, paint, launch, watch, reload, export. In this order, on one page."""

from __future__ import annotations

import re
import time

import nbformat
import pytest

pytestmark = pytest.mark.browser
NAME = "00_first_transfer.ipynb"
POINTS = (
    """node => [...node.querySelectorAll('polyline.wb-train')].at(-1)?.getAttribute('points').split(' ').length ?? 0"""
)

# a title of the control, of what is around it, or in the label of an ipywidget
WITHOUT_TOOLTIP = """nodes => nodes.filter(node => !node.closest('[title]:not([title=""])')
  && !node.closest('.jupyter-widgets')?.querySelector('.widget-label [title]')).map(node => node.outerHTML)"""


@pytest.fixture(scope="module")
def notebook(lab):
    """The notebook, run from its first cell to its last."""
    lab.open(NAME)
    assert lab.run_all() == []
    return lab


def test_all_cells_run_and_show_what_was_learnt(notebook):
    cells = notebook.cell("results").locator(".wb-regions [data-row]")
    cells.first.wait_for(timeout=20_000)
    assert cells.count() == 10 * 10
    assert re.search(r"\d+\.\d % of 356 validation images correct", notebook.cell("results").inner_text())
    done = notebook.cell("run").locator(".jp-OutputArea-output")
    wait_until(lambda: done.inner_text().endswith(": done"))  # Lab draws an output that was out of view when it is seen
    assert notebook.page_errors == []


def test_a_layer_is_frozen_with_the_mouse(notebook):
    painter = notebook.cell("paint").locator(".wb-painter")
    row = painter.locator(".wb-row", has=notebook.page.get_by_role("rowheader", name="stem,")).locator(".wb-cell")
    assert row.count() == 12
    mouse, keyboard = notebook.page.mouse, notebook.page.keyboard
    row.nth(0).hover()  # scrolls there, and waits until the page stands still
    keyboard.down("Shift")
    mouse.down()
    for place in (3, 7):
        box = row.nth(place).bounding_box()
        mouse.move(box["x"] + 8, box["y"] + 8, steps=8)
    mouse.up()
    keyboard.up("Shift")
    frozen = [0] * 8 + [1] * 4
    wait_until(lambda: notebook.python("print(painter.tuning.name)") == "grid")
    assert notebook.python("print([int(rate) for rate in painter.grid[0]])") == str(frozen)
    assert row.evaluate_all("cells => cells.map(cell => +!cell.classList.contains('wb-frozen'))") == frozen
    # what is painted is what will be launched
    assert notebook.python("print(launcher.plan.tuning == painter.tuning)") == "True"


def test_launching_by_the_button_makes_the_curve_grow(notebook):
    cell = notebook.cell("launcher")
    before = notebook.python("print(launcher.run.name)")
    began = time.monotonic()
    cell.get_by_role("button", name="Launch", exact=True).click()
    wait_until(lambda: notebook.python("print(launcher.run.name)") != before)
    curves, seen = cell.locator(".wb-curves"), []
    while not seen or notebook.python("print(launcher.run.status.state)") != "done":
        seen.append(curves.evaluate(POINTS))
        assert time.monotonic() < began + 90, notebook.python("print(launcher.run.status, launcher.run.log)")
    wait_until(lambda: curves.evaluate(POINTS) >= 12)
    grown = sorted({0, *seen[seen.index(min(seen)) :], curves.evaluate(POINTS)})
    assert len(grown) >= 3, f"the curve stood still: {seen}"
    assert "validation accuracy" in curves.locator(".wb-title").inner_text()
    assert notebook.python(
        "print(launcher.run.frozen_check['unchanged'].all(), list(launcher.run.frozen_check['stage']))"
    ) == ("True ['stem']")


@pytest.mark.parametrize("cell", ["paint", "launcher", "results"])
def test_every_setting_has_a_tooltip(notebook, cell):
    inputs = notebook.cell(cell).locator(".jp-OutputArea-output").locator("select, input")
    assert inputs.count() > 0
    assert inputs.evaluate_all(WITHOUT_TOOLTIP) == []
    if cell == "launcher":
        rate = notebook.cell(cell).get_by_label("learning rate", exact=True)
        tooltip = rate.locator("xpath=../label/span").get_attribute("title")
        assert "learning rate" in tooltip and "Number from 1e-07 to 100" in tooltip


def test_widgets_survive_a_reload_with_the_kernel_alive(notebook):
    notebook.reload()
    painter = notebook.cell("paint").locator(".wb-painter")
    painter.locator(".wb-cell.wb-frozen").first.wait_for(timeout=30_000)
    assert painter.locator(".wb-grid .wb-frozen").count() == 8
    painter.get_by_role("button", name="Undo").click()
    wait_until(lambda: notebook.python("print(painter.tuning)") == "full")
    wait_until(lambda: painter.locator(".wb-grid .wb-frozen").count() == 0)
    curves = notebook.cell("launcher").locator(".wb-curves")
    wait_until(lambda: curves.evaluate(POINTS) >= 12)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_text_is_readable_in_either_theme(notebook, theme):
    notebook.command("apputils:change-theme", theme=theme)
    dark = f"() => document.body.dataset.jpThemeLight === '{str('Light' in theme).lower()}'"
    notebook.page.wait_for_function(dark, timeout=20_000)
    for cell, part in (("paint", ".wb-stage"), ("launcher", ".wb-title"), ("results", ".wb-metrics td")):
        shown = notebook.cell(cell).locator(part).first
        wait_until(lambda shown=shown: contrast(shown) >= 4.5, f"{part} in {theme}")


def test_nothing_left_the_machine(notebook):
    assert len(notebook.requests) > 50
    assert notebook.strangers == []
    assert notebook.page_errors == []


def test_an_exported_page_keeps_its_figures_without_a_network(notebook):
    from nbconvert import HTMLExporter

    notebook.command("docmanager:save")
    saved = nbformat.read(notebook.folder / NAME, as_version=4)
    path = notebook.scratch / "exported.html"
    path.write_text(HTMLExporter().from_notebook_node(saved)[0], encoding="utf-8")
    page = notebook.context.new_page()
    try:
        page.goto(path.as_uri(), wait_until="domcontentloaded")
        drawn = """async node => {
          await node.decode?.();
          const box = node.getBoundingClientRect();
          return [box.width, box.height, node.naturalWidth];
        }"""
        for name in ("look", "painted", "curves", "scratch", "confusion", "mistakes"):
            picture = page.locator(f'[id="cell-id={name}"]').locator("svg, img").first
            width, height, pixels = picture.evaluate(drawn)
            assert width > 200 and height > 100 and pixels != 0, f"{name} shows nothing in the exported page"
    finally:
        page.close()


def contrast(shown) -> float:
    """The contrast of an element's text with what lies behind it, as WCAG counts it."""
    behind, text = shown.evaluate(
        """node => {
          const parts = colour => { const c = document.createElement('canvas').getContext('2d');
            c.fillStyle = colour; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
          let behind = [0, 0, 0, 0];
          for (let at = node; at && behind[3] < 255; at = at.parentElement)
            behind = parts(getComputedStyle(at).backgroundColor);
          return [behind, parts(getComputedStyle(node).color)];
        }"""
    )

    def light(colour):
        linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(behind), light(text)))
    return (high + 0.05) / (low + 0.05)


def wait_until(is_so, what: str = "", timeout: float = 20.0) -> None:
    """Returns as soon as `is_so()`.

    Raises:
        AssertionError: it never was.
    """
    end = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < end, what or "it never came about"
        time.sleep(0.1)
