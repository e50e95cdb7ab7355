"""Classifiers as modules of their own."""

from __future__ import annotations

import torch
from torch import nn

from workbench.nets import heads


def test_the_mean_of_heads_over_one_or_two_inputs():
    one, two = nn.Linear(3, 2), nn.Linear(3, 2)
    x = torch.rand(4, 6)
    torch.testing.assert_close(heads.MeanOfHeads([one, two], [3, 3])(x), (one(x[:, :3]) + two(x[:, 3:])) / 2)
    torch.testing.assert_close(heads.MeanOfHeads([one, two])(x[:, :3]), (one(x[:, :3]) + two(x[:, :3])) / 2)
    assert heads.find_in_features(heads.MeanOfHeads([one, two], [3, 3])) == 6
    assert heads.find_in_features(heads.MeanOfHeads([heads.MeanOfHeads([one, two], [3, 3])])) == 6


def test_weights_of_an_ensemble_are_a_softmax():
    one, two = nn.Linear(3, 2), nn.Linear(3, 2)
    mixed = heads.MeanOfHeads([one, two], [3, 3], nn.Parameter(torch.tensor([0.0, torch.inf])))
    mixed.weights.data = torch.tensor([0.0, 50.0])
    x = torch.rand(4, 6)
    torch.testing.assert_close(mixed(x), two(x[:, 3:]))


class Pooled(nn.Module):
    """A classifier that is a convolution over one pixel, as several nets of timm have."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Conv2d(5, 3, 1)

    def get_classifier(self):
        return self.classifier

    def forward(self, x):
        return self.classifier(x.mean((2, 3), keepdim=True)).flatten(1)


def test_a_convolution_over_one_pixel_is_a_linear_layer():
    model = Pooled()
    x = torch.rand(2, 5, 4, 4)
    expected = model(x)
    head = heads.take_head(model)
    assert isinstance(head, nn.Linear)
    torch.testing.assert_close(head(model(x)), expected)


def test_a_model_without_classifier_has_an_identity():
    model = Pooled()
    model.classifier = nn.Identity()
    assert isinstance(heads.take_head(model), nn.Identity)
