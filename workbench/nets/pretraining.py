"""What weights were trained on, read from the words of timm's tags (`augreg_in21k_ft_in1k`)."""

from __future__ import annotations

NONE = "none"
UNKNOWN = "unknown"

# words of tags that name data; two words where one alone says too little
DATA = {
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
LATER = ("ft", "lc")  # fine-tuned; a linear classifier on frozen features
# methods whose published weights learnt from ImageNet-1k without labels; they count where the tag names no data
UNLABELLED = {"dino": "ImageNet-1k (DINO)", "mae": "ImageNet-1k (MAE)", "fcmae": "ImageNet-1k (FCMAE)"}


def read(tag: str) -> str:
    """A tag as readable text: data of one training joined by +, of later fine-tuning by →.

    Args:
        tag: what stands behind the dot of a timm name; empty text is read as unknown.

    Returns:
        such as `LAION-2B → ImageNet-12k → 1k`; `unknown` where the tag does not say.
    """
    before, fine_tuned, after = _halves(tag.split("_"))
    first = _named(before) or [UNLABELLED[word] for word in before if word in UNLABELLED]
    then = _named(after)
    if fine_tuned and not first and before:
        first = [UNKNOWN]
    steps = ([" + ".join(_short(first))] if first else []) + then
    return " → ".join(_short(steps)) or UNKNOWN


def _halves(words: list[str]) -> tuple[list[str], bool, list[str]]:
    place = next((i for i, word in enumerate(words) if word in LATER), None)
    if place is None:
        return words, False, []
    return words[:place], True, words[place + 1 :]


def _named(words: list[str]) -> list[str]:
    """The data that words name, in order, each once."""
    found = [DATA.get(f"{one} {two}") or DATA.get(one) for one, two in zip(words, [*words[1:], ""], strict=False)]
    return list(dict.fromkeys(name for name in found if name))


def _short(steps: list[str]) -> list[str]:
    """`ImageNet-12k, ImageNet-1k` as `ImageNet-12k, 1k`; equal neighbours once."""
    told: list[str] = []
    for before, step in zip(["", *steps], steps, strict=False):
        if step == before:
            continue
        last = before.rpartition(" → ")[2].rpartition(" + ")[2]
        told.append(step.removeprefix("ImageNet-") if last.startswith("ImageNet-") else step)
    return told
