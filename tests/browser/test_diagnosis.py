"""The tab Diagnosis as a person meets it: a quick look, a finding unfolded, and nothing that a name could do."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser
CODE = """
import workbench as wb
x = wb.load_images("digits").subset(rows=range(120))
names = ["<b>odd" if k < 5 else "even & so" for k in x.labels()]
images = wb.load_images(([x.pixels(row) for row in range(120)], names), valid=0.4)
backbone = {"name": "test_resnet", "params": {"pretrained": False, "size": 32}}
bench = wb.Workbench(images, backbone, tuning="full")
bench.launcher.settings.schedule.value = {**bench.launcher.settings.schedule.value, "lr": 1.0}
bench.show_tab("Diagnosis")
bench
"""


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook of one cell, run."""
    lab.write("diagnosis.ipynb", tab=CODE)
    lab.open("diagnosis.ipynb")
    assert lab.run_all() == []
    return lab


def test_a_quick_look_is_started_read_and_unfolded(notebook):
    cell = notebook.cell("tab")
    cell.get_by_label("depth", exact=True).select_option("quick, without experiments")
    cell.get_by_role("button", name="Diagnose", exact=True).click()
    cell.get_by_text("There is no transfer").wait_for(timeout=60_000)
    card = cell.locator("details.wb-card").first
    card.locator("summary").click()
    card.get_by_text("No experiment was run").wait_for(timeout=2_000)
    assert cell.get_by_role("button", name="Apply remedy").first.is_disabled()
    cell.locator("svg.wb-figure:visible").first.wait_for(timeout=30_000)
    assert cell.locator("b").count() == 0 and notebook.page_errors == [] and notebook.strangers == []
