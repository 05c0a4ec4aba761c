"""Which of gradio's routes the page and its clients use; nobody else needs the others.

Left out on purpose: login, deep links (they write a file each), recordings, proxies, streams of
media, component servers, developers' tools.
"""

from __future__ import annotations

import re

API = "/gradio_api"
UPLOAD = f"{API}/upload"
JOIN = f"{API}/queue/join"
RUN = f"{API}/run/"
CALL = f"{API}/call/"
CANCEL = f"{API}/cancel"
STREAM = f"{API}/queue/data"
HEARTBEAT = f"{API}/heartbeat/"
PACKED = ("/", "/config")  # the page, and what other clients read in its place: a megabyte of JSON

_GET = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json|/pwa_icon(/\d+)?"
    r"|/(assets|static|svelte)/.+"
    rf"|{API}/(info|openapi\.json|app_id|theme\.css|queue/data|queue/status|upload_progress"
    r"|startup-events|heartbeat/[^/]+|call/.+)"
    # A file of ours, not an address: gradio would fetch what an address names, for anybody.
    rf"|{API}/file=(?![A-Za-z][\w+.-]+:).+",
    re.DOTALL,
)
_POST = re.compile(rf"{API}/(queue/join|cancel|reset|upload|run/[^/]+|call/(v2/)?[^/]+)")
USED = {"GET": _GET, "HEAD": _GET, "POST": _POST}


def is_used(method: str, path: str) -> bool:
    """Whether anybody needs to be answered. A slash at the end does not count."""
    if method == "OPTIONS":
        return True
    used = USED.get(method)
    return used is not None and used.fullmatch(path.rstrip("/") or "/") is not None
