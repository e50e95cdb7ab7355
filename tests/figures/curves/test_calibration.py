from types import SimpleNamespace

import numpy as np
import pytest

from workbench.figures import reliability_diagram


def sure(confidence, right, count):
    p = np.tile([confidence, 1 - confidence], (count, 1))
    labels = np.array([0] * right + [1] * (count - right))
    return p, labels


def test_the_error_is_the_mean_gap():
    figure = reliability_diagram(*sure(0.9, 60, 100))
    assert "expected calibration error 30.0 %" in figure.layout.annotations[0].text
    assert figure.layout.title.text.replace("<br>", " ") == "Overconfident: 90 % sure on average, 60 % right"


def test_a_calibrated_net_is_said_to_be():
    assert reliability_diagram(*sure(0.8, 80, 100)).layout.title.text.startswith("Well calibrated")


def test_points_and_counts_stand_in_their_bins():
    p = np.concatenate([sure(0.95, 19, 20)[0], sure(0.65, 10, 20)[0]])
    y = np.concatenate([sure(0.95, 19, 20)[1], sure(0.65, 10, 20)[1]])
    net = next(t for t in reliability_diagram(p, y).data if t.name == "net")
    assert list(net.x) == pytest.approx([0.65, 0.95]) and list(net.y) == pytest.approx([0.5, 0.95])
    assert list(reliability_diagram(p, y).data[-1].y) == [20, 20]


def test_full_confidence_falls_into_the_last_bin():
    assert list(reliability_diagram(*sure(1.0, 5, 5)).data[-1].x) == pytest.approx([0.95])


def test_an_evaluation_is_taken():
    p, y = sure(0.9, 9, 10)
    assert reliability_diagram(SimpleNamespace(probabilities=p, labels=y)).to_svg()


def test_shapes_must_match():
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        reliability_diagram(np.ones((3, 2)), np.zeros(2))
