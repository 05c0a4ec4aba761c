"""Two tabs of one browser keep one recipe between them: whoever changes it tells the other tabs.

Without a word the tab that writes last would win at the next reload.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from playground import workspace as spaces
from playground.ui.shell.page import LOOK, shown
from playground.ui.text import TABLES, say

FRAME = """<div class="pg-warn" role="alert" hidden><span></span>
<div><button type="button" class="pg-other"></button>
<button type="button" class="pg-other"></button></div></div>"""
SCRIPT = """
const words = %s[playgroundLanguage()], box = element.querySelector('[role=alert]');
const [take, keep] = box.querySelectorAll('button');
box.querySelector('span').textContent = words.told;
take.textContent = words.take;
keep.textContent = words.keep;
let other = null;
const stack = (space) => JSON.stringify(space && space.stack);
const look = () => {
  box.hidden = !other || !window.playgroundMine || stack(other) === stack(window.playgroundMine);
};
const others = 'BroadcastChannel' in window ? new BroadcastChannel('weights-playground') : null;
if (others) others.onmessage = (event) => {
  window.playgroundOther = other = event.data;
  look();
};
window.playgroundTell = (space) => { others?.postMessage(space); look(); };
take.addEventListener('click', () => trigger('click'));
keep.addEventListener('click', () => { other = null; look(); trigger('submit'); });
"""
MINE = "(space) => { window.playgroundMine = space; }"
TELL = "(space) => { window.playgroundMine = space; window.playgroundTell?.(space); }"


def build_note(saved: gr.BrowserState, language: gr.Textbox, **progress: Any) -> None:
    """Lay out the note, which is seen once another tab has another recipe, and wire it.

    :param progress: where to show that it works.
    """
    words = {
        spoken: {
            "told": say(spoken, "other_tab"),
            "take": say(spoken, "other_tab_take"),
            "keep": say(spoken, "other_tab_keep"),
        }
        for spoken in TABLES
    }
    told = gr.HTML(html_template=FRAME, js_on_load=SCRIPT % json.dumps(words), elem_id="other-tab")
    theirs = gr.JSON(visible=False)
    told.click(
        take_other,
        [saved, language, theirs],
        saved,
        js="(mine, language) => [mine, language, window.playgroundOther ?? null]",
        **(LOOK | progress),
    )
    # The same once more, for the browser to keep and the other tabs to hear.
    told.submit(None, saved, saved, js="(mine) => ({...mine})", api_visibility="private")
    saved.change(None, saved, None, js=TELL, api_visibility="private")


@shown
def take_other(saved: Any, language: str, theirs: Any) -> dict[str, Any]:
    """The recipe of another tab in the place of this one's; undo brings this one's back."""
    return spaces.workspace_from_json(saved).take(spaces.workspace_from_json(theirs)).to_json()
