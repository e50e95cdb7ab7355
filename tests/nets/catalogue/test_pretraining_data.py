"""Tags as readable text."""

from __future__ import annotations

import pytest

from workbench.nets.catalogue import pretraining_data


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("tv_in1k", "ImageNet-1k"),
        ("sw_in12k_ft_in1k", "ImageNet-12k → 1k"),
        ("clip_laion2b_augreg_ft_in12k_in1k_384", "LAION-2B → ImageNet-12k → 1k"),
        ("fcmae", "ImageNet-1k (FCMAE)"),
        ("fcmae_ft_in22k_in1k", "ImageNet-1k (FCMAE) → 22k → 1k"),
        ("mae_in1k_ft_in1k", "ImageNet-1k"),
        ("in22k_ft_in22k_in1k", "ImageNet-22k → 1k"),
        ("ns_jft_in1k", "JFT-300M + ImageNet-1k"),
        ("swag_lc_in1k", "Instagram (SWAG) → ImageNet-1k"),
        ("metaclip_2pt5b", "MetaCLIP-2.5B"),
        ("metaclip_400m", "MetaCLIP-400M"),
        ("ft_in1k", "ImageNet-1k"),
        ("clip_ft_in1k", "unknown → ImageNet-1k"),
        ("lvd142m", "LVD-142M"),
        ("v2_webli", "WebLI"),
        ("qwen3_vl_4b", "unknown"),
        ("", "unknown"),
    ],
)
def test_tags_are_read(tag, text):
    assert pretraining_data.describe_pretraining_data(tag) == text
