"""Durations and memory as a person says them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds in one or two units: "0.4 s", "12 s", "3 min", "1 h 20 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def memory(size: float) -> str:
    """Bytes in GB, or in MB below a tenth of one: "0.4 GB", "15 GB", "82 MB"."""
    if size < 0.95e8:
        return f"{size / 1e6:.0f} MB"
    return f"{size / 1e9:.1f} GB" if size < 9.95e9 else f"{size / 1e9:.0f} GB"
