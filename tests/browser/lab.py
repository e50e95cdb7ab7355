"""JupyterLab in headless Chromium, as a person uses it: open a notebook, run it, click, look."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# only loopback resolves, so that what Chromium itself asks for at home goes nowhere either
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
]
NOTEBOOK = "window.jupyterapp?.shell?.currentWidget"
ERRORS = f"""() => {NOTEBOOK}.content.widgets.flatMap((cell, place) =>
  (cell.model.type === 'code' ? cell.model.outputs.toJSON() : [])
    .filter(out => out.output_type === 'error')
    .map(out => `cell ${{place}}: ${{out.ename}}: ${{out.evalue}}`))"""


class Lab:
    """A JupyterLab on a folder and one page that looks at it; every request of the page is written down.

    Args:
        folder: what Lab opens.
        scratch: an empty folder for settings, logs and the browser's profile.
        home: where the workbench keeps runs and caches.
    """

    def __init__(self, folder: Path, scratch: Path, home: Path) -> None:
        self.folder, self.scratch = folder, scratch
        self.token = secrets.token_hex(16)
        self.requests: list[str] = []
        self.page_errors: list[str] = []
        self.environment = {
            **os.environ,
            **{f"JUPYTER_{kind}_DIR": str(scratch / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")},
            "JUPYTERLAB_SETTINGS_DIR": str(scratch / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(scratch / "workspaces"),
            "IPYTHONDIR": str(scratch / "ipython"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "JUPYTER_TOKEN": self.token,
            "HF_HUB_OFFLINE": "1",
            "WORKBENCH_HOME": str(home),
        }

    def __enter__(self) -> Lab:
        try:
            self._start_server()
            self._start_browser()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # ---------------------------------------------------------------- notebook

    @property
    def strangers(self) -> list[str]:
        """Requests, web sockets included, whose host is not this machine."""
        parts = [(urlsplit(url), url) for url in self.requests]
        return [
            url
            for part, url in parts
            if part.scheme in ("http", "https", "ws", "wss") and part.hostname not in LOOPBACK
        ]

    def write(self, name: str, **cells: str) -> None:
        """A notebook of code cells in the folder that Lab opens, by their ids."""
        blank = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        made = [{**blank, "id": key, "source": source} for key, source in cells.items()]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        text = json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5})
        (self.folder / name).write_text(text)

    def open(self, name: str, timeout: float = 90) -> None:
        """Opens a notebook and waits for its kernel."""
        self.page.goto(f"{self.url}/lab/tree/{name}?token={self.token}", wait_until="domcontentloaded")
        # Lab first brings back the notebook that was open before
        self.page.wait_for_function(f"name => {NOTEBOOK}?.context?.path === name", arg=name, timeout=1000 * timeout)
        self._ready(timeout)

    def reload(self, timeout: float = 90) -> None:
        """Saves the notebook and loads the page anew; the kernel lives on."""
        self.command("docmanager:save")
        self.page.reload(wait_until="domcontentloaded")
        self._ready(timeout)

    def command(self, name: str, **arguments: object) -> None:
        """Carries out one of Lab's commands and waits for its end."""
        self.page.evaluate("([name, given]) => window.jupyterapp.commands.execute(name, given)", [name, arguments])

    def run_all(self, timeout: float = 150) -> list[str]:
        """Runs every cell; the errors, by cell, of which the first ended the run."""
        self.page.evaluate(
            "() => { window.over = false; window.jupyterapp.commands.execute('notebook:run-all-cells')"
            ".finally(() => { window.over = true; }); }"
        )
        # asking at every frame, as is the default, would keep the page drawing while the cells compute
        self.page.wait_for_function("() => window.over", timeout=1000 * timeout, polling=250)
        return self.page.evaluate(ERRORS)

    def cell(self, name: str) -> Locator:
        """The cell of that id, with its outputs, scrolled into view."""
        place = self.page.evaluate(
            f"name => {NOTEBOOK}.content.widgets.findIndex(cell => cell.model.id === name)", name
        )
        assert place >= 0, f"the notebook has no cell {name}"
        found = self.page.locator(".jp-NotebookPanel:visible .jp-Notebook .jp-Cell").nth(place)
        found.scroll_into_view_if_needed()
        return found

    def python(self, code: str) -> str:
        """What `code` prints in the notebook's kernel."""
        return self.page.evaluate(
            f"""async code => {{
              let text = '';
              const future = {NOTEBOOK}.sessionContext.session.kernel.requestExecute({{code, store_history: false}});
              future.onIOPub = m => {{ text += m.content.text ?? (m.content.traceback ?? []).join('\\n'); }};
              await future.done;
              return text.trim();
            }}""",
            code,
        )

    def _ready(self, timeout: float) -> None:
        self.page.wait_for_function(
            f"() => {NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle' && {NOTEBOOK}.context.isReady",
            timeout=1000 * timeout,
        )

    # ---------------------------------------------------------------- server and browser

    def _start_server(self, timeout: float = 90) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}"),
            *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.folder}", "--ServerApp.allow_root=True"),
            *("--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None", "--LabApp.extension_manager=readonly"),
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            f"--FileCheckpoints.checkpoint_dir={self.scratch / 'checkpoints'}",
        ]
        self.log = self.scratch / "lab.log"
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        end = time.monotonic() + timeout
        while not self._answers():
            if self.server.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        asked = urllib.request.Request(f"{self.url}/api/status", headers={"Authorization": f"token {self.token}"})
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(asked, timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def _start_browser(self) -> None:
        self.playwright = sync_playwright().start()
        self.context = self.playwright.chromium.launch_persistent_context(
            str(self.scratch / "profile"),
            executable_path=CHROMIUM,
            args=FLAGS,
            headless=True,
            viewport={"width": 1400, "height": 1000},
        )
        self.page: Page = self.context.pages[0]
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.page_errors.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())

    def close(self) -> None:
        """Ends browser, server and kernels."""
        if hasattr(self, "context"):
            self.context.close()
        if hasattr(self, "playwright"):
            self.playwright.stop()
        server = getattr(self, "server", None)
        if server is not None and server.poll() is None:
            server.terminate()  # Lab shuts its kernels down
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
