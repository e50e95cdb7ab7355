"""Counting parameters and multiply-adds, against numbers worked out by hand."""

from __future__ import annotations

import pytest
import timm
import torch
from torch import nn

from workbench.nets.catalogue import size_survey
from workbench.nets.catalogue.size_survey import NetSize, SizeKey


def of(name: str, size: int = 224) -> NetSize:
    return size_survey.measure_size(lambda: size_survey.build_random_net(name), size, size, name)


def test_a_convolution_and_a_linear_layer_are_counted_as_on_paper():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    )
    size = size_survey.measure_size(lambda: net, 32, 32, "small")
    assert size == NetSize(3 * 8 * 9 + 8 + 8 * 10 + 10, 16 * 16 * 8 * 3 * 9 + 8 * 10)


def test_groups_divide_the_work():
    net = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    assert size_survey.count_multiply_adds(net.requires_grad_(False), torch.zeros(1, 8, 4, 4)) == 4 * 4 * 8 * 9


def resnet18_by_hand() -> tuple[int, int]:
    convolutions = [(3, 64, 7, 112)]
    width = 64
    for out, edge in ((64, 56), (128, 28), (256, 14), (512, 7)):
        convolutions += [(width, out, 3, edge)] + [(out, out, 3, edge)] * 3
        if width != out:
            convolutions.append((width, out, 1, edge))
        width = out
    weights = sum(i * o * k * k + 2 * o for i, o, k, _ in convolutions) + 512 * 1000 + 1000
    return weights, sum(i * o * k * k * edge * edge for i, o, k, edge in convolutions) + 512 * 1000


def test_resnet18_agrees_with_its_paper_plan():
    assert of("resnet18") == NetSize(*resnet18_by_hand()) == NetSize(11_689_512, 1_814_073_344)


def test_attention_counts_its_two_products():
    tokens, width, depth = 197, 192, 12
    layer = tokens * width * width * 12 + 2 * tokens * tokens * width
    by_hand = 196 * width * 3 * 16 * 16 + depth * layer + width * 1000
    assert of("vit_tiny_patch16_224").macs == by_hand


def test_a_net_that_reads_values_is_built_for_real():
    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, int(torch.ones(()).item()) * 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x.mean((2, 3)))

    assert size_survey.measure_size(Reads, 8, 8, "reads") == NetSize(8, 6)


def test_a_net_without_a_usable_forward_pass_keeps_its_parameters():
    assert size_survey.measure_size(lambda: nn.Linear(7, 3), 8, 8, "odd") == NetSize(24, None)


def test_measuring_leaves_randomness_and_attention_as_they_were():
    torch.manual_seed(5)
    expected, fused = torch.rand(3), timm.layers.use_fused_attn()
    torch.manual_seed(5)
    of("test_vit", 160)
    assert torch.equal(torch.rand(3), expected) and timm.layers.use_fused_attn() == fused


def test_the_table_comes_back_as_written(tmp_path):
    sizes = {SizeKey("b", 32, 32, 0): NetSize(5, None), SizeKey('["a, b"]', 8, 16, 3): NetSize(1, 2)}
    size_survey.write_size_table(tmp_path / "t.csv", sizes)
    assert size_survey.read_size_table(tmp_path / "t.csv") == sizes
    assert size_survey.read_size_table(tmp_path / "none.csv") == {}


def test_a_survey_measures_only_what_is_missing(tmp_path, monkeypatch):
    small, large = SizeKey("test_vit", 160, 160, 1000), SizeKey("test_resnet", 160, 160, 1000)
    monkeypatch.setattr(size_survey, "list_surveyed_nets", lambda: {small: "test_vit", large: "test_resnet"})
    table = tmp_path / "t.csv"
    size_survey.write_size_table(table, {small: NetSize(1, 1), SizeKey("gone", 1, 1, 1): NetSize(2, 2)})
    assert [name for name, *_ in size_survey.run_survey(table)] == ["test_resnet"]
    assert set(size_survey.read_size_table(table)) == {small, large} and size_survey.read_size_table(table)[
        small
    ] == NetSize(1, 1)


def test_the_shipped_table_is_small_and_covers_this_timm():
    assert size_survey.TABLE_PATH.stat().st_size < 200_000
    sizes = size_survey.read_size_table(size_survey.TABLE_PATH)
    missing = [name for key, name in size_survey.list_surveyed_nets().items() if key not in sizes]
    if timm.__version__ == "1.0.31":
        assert not missing
    assert len(missing) < 0.2 * len(sizes)


@pytest.mark.parametrize("name", ["test_efficientnet", "test_vit", "test_byobnet"])
def test_the_shipped_table_holds_what_is_measured(name):
    config = timm.get_pretrained_cfg(name)
    assert size_survey.read_size_table(size_survey.TABLE_PATH)[size_survey.make_size_key(name, config)] == of(
        name, config.input_size[1]
    )
