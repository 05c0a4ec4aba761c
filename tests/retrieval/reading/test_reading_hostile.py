"""Pages, tables and documents made to harm: refused with the reason, in time."""

from __future__ import annotations

import io
import zipfile

import pytest
import reading_samples as samples
from reading_samples import GOOD, damaged, locked, only, refused, texts

# HTML


def test_nothing_of_scripts_styles_or_attributes_survives(read):
    page = """<title>T<script>evil1</script></title>
    <body onload="evil2()" style="evil3"><SCRIPT SRC=evil4>evil5 "</p>" <p>evil6</SCRIPT >
    <p onclick='evil7' title="evil8">kept</p><script/>evil9</script><style>evil10</style>
    <svg><script>evil11</script><text>evil12</text></svg><noscript>evil13</noscript>
    <iframe srcdoc="evil14">evil15</iframe><!-- evil16 --><template><p>evil17</template>
    <nav><nav>evil18</nav>evil19</nav><a href="javascript:evil20">also kept</a>
    <![CDATA[evil21]]><?php evil22 ?><p>end</p><script>evil23"""
    document = only(read(("a.html", page.encode())))
    assert document.parts == (("T", "kept\n\nalso kept\n\nend"),)


def test_a_tag_that_is_cut_off_is_no_text(read):
    assert texts(only(read(("a.html", b"<p>kept<script src='evil")))) == ["kept"]


