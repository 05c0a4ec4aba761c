"""Each kind of file gives the text that a person finds in it."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
import reading_samples as samples
from reading_samples import locked, only, texts

from playground.retrieval.chunking.markdown import chunk
from playground.retrieval.reading.text_files import Part

KOREAN = "훈민정음은 세종이 만들었다"


# Text and its encodings


@pytest.mark.parametrize(
    ("codec", "encoding"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp949", "cp949")]
)
def test_korean_is_read_in_every_encoding_that_it_comes_in(read, codec, encoding):
    document = only(read(("글.txt", f"{KOREAN}\r\n끝".encode(codec))))
    assert (document.name, document.encoding, document.pages) == ("글.txt", encoding, None)
    assert document.parts == (Part("", f"{KOREAN}\n끝"),)


def test_big_endian_utf16_is_read_after_its_mark(read):
    document = only(read(("a.md", b"\xfe\xff" + KOREAN.encode("utf-16-be"))))
    assert (texts(document), document.encoding) == ([KOREAN], "utf-16")


def test_what_is_no_korean_is_taken_for_windows_1252(read):
    document = only(read(("a.txt", "Ein Café – “naïve” für alle".encode("cp1252"))))
    assert (texts(document), document.encoding) == (["Ein Café – “naïve” für alle"], "cp1252")


def test_decomposed_hangul_is_composed(read):
    assert texts(only(read(("a.txt", "한글".encode())))) == ["한글"]


def test_json_lines_are_records_with_titles(read):
    rows = [{"title": "One", "text": "first"}, {"text": "둘째"}]
    data = "\n".join(json.dumps(row) for row in rows).encode()
    document = only(read(("a.jsonl", data)))
    assert document.parts == (Part("One", "first"), Part("", "둘째"))


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_each_row_of_a_table_is_a_record_under_its_headers(read, delimiter):
    rows = [["city", "people"], ["Seoul", "9.4 million"], ["Busan", ""], ["", ""]]
    data = "\n".join(delimiter.join(row) for row in rows).encode()
    document = only(read(("a.csv", data)))
    assert texts(document) == ["city: Seoul\npeople: 9.4 million", "city: Busan"]


def test_a_quoted_value_holds_delimiters_and_lines(read):
    document = only(read(("a.csv", b'a,b\n"x, y","one\ntwo ""three"""\n')))
    assert texts(document) == ['a: x, y\nb: one\ntwo "three"']


def test_a_korean_table_from_a_spreadsheet_in_cp949(read):
    document = only(read(("표.csv", "도시,인구\r\n서울,940만\r\n".encode("cp949"))))
    assert (texts(document), document.encoding) == (["도시: 서울\n인구: 940만"], "cp949")


def test_a_row_that_is_longer_than_the_header_keeps_its_values(read):
    assert texts(only(read(("a.csv", b"a,b\n1,2,3\n")))) == ["a: 1\nb: 2\n3"]


def test_a_table_of_one_row_is_taken_as_values(read):
    assert texts(only(read(("a.csv", b"one,two")))) == ["one\ntwo"]


# HTML

PAGE = """<!doctype html><html><head><title>Tides &amp; moons</title>
<style>body { color: stylish }</style><script>var hidden = 1;</script></head>
<body onload="stolen()"><nav><a href="/">Menu</a></nav>
<h1>The   tide</h1><p>It rises <b>twice</b>
a day.</p><p>And falls.<br>Slowly.</p><h2>Why &lt;so&gt;?</h2>
<ul><li>Moon</li><li>Sun</ul>
<table><tr><th>Place</th><th>Metres</th></tr><tr><td><p>Incheon</p></td><td>9</td></tr></table>
<pre>line one
  line two</pre><template>templated</template></body></html>"""


def test_a_page_becomes_markdown_under_its_title(read):
    document = only(read(("a.html", PAGE.encode())))
    assert document.parts == (
        Part(
            "Tides & moons",
            "# The tide\n\nIt rises twice a day.\n\nAnd falls.\nSlowly.\n\n## Why <so>?\n\n"
            "- Moon\n- Sun\n\nPlace | Metres\nIncheon | 9\n\nline one\nline two",
        ),
    )


def test_headings_reach_the_passages(read):
    document = only(read(("a.htm", PAGE.encode())))
    headings = [passage.heading for passage in chunk("a.htm", document.parts[0].text)]
    assert headings[0] == "The tide"
    assert headings[-1] == "The tide > Why <so>?"


