"""The registry of scores: what it reads from a docstring, and how the room answers."""

from __future__ import annotations

import pytest

from workbench import scores as room
from workbench.scores.base import COLUMNS, facts


def test_facts_are_the_docstrings_paragraphs():
    def score():
        """Says how much.

        Args:
            x: a number.

        Needs: features, labels.
        Source: Someone 2020.
        Cost: N operations
            and more.
        Breaks: never; ask Someone: he knows.
        """

    assert facts(score) == {
        "needs": "features, labels",
        "source": "Someone 2020",
        "cost": "N operations and more",
        "breaks": "never; ask Someone: he knows",
    }


def test_the_room_lists_its_scores():
    frame = room()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == len(room.scores.classes()) >= 18
    row = frame.set_index("name").loc["leep"]
    assert row["needs"] == "probabilities, labels" and "2002.12462" in row["source"] and row["better"] == "higher"
    assert frame.set_index("name")["better"]["proxy_a_distance"] == "lower"


def test_a_score_is_the_rooms_attribute():
    assert room.leep is room.scores["leep"]
    assert "h_score" in dir(room) and "Moments" in dir(room)
    with pytest.raises(AttributeError, match="did you mean logme"):
        getattr(room, "log_me")  # noqa: B009
