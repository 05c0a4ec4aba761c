"""What a child says that was taken over is not believed."""

from __future__ import annotations

import pytest
from reading_samples import STOPPED, told

from playground.retrieval.reading import child
from playground.retrieval.reading.child import GoneError

SAYS = """
import os, sys
def main():
    sys.stdin.read()
    def say(text):
        os.write(1, len(text).to_bytes(8, "big") + text)
    say(b'{"event": "ready"}')
    %s
worker.main = main
"""


@pytest.mark.parametrize(
    "said",
    [
        "say(b'no json')",
        "say(b'[1]')",
        "say(b'{}')",
        "say(b'[' * 100000)",
        'say(b\'{"event": "begin"}\')',
        'say(b\'{"event": "document", "name": "a", "parts": [["", 1, 2]]}\')',
        "os.write(1, b'\\xff' * 8 + b'x' * 1000)",  # a length of 2^64 bytes
        "os.write(1, (10 ** 9).to_bytes(8, 'big'))",
        "say(b' ' * 15000000); say(b' ' * 15000000)",
    ],
)
def test_what_is_no_frame_ends_the_reading(read, child_does, said):
    child_does(SAYS % said)
    assert told(read(("a.txt", b"x"), grown=35_000_000)) == [("a.txt", STOPPED.format("a.txt"))]


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("{name.__class__}", {"name": "a"}),
        ("{name[0]}", {"name": "a"}),
        ("{name!r}", {"name": "a"}),
        ("{name:>1000000000}", {"name": "a"}),
        ("{other}", {"name": "a"}),
        ("{}", {"": "a"}),
        ("{name", {"name": "a"}),
        ("{name}", {"name": ["a"]}),
        ("{name}", ["name"]),
        (["{name}"], {"name": "a"}),
    ],
)
def test_a_message_reaches_no_further_than_its_values(template, values):
    frame = {"event": "skipped", "name": "a", "template": template, "values": values}
    with pytest.raises(GoneError):
        child.skipped(frame)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"pages": "2"},
        {"encoding": 3},
        {"parts": []},
        {"parts": ["abc"]},
        {"parts": None},
        {"unreadable": "many"},
        {"parts": [["", "half a pair \ud800"]]},
    ],
)
def test_a_document_has_its_form(change):
    frame = {"name": "a", "parts": [["", "text"]], "pages": None, "encoding": "utf-8", "unreadable": 0}
    assert child.document(frame).name == "a"
    with pytest.raises(GoneError):
        child.document(frame | change)


def test_a_name_from_a_child_is_made_safe_again():
    frame = {"parts": [["", "x"]], "pages": None, "encoding": None, "unreadable": 0}
    assert child.document(frame | {"name": "../../a.txt"}).name == "a.txt"
    frame = {"template": "{name}.", "values": {"name": "a"}}
    assert child.skipped(frame | {"name": "../../a.txt"}).name == "a.txt"


def test_a_child_brings_no_more_than_it_may(read, child_does):
    more = """
    text = "x" * 4_000_001
    import json
    say(b'{"event": "begin", "name": "a.txt", "number": 0, "left": 1}')
    say(json.dumps({"event": "document", "name": "a.txt", "parts": [["", text]], "pages": None,
                    "encoding": None, "unreadable": 0}).encode())
    """
    child_does(SAYS % more.strip())
    found = read(("a.txt", b"x"), grown=35_000_000)
    assert told(found) == [("a.txt", STOPPED.format("a.txt"))]
