"""What is too much, no text, or badly named is refused with its reason; the rest is read."""

from __future__ import annotations

import os
import random

import pytest
import reading_samples as samples
from reading_samples import GOOD, not_text, only, refused, texts, told

from playground.retrieval.reading.limits import MAX_CHARACTERS, MAX_LINE_CHARACTERS

# Size


def test_a_sparse_file_of_2_gb_is_refused_unread(read, tmp_path, started):
    path = tmp_path / "sparse.txt"
    with path.open("wb") as file:
        file.truncate(2 * 2**30)
    found = read(("bad.txt", path))
    assert told(found) == [
        ("bad.txt", "bad.txt holds 2147.49 MB; the limit for one file is 20 MB. Split or shorten it.")
    ]
    assert started == []


def test_a_line_of_50_mb_is_refused(read, tmp_path):
    path = tmp_path / "line.txt"
    path.write_bytes(b"x" * 50_000_000)
    assert refused(read(GOOD, ("bad.txt", path))) == (
        "bad.txt holds 50.00 MB; the limit for one file is 20 MB. Split or shorten it."
    )


def test_a_line_of_15_mb_is_more_text_than_a_call_brings(read):
    assert refused(read(GOOD, ("bad.txt", b"word " * 3_000_000))) == (
        "bad.txt brings the text to more than 4,000,000 characters in all. Split or shorten it, or add fewer files."
    )


def test_a_line_of_15_mb_with_little_text_is_read(read):
    page = b"<p>before<script>" + b"x=1;" * 3_750_000 + b"</script>after</p>"
    assert texts(only(read(("a.html", page)))) == ["beforeafter"]


def test_a_line_of_4_million_hangul_is_split_and_kept_whole(read):
    text = "가" * (MAX_CHARACTERS - 100)  # 12 MB
    document = only(read(("a.txt", text.encode()), grown=60_000_000))
    lines = document.parts[0].text.split("\n")
    assert {len(line) for line in lines[:-1]} == {MAX_LINE_CHARACTERS}
    assert "".join(lines) == text


def test_a_long_line_is_split_at_spaces(read):
    words = ["word"] * 50_000
    document = only(read(("a.txt", " ".join(words).encode())))
    assert document.parts[0].text.split() == words
    assert max(map(len, document.parts[0].text.split("\n"))) <= MAX_LINE_CHARACTERS


def test_text_is_bounded_over_all_files(read):
    half = b"word " * 500_000
    found = read(("a.txt", half), ("b.txt", half), ("c.txt", b"short"))
    assert [document.name for document in found.documents] == ["a.txt", "c.txt"]
    assert [name for name, _ in told(found)] == ["b.txt"]


def test_records_are_bounded(read):
    assert refused(read(GOOD, ("bad.csv", b"a\n" + b"1\n" * 50_001), grown=30_000_000)) == (
        "bad.csv brings the documents to more than 50,000 records in all. Split it, or add fewer files."
    )


def test_more_files_than_a_call_takes_are_left_out(read):
    found = read(*[(f"{n}.txt", b"text") for n in range(21)])
    assert len(found.documents) == 20
    assert told(found) == [
        ("20.txt", "20.txt was left out: 21 files are too many, at most 20 are read at once. Add fewer.")
    ]


@pytest.mark.parametrize("data", [b"", b" \r\n\t ", b"\xef\xbb\xbf", b"\xff\xfe"])
@pytest.mark.parametrize("kind", ["txt", "csv", "html", "jsonl"])
def test_a_file_without_text_is_empty(read, data, kind):
    reason = refused(read(GOOD, (f"bad.{kind}", data)))
    assert reason == f"bad.{kind} is empty. Leave it out, or give it some text."


@pytest.mark.parametrize("kind", ["pdf", "docx", "zip"])
def test_an_empty_file_of_a_binary_kind_is_empty(read, kind):
    reason = refused(read(GOOD, (f"bad.{kind}", b"")))
    assert reason == f"bad.{kind} is empty. Leave it out, or give it some text."


# Encodings


@pytest.mark.parametrize(
    "data",
    [
        random.Random(0).randbytes(100_000),
        b"zero\0byte",
        b"\xff\xfea\xd8b\0",  # UTF-16 with half a pair
        b"\xef\xbb\xbfbad \xff\xff",
        b"\xed\xa0\x80\xed\xb0\x80\x81\x8d",  # surrogates as UTF-8 would write them
        b"\x1b[31mred caf\xe9 \x07",  # controls and no UTF-8
    ],
)
def test_what_is_no_text_is_refused(read, data):
    assert refused(read(GOOD, ("bad.txt", data))) == not_text("bad.txt")


def test_controls_and_lone_surrogates_do_not_survive(read):
    document = only(read(("a.html", b"<p>a&#xd800;b&#1;c\x1b[0m&#x202e;d</p>")))
    assert texts(document) == ["a\ufffdbc[0m\u202ed"]


def test_a_lone_surrogate_in_a_record_is_refused(read):
    assert refused(read(GOOD, ("bad.jsonl", b'{"text": "a\\ud800"}'))) == (
        "Line 1 of bad.jsonl holds characters that are not text. Remove them."
    )


def test_json_that_is_nested_too_deep_is_refused(read):
    assert refused(read(GOOD, ("bad.jsonl", b"[" * 5_000_000))) == (
        "Line 1 of bad.jsonl is not valid JSON. Give one object a line."
    )


# Names


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("/absolute/a.txt", "a.txt"),
        ("C:\\windows\\a.txt", "a.txt"),
        ("C:a.txt", "a.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("../.txt", "document.txt"),
        ("a\u202etxt.\n.txt", "atxt.txt"),
        ("x" * 300 + ".txt", "x" * 76 + ".txt"),
    ],
)
def test_a_name_never_leads_anywhere(read, raw, safe):
    assert only(read((raw, b"text"))).name == safe


@pytest.mark.parametrize("raw", ["../../a.txt", "/a.txt", "C:\\x\\a.txt", "..\\a.txt", "C:a.txt"])
def test_a_name_in_a_zip_never_leads_anywhere(read, raw):
    assert only(read(("x.zip", samples.archive((raw, b"text"))))).name == "a.txt"


@pytest.mark.parametrize("name", ["a.exe", "a", "a.docm", "pdf", "a.pdf.html.svg"])
def test_other_kinds_are_refused(read, name):
    assert refused(read(GOOD, (name, b"text"))) == (
        f"{name} is not of a kind that can be read here. "
        "Choose one of: .txt, .md, .pdf, .docx, .csv, .jsonl, .html, .htm, .zip."
    )


def test_a_link_or_a_pipe_is_refused(read, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    found = read(("a.txt", tmp_path / "link"), ("b.txt", tmp_path / "pipe"), ("c.txt", tmp_path / "none"))
    assert told(found) == [
        ("a.txt", "a.txt is a link or a device, not a document. Add the document itself."),
        ("b.txt", "b.txt is a link or a device, not a document. Add the document itself."),
        ("c.txt", "c.txt could not be opened. Choose it again."),
    ]