@pytest.mark.parametrize("piece", ["<", "<!--", "<a ", "<div>", "&", "</", "<![", "<p x='"])
def test_markup_that_never_ends_ends_in_time(read, piece):
    found = read(GOOD, ("bad.html", piece.encode() * (10_000_000 // len(piece))), seconds=4)
    assert found.documents[0].name == "good.txt"
    assert len(found.documents) + len(found.skipped) == 2


# Tables


def test_a_table_of_a_million_columns_is_refused(read):
    assert refused(read(GOOD, ("bad.csv", b"a," * 999_999 + b"a\n1\n"))) == (
        "bad.csv has 1,000,000 columns; the limit is 1,000. Leave some out."
    )


def test_a_header_that_repeats_is_counted_as_often(read):
    header = b",".join(b"h%d" % n * 20 for n in range(900))
    rows = (b"1," * 899 + b"1\n") * 100
    assert refused(read(GOOD, ("bad.csv", header + b"\n" + rows))) == (
        "bad.csv brings the text to more than 4,000,000 characters in all. Split or shorten it, or add fewer files."
    )


def test_a_quote_that_never_closes_swallows_no_row(read):
    document = only(read(("a.csv", b'a,b\n"' + b"x\n" * 10_000), grown=30_000_000))
    assert texts(document) == ['a: "x'] + ["a: x"] * 9_999


def test_quotes_without_end_end_in_time(read):
    for piece in (b'"\n', b'","\n', b'a"b,"\n', b'"""\n'):
        found = read(("a.csv", piece * 20_000), seconds=5, grown=30_000_000)
        assert len(found.documents) + len(found.skipped) == 1


# Word

LAUGHS = '<!DOCTYPE w [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(12)
)
ENTITIES = "bad.docx declares XML entities, which no word processor writes. Save it anew in one, then add that."


def test_a_billion_laughs_are_not_laughed(read):
    bomb = samples.docx(samples.paragraph("&m;"), before=LAUGHS + "]>")
    assert refused(read(GOOD, ("bad.docx", bomb))) == ENTITIES


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE w SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE w [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    ],
)
def test_nothing_outside_a_document_is_fetched(read, before):
    bomb = samples.docx(samples.paragraph("x"), before=before)
    assert refused(read(GOOD, ("bad.docx", bomb))) == ENTITIES


def test_entities_in_the_styles_are_refused_too(read):
    good = samples.docx(samples.paragraph("x"))
    held = io.BytesIO(good)
    with zipfile.ZipFile(held, "a") as file:
        file.writestr("word/styles.xml", '<!DOCTYPE w [<!ENTITY a "b">]><w>&a;</w>')
    assert refused(read(GOOD, ("bad.docx", held.getvalue()))) == ENTITIES


def test_a_docx_bomb_is_stopped(read):
    bomb = samples.raw_archive("word/document.xml", samples.deflated(b" " * 1_000_000, 1_000), size=0xFFFFFFF0)
    assert refused(read(GOOD, ("bad.docx", bomb))) == (
        "bad.docx unpacks to more than 200 times its size, as documents do not. Leave it out."
    )


def test_endless_elements_end(read):
    body = samples.paragraph("x") + "".join(f'<w:p w:x="{n}">' for n in range(300_000))
    found = read(GOOD, ("bad.docx", samples.docx(body)))
    assert refused(found) == damaged("bad.docx", ".docx")


def test_styles_in_a_circle_are_no_heading(read):
    styles = '<w:style w:styleId="a"><w:basedOn w:val="a"/></w:style>'
    document = only(read(("a.docx", samples.docx(samples.paragraph("x", "a"), styles))))
    assert texts(document) == ["x"]


# PDF


def test_a_pdf_that_says_100_000_pages_is_refused(read):
    assert refused(read(GOOD, ("bad.pdf", samples.many_pages(100_000, 100_000)))) == (
        "bad.pdf has 100,000 pages; the limit is 2,000. Split it."
    )


def test_a_pdf_of_100_000_pages_that_says_3_is_refused(read):
    assert refused(read(GOOD, ("bad.pdf", samples.many_pages(100_000, 3)))) == (
        "bad.pdf has more than 2,000 pages. Split it."
    )


def test_2_000_pages_are_not_too_many(read):
    found = read(("a.pdf", samples.many_pages(2_000, 2_000)))
    document = only(found)
    assert document.pages == 2_000


def test_a_tree_of_pages_in_a_circle_is_refused(read):
    pages = b"<< /Type /Pages /Count 1 /Kids [2 0 R 2 0 R] >>"
    data = samples.pdf_objects([b"<< /Type /Catalog /Pages 2 0 R >>", pages])
    assert refused(read(GOOD, ("bad.pdf", data))) == (
        "bad.pdf is built in a way that takes too much work to read. Print it to a new PDF, then add that."
    )


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128"])
def test_a_pdf_with_a_password_is_refused(read, algorithm):
    data = locked(samples.pdf(samples.shown("secret")), "password", algorithm)
    assert refused(read(GOOD, ("bad.pdf", data))) == (
        "bad.pdf is encrypted. Save a copy without a password, then add that."
    )


@pytest.mark.parametrize("algorithm", ["AES-128", "AES-256-R5", "AES-256"])
def test_a_pdf_in_aes_is_opened_by_an_empty_password_only(read, algorithm):
    page = samples.pdf(samples.shown("open"))
    assert texts(only(read(("a.pdf", locked(page, "", algorithm))))) == ["open"]
    assert refused(read(GOOD, ("bad.pdf", locked(page, "password", algorithm)))) == (
        "bad.pdf is encrypted. Save a copy without a password, then add that."
    )


def test_a_pdf_of_pictures_is_told_from_an_empty_one(read):
    assert refused(read(GOOD, ("bad.pdf", samples.pdf(b"", b"")))) == (
        "bad.pdf has no text on its pages (2 in all): is it a scan? "
        "Use a copy that went through text recognition (OCR)."
    )


def test_a_stream_that_unpacks_to_a_gigabyte_is_not_read(read):
    packed = b"\x78\x9c" + samples.deflated(b"0 0 m " * 200_000, 800)
    catalog, pages = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Count 1 /Kids [3 0 R] >>"
    page = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R "
    page += b"/Resources << /Font << /F1 << /Subtype /Type1 >> >> >> >>"
    bomb = samples.stream(packed, b"/Filter /FlateDecode")
    data = samples.pdf_objects([catalog, pages, page, bomb])
    assert refused(read(GOOD, ("bad.pdf", data))) == (
        "bad.pdf is built in a way that takes too much work to read. Print it to a new PDF, then add that."
    )


def test_a_pdf_that_takes_long_is_stopped(read):
    """Honest content, but a great deal of it on every page."""
    slow = b"BT /F1 12 Tf " + b"1 0 0 1 7 7 Tm (x) Tj " * 60_000 + b"ET"
    data = samples.pdf(*[slow] * 12)
    reason = refused(read(GOOD, ("bad.pdf", data), seconds=3))
    assert reason.startswith("bad.pdf took longer than its share of the time, ")
    assert reason.endswith(" seconds. Split it, save it as plain text, or add it by itself.")
