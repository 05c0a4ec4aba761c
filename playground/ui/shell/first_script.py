"""The page's language, settled before any of gradio's own scripts run; and our own script.

gradio picks its language from the browser's when its first module loads, and adds ``head=`` only
later; so a choice that the visitor made has to stand at the very top of the page.
"""

from __future__ import annotations

import json
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.ui.text import TABLES, say

PAGE = Path(__file__).resolve().parents[3] / "assets" / "page.js"
LANGUAGE = b"""<script>
function playgroundLanguage() {
  const chosen = localStorage.getItem('playground-language')
    || new URLSearchParams(location.search).get('language');
  return (chosen || navigator.language || 'en').toLowerCase().startsWith('ko') ? 'ko' : 'en';
}
function playgroundSwitchLanguage() {
  const other = playgroundLanguage() === 'ko' ? 'en' : 'ko';
  localStorage.setItem('playground-language', other);
  if (document.documentElement.classList.contains('no-storage')) {
    location.search = '?language=' + other;
  } else { location.reload(); }
}
(() => {  // a browser may refuse storage inside another site's page: memory stands in
  try { localStorage.getItem(''); } catch (e) {
    const kept = new Map();
    Object.defineProperty(window, 'localStorage', {configurable: true, value: {
      getItem: (key) => kept.get(String(key)) ?? null,
      setItem: (key, value) => { kept.set(String(key), String(value)); },
      removeItem: (key) => { kept.delete(String(key)); },
      clear: () => kept.clear(), key: (n) => [...kept.keys()][n] ?? null,
      get length() { return kept.size; },
    }});
    document.documentElement.classList.add('no-storage');
  }
  const language = playgroundLanguage();
  Object.defineProperty(navigator, 'language', {get: () => language, configurable: true});
  Object.defineProperty(navigator, 'languages', {get: () => [language], configurable: true});
  document.documentElement.lang = language;
})();
</script>"""


def page_script() -> str:
    """``assets/page.js`` with the words that it says."""
    words = {
        language: {
            "title": say(language, "title").splitlines()[0].removeprefix("# "),
            **{name: say(language, name) for name in ("skip", "stale", "stale_questions")},
        }
        for language in TABLES
    }
    return f"<script>\nconst PLAYGROUND_WORDS = {json.dumps(words)};\n{PAGE.read_text(encoding='utf-8')}</script>"


SCRIPT = LANGUAGE + page_script().encode()


class FirstScript:
    """ASGI middleware that puts ``SCRIPT`` right after ``<head>`` of the page at ``/``."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; rewrite the one page."""
        if scope["type"] != "http" or scope["path"].rstrip("/") != scope.get("root_path", ""):
            await self.app(scope, receive, send)
            return
        start: Message = {}
        body = b""

        async def rewritten(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                start = message
                return
            if message["type"] != "http.response.body":
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            body = body.replace(b"<head>", b"<head>" + SCRIPT, 1)
            MutableHeaders(scope=start)["content-length"] = str(len(body))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self.app(scope, receive, rewritten)
