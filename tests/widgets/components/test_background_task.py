"""Slow work behind a widget: the newest request only."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from workbench.errors import BadValue
from workbench.widgets.components.background_task import BackgroundTask


def test_what_still_waits_when_something_newer_is_asked_is_dropped():
    done, go, started = [], threading.Event(), threading.Event()

    def first():
        started.set()
        go.wait(10)
        done.append("first")

    latest = BackgroundTask(SimpleNamespace(error=""))
    latest.submit(first)
    assert started.wait(10)
    for name in ("second", "third", "last"):
        latest.submit(lambda name=name: done.append(name))
    go.set()
    latest.wait(10)
    assert done == ["first", "last"]


def test_what_a_request_raises_is_shown_and_the_next_still_runs():
    owner, done = SimpleNamespace(error=""), []
    latest = BackgroundTask(owner)

    def refuse():
        raise BadValue("no such net")

    latest.submit(refuse)
    latest.wait(10)
    assert owner.error == "no such net"
    latest.submit(lambda: done.append(1))
    latest.wait(10)
    assert done == [1]
