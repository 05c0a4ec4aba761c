"""Archives made to harm, and files cut short: each is refused in time, and the rest is read."""

from __future__ import annotations

import io
import random
import stat
import zipfile

import pytest
import reading_samples as samples
from reading_samples import GOOD, damaged, refused, told

# Zip


@pytest.mark.parametrize("said", [0xFFFFFFF0, 1_000_000_000, 20_000_000])
@pytest.mark.parametrize("said_packed", [None, 0xFFFFFFF0])
def test_a_zip_bomb_is_stopped_by_what_it_unpacks_to(read, said, said_packed):
    bomb = samples.raw_archive("a.txt", samples.deflated(b"a" * 1_000_000, 1_000), size=said, said_packed=said_packed)
    assert len(bomb) < 2_000_000
    assert refused(read(GOOD, ("bad.zip", bomb))) == (
        "a.txt unpacks to more than 200 times its size, as documents do not. Leave it out."
    )


@pytest.mark.parametrize("said", [1, 10, 1_000_000])
def test_a_zip_that_says_it_is_small_gives_no_more_than_it_says(read, said):
    bomb = samples.raw_archive("a.txt", samples.deflated(b"a" * 1_000_000, 1_000), size=said)
    assert refused(read(GOOD, ("bad.zip", bomb))) == damaged("a.txt", ".zip")


def test_many_entries_together_are_bounded(read):
    data = random.Random(0).randbytes(10_000).hex().encode() * 750  # 15 MB, packs 130 to 1
    bomb = samples.archive(*[(f"{n}.txt", data) for n in range(5)])
    found = read(("bad.zip", bomb), GOOD)
    assert [d.name for d in found.documents] == ["good.txt"]
    assert told(found)[-1] == ("3.txt", "bad.zip unpacks to more than 50 MB. Split it, or add only what you need.")
    assert len(found.skipped) == 4  # each of the first three is too much text


def test_an_entry_above_the_limit_for_a_file_is_refused(read):
    data = random.Random(0).randbytes(10_000).hex().encode() * 1_050  # 21 MB
    assert refused(read(GOOD, ("bad.zip", samples.archive(("a.txt", data))))) == (
        "a.txt unpacks to more than 20 MB, the limit for one file. Split or shorten it."
    )


def test_entries_are_counted(read):
    data = samples.archive(*[(f"{n}.txt", b"x") for n in range(201)])
    assert refused(read(GOOD, ("bad.zip", data))) == ("bad.zip holds 201 files; the limit is 200. Split it.")


def test_a_hundred_thousand_entries_are_counted_in_time(read):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as file:
        file.writestr("a.txt", b"x")
    one = held.getvalue()
    place, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    central = one[place:end] * 100_000
    zip64 = (
        b"PK\x06\x06"
        + (44).to_bytes(8, "little")
        + b"\x2d\0\x2d\0"
        + bytes(8)
        + (100_000).to_bytes(8, "little") * 2
        + len(central).to_bytes(8, "little")
        + place.to_bytes(8, "little")
    )
    where = b"PK\x06\x07" + bytes(4) + (place + len(central)).to_bytes(8, "little") + b"\1\0\0\0"
    tail = one[end : end + 8] + b"\xff" * 12 + b"\0\0"
    data = one[:place] + central + zip64 + where + tail
    assert refused(read(GOOD, ("bad.zip", data))) == ("bad.zip holds 100,000 files; the limit is 200. Split it.")


def test_what_is_no_document_in_a_zip_is_skipped_and_the_rest_read(read):
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = samples.archive(
        (link, b"/etc/passwd"),
        ("inner.zip", samples.archive(("a.txt", b"x"))),
        ("a.exe", b"MZ"),
        ("good.txt", b"still read"),
    )
    found = read(("x.zip", data))
    assert [d.name for d in found.documents] == ["good.txt"]
    assert [reason for _, reason in told(found)] == [
        "link.txt is a link or a device, not a document. Add the document itself.",
        "inner.zip is an archive inside an archive. Unpack it, then add what it holds.",
        "a.exe is not of a kind that can be read here. "
        "Choose one of: .txt, .md, .pdf, .docx, .csv, .jsonl, .html, .htm, .zip.",
    ]


def test_an_encrypted_entry_is_skipped(read):
    data = bytearray(samples.archive(("a.txt", b"secret"), ("good.txt", b"still read")))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of the first entry
        data[data.index(mark) + flags] |= 1
    assert refused(read(("x.zip", bytes(data)))) == (
        "a.txt is encrypted. Save a copy without a password, then add that."
    )


def test_packing_that_needs_much_memory_is_not_unpacked(read):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_LZMA) as file:
        file.writestr("a.txt", b"text")
    assert refused(read(GOOD, ("bad.zip", held.getvalue()))) == (
        "a.txt is packed in a way that is not read here. Pack it again as an ordinary .zip."
    )


def test_a_zip_of_folders_is_empty(read):
    assert refused(read(GOOD, ("bad.zip", samples.archive(("folder/", b""))))) == (
        "bad.zip is empty. Leave it out, or give it some text."
    )


# Cut short, or something else altogether


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.98])
@pytest.mark.parametrize("kind", ["zip", "docx", "pdf"])
def test_a_file_that_is_cut_short_is_refused_or_read(read, kind, share):
    whole = {
        "zip": samples.archive(("a.txt", b"text " * 1_000)),
        "docx": samples.docx(samples.paragraph("text")),
        "pdf": samples.pdf(samples.shown("still"), samples.shown("read")),
    }[kind]
    cut = whole[: max(1, int(len(whole) * share))]
    found = read(GOOD, (f"bad.{kind}", cut))
    assert found.documents[0].name == "good.txt"
    if kind == "pdf" and share > 0.5:  # its pages can be found without the table at the end
        assert len(found.documents) + len(found.skipped) == 2
    else:
        assert told(found) == [(f"bad.{kind}", damaged(f"bad.{kind}", f".{kind}"))]


def test_a_damaged_entry_is_skipped(read):
    data = bytearray(samples.archive(("a.txt", b"text " * 100), ("good.txt", b"still read")))
    data[40] ^= 0xFF
    assert refused(read(("x.zip", bytes(data)))) == damaged("a.txt", ".zip")


@pytest.mark.parametrize("kind", ["pdf", "docx", "zip"])
def test_bytes_of_no_kind_are_refused(read, kind):
    noise = random.Random(1).randbytes(1_000_000)
    reason = refused(read(GOOD, (f"bad.{kind}", noise)))
    assert reason == damaged(f"bad.{kind}", f".{kind}")


def test_a_file_without_a_name_hides_no_other(read):
    """A byte that is none ends a name before it begins."""
    data = samples.archive(("a.txt", b"The red lamp."), ("nameless", b"x")).replace(b"nameless", b"\0ameless")
    found = read(("some.zip", data))
    assert "The red lamp." in str(found.documents)
