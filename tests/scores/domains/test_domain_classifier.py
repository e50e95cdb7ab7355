"""Two domains as one problem: who is who."""

from __future__ import annotations

import numpy as np

from workbench.scores.domains.domain_classifier import predict_domains


def test_the_source_is_domain_0_and_the_target_domain_1():
    source, target = np.zeros((6, 1)) + np.arange(6)[:, None] / 10, np.full((4, 1), 9.0)
    probability, domain = predict_domains(source, target, 2, 1.0, 0)
    assert domain.tolist() == [0] * 6 + [1] * 4
    assert probability.argmax(1).tolist() == domain.tolist()
