"""A method is understood from few files: all that it names, followed to the end, without the registry."""

from __future__ import annotations

import pytest

from tests.reading_distance import follow, measure

METHODS = {
    "DANN": ("strategies.domain.dann", "DANN"),
    "L2-SP": ("strategies.finetune.l2_sp", "L2SP"),
    "LEEP": ("scores.predictions._leep", "leep"),
    "Grad-CAM": ("probes.maps.grad_cam", "GradCam"),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_read_in_four_files_and_250_lines(name):
    files, lines = measure(*METHODS[name])
    assert files <= 4 and lines <= 250, (files, lines, sorted(follow(*METHODS[name])))


def test_what_a_method_names_is_followed():
    found = {name for _, name in follow(*METHODS["DANN"])}
    assert {"DANN", "Strategy", "reverse_gradient", "supervised_losses"} <= found
