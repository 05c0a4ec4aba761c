"""The outermost layer of the server (pure ASGI: streams pass through as they come)."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs

import gradio as gr
from gradio.block_function import BlockFunction
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.owners import household
from playground.settings import settings
from playground.ui.edge import hosts, routes
from playground.ui.edge.bodies import MOST_UPLOAD, Files, Reading, check_size, parsed, replayed
from playground.ui.edge.headers import protect
from playground.ui.edge.line import SIZE, WaitingLine
from playground.ui.edge.refusal import Refused, answer, spoken
from playground.ui.edge.uploads import UploadTurns, check_room
from playground.ui.shell.faults import report_fault
from playground.ui.shell.turns import leave

SLOWED_SECONDS, MOST_SLOWED = 0.5, 64
MOST_SESSION = 64  # characters of a session's name; gradio's have a dozen
PAGE_LEVEL = 5  # of gzip: a tenth of the page's size, in some milliseconds
SPOKEN = "playground.language"  # in a request's scope


class Edge:
    """ASGI middleware around a page's app.

    :param app: gradio's app with its own middleware.
    :param blocks: the page.
    """

    def __init__(self, app: ASGIApp, blocks: gr.Blocks) -> None:
        host = settings()
        self._app, self._blocks = app, blocks
        self._page = GZipMiddleware(app, compresslevel=PAGE_LEVEL)  # gradio packs its scripts, and not these
        self._behind_proxy = host.proxy
        self._names = hosts.names(host, os.environ.get("GRADIO_SERVER_NAME", ""))
        self._reading, self._turns = Reading(), UploadTurns()
        self.line = WaitingLine(blocks._queue, host.address_share)
        self._slow = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what goes no further; pass on the rest."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close"})
            return
        begun = False

        async def protected(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(protect(message))

        headers = Headers(scope=scope)
        path = _path(scope)
        try:
            self._check(scope, headers, path)
            await self._passed_on(scope, headers, path, receive, protected)
        except Refused as refused:
            if refused.status == 429:
                await self._slowed()
            if not begun:
                await answer(protected, refused, scope.get(SPOKEN) or spoken(headers), plain=path == routes.UPLOAD)
        except Exception as error:  # gradio has answered 500, if it could answer at all
            report_fault(f"{scope['method']} {path[:200]!r}", error)

    async def _slowed(self) -> None:
        """Have whoever is turned away wait a little, so that asking again at once costs the host
        nothing; of many at a time only some, since each holds a connection."""
        if self._slow < MOST_SLOWED:
            self._slow += 1
            try:
                await asyncio.sleep(SLOWED_SECONDS)
            finally:
                self._slow -= 1

    def _check(self, scope: Scope, headers: Headers, path: str) -> None:
        """:raises Refused: the request is not for us, or for nothing that anybody needs."""
        host = headers.get("host", "")
        if not hosts.is_ours(host, self._names):
            raise Refused(400, "edge_host", name=hosts.host_name(host)[:80])
        if scope["method"] not in (*routes.USED, "OPTIONS"):
            raise Refused(405, "edge_method")
        if not routes.is_used(scope["method"], path):
            raise Refused(404, "edge_route")
        scope["client"] = hosts.visitor(scope, self._behind_proxy), 0
        if not self._behind_proxy:
            hosts.without_pretence(scope)

    async def _passed_on(self, scope: Scope, headers: Headers, path: str, receive: Receive, send: Send) -> None:
        if scope["method"] == "POST":
            if path == routes.UPLOAD:
                await self._upload(scope, headers, receive, send)
            else:
                await self._post(scope, headers, path, receive, send)
            return
        if path == routes.STREAM:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            await self._stream(query.get("session_hash", [""])[0], scope, receive, send)
        elif path.startswith(routes.CALL):
            session = self.line.session_of(path.rpartition("/")[2])
            await self._stream(session, scope, receive, send)
        elif path.startswith(routes.HEARTBEAT):
            try:
                await self._app(scope, receive, send)
            finally:
                leave(path.removeprefix(routes.HEARTBEAT))
        elif path in routes.PACKED:
            await self._page(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _stream(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """A session's answers. gradio notices only after 15 s that nobody listens any more."""
        with ExitStack() as heard:
            heard.enter_context(self.line.listening(session))

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                heard.close()

            watching = asyncio.create_task(watch())
            try:
                await self._app(scope, receive, send)
            finally:
                watching.cancel()

    async def _post(self, scope: Scope, headers: Headers, path: str, receive: Receive, send: Send) -> None:
        if headers.get("content-type", "").startswith(("multipart/", "application/x-www-form")):
            raise Refused(415, "edge_kind")
        address = household(scope["client"][0])
        body = await self._reading.body(receive, headers, address)
        if body is None:
            return
        data = parsed(body)
        lane = None
        if isinstance(data, dict):
            scope[SPOKEN] = spoken(headers, data.get("data"))
            scope[SIZE] = len(body)
            lane = self._checked_event(path, data, address, len(body))
        await self._app(scope, replayed(body, receive), send)
        if lane:
            self.line.arrange(lane)

    def _checked_event(self, path: str, data: dict[str, Any], address: str, size: int) -> str:
        """The lane in which an event is to wait; "" for what does not wait.

        :raises Refused: there is no such event, or no place to wait.
        """
        session = data.get("session_hash")
        if session is not None and not (isinstance(session, str) and len(session) <= MOST_SESSION):
            raise Refused(400, "edge_types", place="session_hash")
        if path == routes.CANCEL:
            self.line.cancelled(data.get("event_id"), session)
        if not (path.startswith(routes.CALL) or path == routes.JOIN or path.startswith(routes.RUN)):
            return ""
        event = self._event(path, data)
        if event is None:
            raise Refused(404, "edge_event")
        if path.startswith(routes.RUN):  # at once: gradio refuses there what is to wait
            return ""
        lane = str(event.concurrency_id)
        self.line.check(lane, address, session, size)
        return lane

    def _event(self, path: str, data: dict[str, Any]) -> BlockFunction | None:
        """The event that is called: by its name in the path, else by its number."""
        events, number = self._blocks.fns, data.get("fn_index")
        if isinstance(number, int) and not path.startswith(routes.CALL):
            return events.get(number)
        name = path.rpartition("/")[2]
        return next((event for event in events.values() if event.api_name == name), None)

    async def _upload(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        if not headers.get("content-type", "").startswith("multipart/form-data"):
            raise Refused(415, "edge_kind")
        check_size(headers, MOST_UPLOAD)
        async with self._turns.turn(household(scope["client"][0])):
            check_room(self._blocks.GRADIO_CACHE)
            files = Files(receive, headers, spoken(headers))

            async def with_status(message: Message) -> None:
                if files.refused and message["type"] == "http.response.start":
                    message["status"] = files.refused.status
                await send(message)

            await self._app(scope, files.receive, with_status)


def _path(scope: Scope) -> str:
    """The path within the app, without a slash at its end."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    return path.rstrip("/") or "/"