# PDF


def test_a_pdf_gives_a_part_for_each_page_with_text(read):
    data = samples.pdf(samples.shown("The tide rises", "twice a day."), b"", samples.shown("End"))
    document = only(read(("a.pdf", data)))
    assert (document.pages, document.encoding, document.unreadable) == (3, None, 0)
    assert [(p.title, p.text.split()) for p in document.parts] == [
        ("p. 1", ["The", "tide", "rises", "twice", "a", "day."]),
        ("p. 3", ["End"]),
    ]


def test_korean_in_a_pdf_is_read_through_its_table_of_meanings(read):
    document = only(read(("글.pdf", samples.korean_pdf(KOREAN))))
    assert document.parts == (Part("", KOREAN),)


def test_a_pdf_with_an_empty_password_is_opened(read):
    document = only(read(("a.pdf", locked(samples.pdf(samples.shown("open")), ""))))
    assert texts(document) == ["open"]


# Word


def test_a_word_document_becomes_markdown(read):
    styles = (
        '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="9"><w:name w:val="My own"/><w:basedOn w:val="22"/></w:style>'
        '<w:style w:styleId="22"><w:name w:val="Other"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr>'
        "</w:style>"
    )
    body = (
        samples.paragraph("Tides", "1")
        + samples.paragraph("They rise &amp; fall.")
        + samples.paragraph("Why", "9")
        + samples.paragraph("Moon", more="<w:numPr/>")
        + samples.paragraph("Sun", more="<w:numPr/>")
        + samples.table(["Place", "Metres"], ["인천", "9"])
        + samples.paragraph("Deep", "Heading3")
        + "<w:p><w:r><w:t>one</w:t><w:br/><w:t>two</w:t><w:tab/><w:t>three</w:t></w:r></w:p>"
    )
    document = only(read(("a.docx", samples.docx(body, styles))))
    assert document.parts == (
        Part(
            "",
            "# Tides\n\nThey rise & fall.\n\n## Why\n\n- Moon\n- Sun\n\nPlace | Metres\n인천 | 9"
            "\n\n### Deep\n\none\ntwo three",
        ),
    )
    assert (document.pages, document.encoding) == (None, None)


def test_what_was_deleted_or_is_said_twice_is_left_out(read):
    body = (
        "<w:p><w:r><w:t>kept</w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:r><w:instrText>PAGE</w:instrText></w:r></w:p>"
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Choice>"
        "<mc:Fallback><w:p><w:r><w:t>box</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>"
    )
    assert texts(only(read(("a.docx", samples.docx(body))))) == ["kept\n\nbox"]


def test_tables_in_tables_stay_in_their_row(read):
    inner = samples.table(["x", "y"])
    body = f"<w:tbl><w:tr><w:tc>{samples.paragraph('a')}</w:tc><w:tc>{inner}</w:tc></w:tr></w:tbl>"
    assert texts(only(read(("a.docx", samples.docx(body))))) == ["a | x y"]


# Zip


def test_a_zip_gives_what_it_holds(read):
    data = samples.archive(
        ("folder/", b""),
        ("folder/a.txt", b"one"),
        ("__MACOSX/folder/._a.txt", b"litter"),
        ("b.docx", samples.docx(samples.paragraph("two"))),
        ("c.pdf", samples.pdf(samples.shown("three"))),
        ("other/a.txt", b"four"),
    )
    found = read(("all.zip", data), ("A.txt", b"five"))
    assert [(d.name, texts(d)[0]) for d in found.documents] == [
        ("a.txt", "one"),
        ("b.docx", "two"),
        ("c.pdf", "three"),
        ("a (2).txt", "four"),
        ("A (3).txt", "five"),
    ]
    assert found.skipped == ()


def test_names_in_a_zip_from_a_korean_system_are_read(read):
    data = samples.archive(("abcd.txt", b"one")).replace(b"abcd", "한글".encode("cp949"))
    assert only(read(("a.zip", data))).name == "한글.txt"


def test_a_stored_zip_is_read_too(read):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a.md", "# One\n\ntwo")
    assert texts(only(read(("a.zip", held.getvalue())))) == ["# One\n\ntwo"]


def test_nothing_gives_nothing(read, started):
    found = read()
    assert (found.documents, found.skipped, started) == ((), (), [])
