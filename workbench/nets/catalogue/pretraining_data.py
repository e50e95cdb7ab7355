"""Pretraining data of published weights, parsed from timm's tags (`augreg_in21k_ft_in1k`)."""

from __future__ import annotations

NONE = "none"
UNKNOWN = "unknown"

# words of tags that name data; two words where one alone is ambiguous
DATASET_NAMES = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "inw21k": "ImageNet-21k (winter)",
    "laion2b": "LAION-2B",
    "laion400m": "LAION-400M",
    "laiona": "LAION-Aesthetic",
    "datacompxl": "DataComp-XL",
    "datacomp1b": "DataComp-1B",
    "dfn2b": "DFN-2B",
    "dfn5b": "DFN-5B",
    "dfndr2b": "DFNDR-2B",
    "webli": "WebLI",
    "metaclip 400m": "MetaCLIP-400M",
    "metaclip 2pt5b": "MetaCLIP-2.5B",
    "metaclip2 worldwide": "MetaCLIP 2 worldwide",
    "openai": "OpenAI CLIP (400M pairs)",
    "yfcc100m": "YFCC-100M",
    "yfcc15m": "YFCC-15M",
    "cc12m": "CC-12M",
    "ig1b": "Instagram-1B",
    "seer": "Instagram (SEER)",
    "swag": "Instagram (SWAG)",
    "jft": "JFT-300M",
    "merged2b": "Merged-2B",
    "m30m": "Merged-30M",
    "m38m": "Merged-38M",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "sat493m": "SAT-493M",
    "sa1b": "SA-1B",
    "bamboo": "Bamboo",
    "inat": "iNaturalist",
    "inat21": "iNaturalist 2021",
}
FINE_TUNING_WORDS = ("ft", "lc")  # fine-tuned; a linear classifier on frozen features
# methods whose published weights were trained on ImageNet-1k without labels; used where the tag names no data
SELF_SUPERVISED_DATA = {"dino": "ImageNet-1k (DINO)", "mae": "ImageNet-1k (MAE)", "fcmae": "ImageNet-1k (FCMAE)"}


def describe_pretraining_data(tag: str) -> str:
    """Convert a tag to readable text: data of one training joined by +, of later fine-tuning by →.

    Args:
        tag: part of a timm name after the dot; empty text is read as unknown.

    Returns:
        text such as `LAION-2B → ImageNet-12k → 1k`; `unknown` where the tag names no data.
    """
    before, fine_tuned, after = _split_at_fine_tuning(tag.split("_"))
    first = _find_dataset_names(before) or [
        SELF_SUPERVISED_DATA[word] for word in before if word in SELF_SUPERVISED_DATA
    ]
    then = _find_dataset_names(after)
    if fine_tuned and not first and before:
        first = [UNKNOWN]
    steps = ([" + ".join(_shorten_dataset_names(first))] if first else []) + then
    return " → ".join(_shorten_dataset_names(steps)) or UNKNOWN


def _split_at_fine_tuning(words: list[str]) -> tuple[list[str], bool, list[str]]:
    index = next((i for i, word in enumerate(words) if word in FINE_TUNING_WORDS), None)
    if index is None:
        return words, False, []
    return words[:index], True, words[index + 1 :]


def _find_dataset_names(words: list[str]) -> list[str]:
    """Find the data sets that words name, in order, each once."""
    names = [
        DATASET_NAMES.get(f"{one} {two}") or DATASET_NAMES.get(one)
        for one, two in zip(words, [*words[1:], ""], strict=False)
    ]
    return list(dict.fromkeys(name for name in names if name))


def _shorten_dataset_names(steps: list[str]) -> list[str]:
    """Shorten `ImageNet-12k, ImageNet-1k` to `ImageNet-12k, 1k`; equal neighbors appear once."""
    shortened: list[str] = []
    for before, step in zip(["", *steps], steps, strict=False):
        if step == before:
            continue
        last = before.rpartition(" → ")[2].rpartition(" + ")[2]
        shortened.append(step.removeprefix("ImageNet-") if last.startswith("ImageNet-") else step)
    return shortened
