"""What stands before gradio: every request is looked at here first, and most harm ends here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from gradio.routes import App

from playground.ui.edge.middleware import Edge
from playground.ui.edge.sessions import Sessions
from playground.ui.edge.slow import Silent, close_silent
from playground.ui.shell.faults import report_fault

LOOK_SECONDS = 5.0


async def again(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do some tending for ever; a fault in one round ends none of the others."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception as error:
            report_fault("Tending the line failed", error)


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Put the edge around gradio's app before it answers, and tend it while it does.

    As the outermost layer: gradio's own middleware stands outside of what ``middleware=`` adds.
    """
    blocks = app.get_blocks()
    app.state_holder = Sessions()
    app.state_holder.set_blocks(blocks)
    assert app.middleware_stack is not None  # it is running this
    edge = Edge(app.middleware_stack, blocks)
    app.middleware_stack = edge
    blocks.line = edge.line  # type: ignore[attr-defined]  # a Page
    silent = Silent()
    tending = [
        asyncio.create_task(again(LOOK_SECONDS, edge.line.drop)),
        asyncio.create_task(again(LOOK_SECONDS, partial(close_silent, silent, blocks))),
    ]
    try:
        yield
    finally:
        for task in tending:
            task.cancel()
