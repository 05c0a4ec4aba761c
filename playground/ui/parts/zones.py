"""Zones that files are dropped on: what is refused stands beside the zone, which is free again.

gradio's own check of ``file_types`` covers the zone with "Error" until somebody finds its cross.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground.errors import PlaygroundError
from playground.ui.parts.html import note
from playground.ui.text import TABLES, say, tell

CHECK = """(file, language) => {
  const files = [file].flat().filter(Boolean), kinds = %s, texts = %s;
  const named = (one) => String(one.orig_name || '');
  const right = (one) => kinds.some((kind) => named(one).toLowerCase().endsWith(kind));
  const good = files.filter(right), names = files.filter((one) => !right(one)).map(named);
  if (!names.length) return [file, ''];
  const box = document.createElement('div');
  box.className = 'pg-warn';
  box.setAttribute('role', 'alert');
  const told = names.slice(0, 3).map((name) => name.slice(0, 80)).join(', ');
  box.textContent = '\\u26a0 ' + texts[language].replace('{names}', () => told);
  return [good.length ? (Array.isArray(file) ? good : good[0]) : null, box.outerHTML];
}"""
EMPTY = "() => null"


@dataclass(frozen=True)
class Zone:
    """A zone, the words beside it, and the event after which its files are of the right kinds."""

    file: gr.File
    words: gr.HTML
    language: gr.Textbox
    checked: Any

    def takes(
        self, handler: Callable[..., Any], inputs: Set[Any], outputs: Sequence[Any], after: Any = None, **lane: Any
    ) -> Any:
        """Let a handler have the files as soon as they are there, and empty the zone.

        :param handler: gets what stands in the inputs by control, and gives as many values as there
            are outputs. What it refuses is said in the words; the outputs stay as they are.
        :param inputs: the zone's file and the language are among them.
        :param after: the event that it waits for, if that is not ``checked``.
        """
        unchanged = tuple(gr.skip() for _ in outputs)

        @functools.wraps(handler)
        def told(values: Mapping[Any, Any], *more: Any) -> tuple[Any, ...]:
            if not values[self.file]:  # refused already
                return (*unchanged, gr.skip())
            try:
                return (*handler(values, *more), "")
            except gr.Error as error:
                if not isinstance(error.__cause__, PlaygroundError):
                    raise
                words = tell(values[self.language], error.__cause__.message)
                return (*unchanged, note(words, "warn"))

        taken = (after or self.checked).then(told, inputs, [*outputs, self.words], show_progress_on=self.words, **lane)
        for end in (taken.then, taken.failure):
            end(None, None, self.file, js=EMPTY, api_visibility="private")
        return taken


def build_zone(title: Any, kinds: Sequence[str], language: gr.Textbox, *, elem_id: str, **options: Any) -> Zone:
    """Lay out a zone and the words under it.

    :param title: its label.
    :param kinds: endings of the files that it takes, with their dots.
    :param options: of the ``gr.File``.
    """
    file = gr.File(label=title, elem_id=elem_id, **options)
    words = gr.HTML(elem_id=f"{elem_id}-words")
    texts = {spoken: say(spoken, "file_refused", names="{names}", kinds=", ".join(kinds)) for spoken in TABLES}
    checked = file.upload(
        None,
        [file, language],
        [file, words],
        js=CHECK % (json.dumps(list(kinds)), json.dumps(texts)),
        api_visibility="private",
    )
    return Zone(file, words, language, checked)
