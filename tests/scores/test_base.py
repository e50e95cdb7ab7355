"""The registry of scores: what it reads from a docstring, and how the room answers."""

from __future__ import annotations

import pytest

from workbench import scores as room
from workbench.scores.base import SCORE_COLUMNS, parse_docstring_facts


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

    assert parse_docstring_facts(score) == {
        "needs": "features, labels",
        "source": "Someone 2020",
        "cost": "N operations and more",
        "breaks": "never; ask Someone: he knows",
    }


def test_the_room_lists_its_scores():
    frame = room.scores.describe()
    assert room.list_scores() == frame["name"].tolist()
    assert tuple(frame.columns) == SCORE_COLUMNS
    assert len(frame) == len(room.scores.classes()) >= 18
    row = frame.set_index("name").loc["leep"]
    assert row["needs"] == "probabilities, labels" and "2002.12462" in row["paper"] and row["better"] == "higher"
    assert frame.set_index("name")["better"]["proxy_a_distance"] == "lower"


def test_a_score_is_the_rooms_attribute():
    assert room.leep is room.scores["leep"]
    assert "h_score" in dir(room) and "Moments" in dir(room)
    with pytest.raises(AttributeError, match="did you mean logme"):
        getattr(room, "log_me")  # noqa: B009


def test_a_score_that_takes_no_part_in_rankings_by_default_says_why():
    out = {name: room.scores[name].default for name in room.scores if room.scores[name].default}
    assert set(out) == {"h_score", "n_leep"}
    assert all(reason.startswith("no, since ") for reason in out.values())
