"""Real servers and a real Chromium. Without a browser: skipped on a laptop, failed in CI.

``visit`` opens a page on SmolLM2, ``tiny_visit`` one on Tiny GPT-2 of width 2: for whatever is the
same with any model, and takes seconds there.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("PLAYGROUND_TEST_HOME") or ROOT / ".home")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
WAIT = 60_000  # ms; a slow machine decodes slowly, and no test is about seconds
expect.set_options(timeout=WAIT)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`python app.py` on a port of its own, which a restart keeps."""

    def __init__(self, model="smollm2-135m-instruct"):
        self.port, self.process = free_port(), None
        self.url = f"http://127.0.0.1:{self.port}/"
        self.settings = {"PLAYGROUND_HOME": str(HOME), "PLAYGROUND_MODEL": model}
        self.log = tempfile.TemporaryFile("a+")  # noqa: SIM115 - open for as long as the server runs

    def start(self):
        env = os.environ | self.settings | {"GRADIO_SERVER_PORT": str(self.port), "PLAYGROUND_HUB": "off"}
        command = [sys.executable, "app.py"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(3000):
            try:
                assert self.process.poll() is None, "the server ended by itself"
                if urllib.request.urlopen(self.url, timeout=5).status == 200:
                    return self
            except OSError:
                time.sleep(0.1)
        raise TimeoutError("the page did not answer in five minutes")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        print(self.printed())  # pytest shows it beside what failed

    def printed(self):
        """What it has printed by now; it goes on writing at the end."""
        return os.pread(self.log.fileno(), 1_000_000, 0).decode()


@pytest.fixture(scope="session")
def server():
    running = Server().start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def tiny_server():
    """Of a small model; a test may stop and start it."""
    running = Server("tiny-gpt2").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")  # not longer: it holds an event loop (a "package" without __init__ lasts a session)
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    path = path or (MAC if Path(MAC).exists() else None)
    if path is None:
        reason = "no Chromium or Chrome was found: install one to run the browser tests"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


class Visitor:
    """One person at one browser, who notes what the page asks of other hosts or complains of."""

    def __init__(self, browser, server, script="", **context):
        context = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | context
        self.context = browser.new_context(accept_downloads=True, **context)
        self.context.add_init_script(script)
        self.page = self.context.new_page()
        self.server, self.outside, self.errors = server, [], []
        self.page.on("request", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.open()

    def _note(self, request):
        if not request.url.startswith((self.server.url, "data:", "blob:")):
            self.outside.append(request.url)

    def open(self):
        """Open the page, or open it again, and wait until the model has answered."""
        self.page.goto(self.server.url)
        expect(self.page.locator("#chips button").first).to_be_attached(timeout=3 * WAIT)
        expect(self.page.locator("#bars table")).to_be_attached()
        expect(self.page.locator("#token-map svg")).to_be_attached(timeout=3 * WAIT)
        return self.page

    def tab(self, name):
        """Open a tab; on a narrow page it may be in the menu behind the dots."""
        if self.page.get_by_role("tab", name=name).count():
            self.page.get_by_role("tab", name=name).click()
        else:
            self.page.get_by_label("More tabs").click()
            self.page.locator(".overflow-dropdown button", has_text=name).click()


@contextmanager
def visits(browser, server):
    """Inside, a function that opens the page for one more visitor."""
    visitors = []

    def open_page(**context):
        visitors.append(Visitor(browser, server, **context))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        assert visitor.outside == [], "the page asked another host for something"
        assert visitor.errors == []
        visitor.context.close()


@pytest.fixture
def visit(browser, server):
    with visits(browser, server) as open_page:
        yield open_page


@pytest.fixture
def tiny_visit(browser, tiny_server):
    with visits(browser, tiny_server) as open_page:
        yield open_page
