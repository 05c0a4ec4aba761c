"""Tables that an earlier version saved, in a browser or a results file, are read as they were written."""

from __future__ import annotations

import json

from playground.lab.results import Results
from playground.lab.sheet import sheet_from_json, sheet_to_json

# As they were written in November 2026, before the lab's modules were renamed.
FACT = """{"kind": "efficacy", "prompt": "Ada lives in", "answer": " Rome", "other": " Paris"}"""
NEIGHBOUR = """{"kind": "locality", "prompt": "Bob lives in", "answer": " Oslo", "other": " Rome"}"""
BASE = f"""{{"way": "base", "error": null, "answer": "Paris.", "asked": [
 {{"question": {FACT}, "probability": 0.125, "other": 0.5, "right": false, "text": "Paris.", "written": false}},
 {{"question": {NEIGHBOUR}, "probability": 0.5, "other": 0.25, "right": true, "text": "Oslo.", "written": true}}],
 "kept": {{"right": 9, "of": 10}}, "perplexity_ratio": 1.0, "apply_seconds": 0.0, "answer_seconds": 0.5,
 "undo_seconds": 0.0, "bytes": 0, "recipe": {{"model": "tiny-llama", "edits": []}}}}"""
NUDGE = f"""{{"way": "nudge", "error": null, "answer": "Rome.", "asked": [
 {{"question": {FACT}, "probability": 0.75, "other": 0.25, "right": true, "text": "Rome.", "written": null}},
 {{"question": {NEIGHBOUR}, "probability": 0.5, "other": 0.25, "right": true, "text": "Oslo.", "written": null}}],
 "kept": {{"right": 8, "of": 10}}, "perplexity_ratio": 1.25, "apply_seconds": 0.5, "answer_seconds": 0.5,
 "undo_seconds": 0.25, "bytes": 2304, "recipe": {{"model": "tiny-llama", "edits": [{{"kind": "nudge_tokens",
 "text": "Ada", "direction": "toward", "target": " Rome", "strength": 0.5, "side": "input", "seed": 7}}]}}}}"""
FAILED = """{"way": "ft", "error": {"template": "{text}", "values": {"text": "It cannot."}}, "answer": "",
 "asked": [], "kept": {"right": 0, "of": 0}, "perplexity_ratio": 1.0, "apply_seconds": 0.0,
 "answer_seconds": 0.0, "undo_seconds": 0.0, "bytes": 0, "recipe": {}}"""
SHEET = f"""{{"lesson": {{"fact": {{"subject": "Ada", "prompt": "Ada lives in", "target": " Rome"}},
 "old": " Paris", "questions": [{FACT}, {NEIGHBOUR}]}},
 "rows": [{BASE}, {NUDGE}, {FAILED}], "seed": 7, "others": "lantern-handbook"}}"""


def test_a_sheet_that_a_browser_kept_opens_and_is_written_as_before():
    sheet = sheet_from_json(json.loads(SHEET))
    base, nudge, failed = sheet.rows
    assert (sheet.lesson.sentence, sheet.lesson.old, sheet.seed, sheet.others) == (
        "Ada lives in Rome.",
        " Paris",
        7,
        "lantern-handbook",
    )
    assert (base.figures["efficacy"].share, base.figures["efficacy"].said, base.figures["locality"].said) == (0, 0, 1)
    assert (nudge.figures["efficacy"].written, nudge.figures["efficacy"].said) == (None, 1.0)  # not looked at then
    assert (nudge.kept.right, nudge.perplexity_ratio, nudge.recipe["edits"][0]["strength"]) == (8, 1.25, 0.5)
    assert str(failed.error) == "It cannot."
    assert sheet_to_json(sheet) == json.loads(SHEET)


def test_a_results_file_goes_on(tmp_path):
    path, about = tmp_path / "r.jsonl", {"model": "tiny-llama", "seed": 0, "facts": "0123456789abcdef", "format": 1}
    lines = [about, *({"prompt": "Ada lives in", "row": json.loads(row)} for row in (NUDGE, FAILED))]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")
    results = Results(path, about)
    assert list(results.rows) == [("Ada lives in", "nudge"), ("Ada lives in", "ft")]
    nudge = results.rows["Ada lives in", "nudge"]
    assert nudge == sheet_from_json(json.loads(SHEET)).rows[1]
    results.add("Bob lives in", nudge)
    assert len(path.read_text("utf-8").splitlines()) == 4
