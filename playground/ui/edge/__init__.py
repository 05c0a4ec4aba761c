"""What stands before gradio: every request is looked at here first, and most harm ends here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gradio.routes import App

from playground.ui.edge.middleware import Edge
from playground.ui.edge.sessions import Sessions
from playground.ui.edge.slow import close_silent


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
    tending = [asyncio.create_task(work) for work in (edge.line.tend(), close_silent(blocks))]
    try:
        yield
    finally:
        for task in tending:
            task.cancel()
