"""What stands on a PDF page beside its text: fields of a form that are filled in, and notes."""

from __future__ import annotations

from typing import Any

import pypdf
from pypdf.generic import ArrayObject, DictionaryObject

MAX_FIELDS = 2_000  # of one page
_MAX_PARENTS = 20  # of a field: its name and value may be theirs
_PASSWORD = 1 << 13  # flag of a field of text
_SILENT = ("/Link", "/Popup", "/Movie", "/Screen", "/Widget", "/PrinterMark", "/TrapNet", "/3D")


def page_fields(page: pypdf.PageObject) -> list[str]:
    """A line for each field with a value, and for each note, in the page's order."""
    found = page.get("/Annots")
    found = found.get_object() if found is not None else None
    if not isinstance(found, ArrayObject):
        return []
    lines = []
    for item in found[:MAX_FIELDS]:
        note = item.get_object()
        if isinstance(note, DictionaryObject):
            lines.append(_field(note) if note.get("/Subtype") == "/Widget" else _note(note))
    return [line for line in lines if line]


def _note(note: DictionaryObject) -> str:
    kind = note.get("/Subtype")
    return "" if kind in _SILENT else _text(_value(note, "/Contents"))


def _field(field: DictionaryObject) -> str:
    """``name: value`` of a field; buttons only if they are on, and no passwords."""
    kind, value = _inherited(field, "/FT"), _inherited(field, "/V")
    flags = _inherited(field, "/Ff")
    if kind == "/Sig" or (isinstance(flags, int) and kind == "/Tx" and flags & _PASSWORD):
        return ""
    if kind == "/Btn":
        state = _value(field, "/AS") or value
        text = "" if state in (None, "/Off") else _text(state).lstrip("/")
    elif isinstance(value, ArrayObject):
        text = ", ".join(filter(None, (_text(entry) for entry in value[:MAX_FIELDS])))
    else:
        text = _text(value).lstrip("/") if kind == "/Ch" else _text(value)
    name = _text(_inherited(field, "/TU")) or _text(_inherited(field, "/T"))
    return f"{name}: {text}" if name and text else text


def _inherited(field: DictionaryObject, key: str) -> Any:
    held: Any = field
    for _ in range(_MAX_PARENTS):
        if not isinstance(held, DictionaryObject):
            return None
        if (value := _value(held, key)) is not None:
            return value
        held = _value(held, "/Parent")
    return None


def _value(held: DictionaryObject, key: str) -> Any:
    value = held.get(key)
    return value.get_object() if value is not None else None


def _text(value: Any) -> str:
    """A string of the file; streams of formatted text are no strings."""
    return " ".join(value.split()) if isinstance(value, str) else ""
