"""A table of examples to type or paste: plain text fields, a row added and taken away by a button.

Keys go into the field that was clicked from the first one on, and lines that were copied from a
sheet fill rows, which gradio's own table does not do.
"""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

from playground.engine.training.data import MAX_CHARACTERS, MAX_EXAMPLES
from playground.ui.text import TABLES, say

FIRST_ROWS = 4
FRAME = """<div class="pg-sheet" role="group"><b class="pg-sheet-title"></b>
<div class="pg-sheet-heads" aria-hidden="true"><span></span><span></span></div>
<div class="pg-sheet-rows"></div>
<button type="button" class="pg-sheet-add"></button>
<div class="pg-hint" role="status"></div></div>"""
# The rows are this script's own: the frame holds no value, so typing draws nothing anew.
SCRIPT = """
const words = %(words)s[playgroundLanguage()], most = %(most)d, longest = %(longest)d;
const sheet = element.querySelector('.pg-sheet'), rows = element.querySelector('.pg-sheet-rows');
const add = element.querySelector('.pg-sheet-add'), told = element.querySelector('[role=status]');
const fill = (text, values) => text.replace(/\\{(\\w+)\\}/g, (_, key) => values[key]);
const boxes = (row) => [...row.querySelectorAll('textarea')];
const grow = (box) => {
  box.style.height = 'auto';
  if (box.scrollHeight) box.style.height = (box.scrollHeight + 2) + 'px';
};
let later;
const tell = () => {
  props.value = [...rows.children].map((row) => boxes(row).map((box) => box.value));
  clearTimeout(later);
  later = setTimeout(() => trigger('input'), 500);
};
const number = () => [...rows.children].forEach((row, place) => {
  boxes(row).forEach((box, column) => box.setAttribute(
    'aria-label', fill(words[column ? 'completion' : 'prompt'], {n: place + 1})));
  row.querySelector('button').setAttribute('aria-label', fill(words.remove, {n: place + 1}));
});
const append = (values) => {
  if (rows.children.length >= most) return null;
  const row = document.createElement('div');
  row.className = 'pg-sheet-row';
  for (const place of [0, 1]) {
    const box = document.createElement('textarea');
    box.rows = 1;
    box.maxLength = longest;
    box.value = String(values[place] ?? '');
    row.append(box);
  }
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = '\\u2715';
  row.append(remove);
  rows.append(row);
  return row;
};
const show = (value) => {
  rows.replaceChildren();
  for (const row of Array.isArray(value) ? value : []) if (Array.isArray(row)) append(row);
  if (!rows.children.length) append([]);
  number();
  rows.querySelectorAll('textarea').forEach(grow);
};
const read = (text, quotes) => {  // a sheet's lines and cells; a cell in quotes may hold both
  const found = [['']];
  let quoted = false;
  const line = () => found[found.length - 1];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at], row = line(), last = row.length - 1;
    if (quotes && sign === '"' && (quoted || row[last] === '')) {
      if (quoted && text[at + 1] === '"') { row[last] += '"'; at++; } else quoted = !quoted;
    } else if (!quoted && sign === '\\t') row.push('');
    else if (!quoted && sign === '\\n') found.push(['']);
    else row[last] += sign;
  }
  return quoted ? read(text, false) : found;
};
element.querySelector('.pg-sheet-title').textContent = words.title;
sheet.setAttribute('aria-label', words.title);
const heads = element.querySelectorAll('.pg-sheet-heads span');
heads[0].textContent = words.prompts;
heads[1].textContent = words.completions;
add.textContent = words.add;
told.textContent = words.paste;
show(props.value);
watch('value', () => show(props.value));
rows.addEventListener('input', (event) => { grow(event.target); tell(); });
rows.addEventListener('click', (event) => {
  const remove = event.target.closest('button');
  if (!remove) return;
  const row = remove.parentElement, next = row.nextElementSibling || row.previousElementSibling;
  row.remove();
  (next ? boxes(next)[0] : boxes(append([]))[0]).focus();
  number();
  tell();
});
add.addEventListener('click', () => {
  const row = append([]);
  if (!row) { told.textContent = fill(words.full, {n: most}); return; }
  number();
  tell();
  boxes(row)[0].focus();
});
rows.addEventListener('paste', (event) => {
  const text = event.clipboardData.getData('text/plain').replace(/\\r\\n?/g, '\\n');
  if (!text.includes('\\t')) return;  // words for one field
  event.preventDefault();
  const lines = read(text.replace(/\\n+$/, ''), true);
  let row = event.target.closest('.pg-sheet-row'), filled = 0;
  const from = boxes(row).indexOf(event.target);
  for (const cells of lines) {
    row = row || append([]);
    if (!row) break;
    boxes(row).slice(from).forEach((box, place) => {
      if (place < cells.length) box.value = cells[place].slice(0, longest);
    });
    filled++;
    row = row.nextElementSibling;
  }
  number();
  rows.querySelectorAll('textarea').forEach(grow);
  told.textContent = fill(filled < lines.length ? words.full : words.pasted,
    {n: filled < lines.length ? most : filled});
  tell();
});
"""


def _words(language: str) -> dict[str, str]:
    """What the table says, with the number of a row or of rows left open."""
    return {
        "title": say(language, "train_table"),
        "prompt": say(language, "sheet_prompt", n="{n}"),
        "completion": say(language, "sheet_completion", n="{n}"),
        "prompts": say(language, "sheet_prompts"),
        "completions": say(language, "sheet_completions"),
        "remove": say(language, "sheet_remove", n="{n}"),
        "add": say(language, "sheet_add"),
        "paste": say(language, "sheet_paste"),
        "pasted": say(language, "sheet_pasted", n="{n}"),
        "full": say(language, "sheet_full", n="{n}"),
    }


def build_table(elem_id: str, **options: Any) -> gr.HTML:
    """Lay out the table. Its value: lists of two texts, a prompt and a completion."""
    words = {language: _words(language) for language in TABLES}
    script = SCRIPT % {"words": json.dumps(words), "most": MAX_EXAMPLES, "longest": MAX_CHARACTERS}
    empty: Any = [["", ""] for _ in range(FIRST_ROWS)]
    return gr.HTML(empty, html_template=FRAME, js_on_load=script, elem_id=elem_id, **options)


def rows_of(value: object) -> list[list[str]]:
    """The texts of a table that a browser sent; what is none is left out."""
    rows = value if isinstance(value, list) else []
    return [["" if cell is None else str(cell) for cell in row[:2]] for row in rows if isinstance(row, list)]
