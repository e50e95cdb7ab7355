"""System information: every entry is a sentence a person can use, and a broken machine does not break it."""

from __future__ import annotations

import http.server
import sys
import threading

import pytest
from huggingface_hub import constants

import workbench as wb
from workbench import _system_info
from workbench._system_info import InfoEntry, SystemInfo


def found(subject: str) -> InfoEntry:
    """One finding of a fresh look."""
    return next(f for f in wb.system_info().entries if f.subject == subject)


@pytest.fixture
def server():
    """A hub on this machine."""

    class Hub(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{hub.server_port}"
        hub.shutdown()


def test_it_says_where_everything_is(home):
    (home / "runs" / "one").mkdir(parents=True)
    (home / "runs" / "one" / "weights").write_bytes(b"x" * 2_500_000)
    checkup = wb.system_info()
    assert list(checkup.frame.columns) == ["subject", "value", "advice"]
    subjects = [f.subject for f in checkup.entries]
    for subject in ("workbench", "Python", "packages", "processor", "memory", "home", "disk", "hub cache", "hub"):
        assert subject in subjects
    assert found("home").value == str(home)
    assert found("home/runs").value == "2.5 MB in 1 entry"
    assert f"torch {sys.modules['torch'].__version__.split('+')[0]}" in found("packages").value


def test_it_is_quiet_when_told_to_be_offline(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(_system_info.urllib.request, "urlopen", lambda *_, **__: pytest.fail("asked the network"))
    assert found("hub").value.startswith("not contacted")


def test_it_asks_the_hub(monkeypatch, server):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", server)
    assert found("hub") == InfoEntry("hub", found("hub").value, "")
    assert "answers in" in found("hub").value


def test_a_hub_out_of_reach_is_said_with_what_to_do(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "does not answer" in found("hub").value
    assert "the zoo" in found("hub").advice


def test_what_is_not_installed_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(_system_info, "LAB_PACKAGES", ("a-package-of-nowhere",))
    assert found("notebooks").advice.startswith("not installed: a-package-of-nowhere; python -m pip install")


def test_a_broken_installation_is_reported_not_raised(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert found("devices").value.startswith("not inspected:")
    assert found("memory").value


def test_a_home_that_cannot_be_made_is_said(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "file" / "home"))
    assert "cannot be made" in found("home").value
    assert "WORKBENCH_HOME" in found("home").advice


def test_little_room_is_said(monkeypatch):
    monkeypatch.setattr(_system_info, "MIN_FREE_GB", 1e9)
    assert "delete runs or caches" in found("disk").advice


def test_names_from_the_disk_are_text_not_markup(home):
    (home / "<img src=x onerror=alert(1)>").mkdir()
    page = wb.system_info()._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page


def test_what_is_to_do_stands_under_its_finding():
    checkup = SystemInfo((InfoEntry("disk", "1 GB"), InfoEntry("hub", "silent", "connect")))
    assert str(checkup) == "disk  1 GB\nhub   silent\n      → connect"
    assert checkup.advice == ("connect",)


def test_counting_a_large_folder_ends_in_time(monkeypatch, tmp_path):
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"x" * 10)
    assert _system_info.format_folder_size(tmp_path) == "0.0 MB"
    monkeypatch.setattr(_system_info, "SIZE_TIMEOUT_S", -1.0)
    assert _system_info.format_folder_size(tmp_path).startswith("more than")
