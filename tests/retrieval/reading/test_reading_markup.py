"""Of pages and word processors' files, formulas, notes and merged cells keep text and place."""

from __future__ import annotations

import io
import zipfile

import reading_samples as samples
from reading_samples import W, only, texts

from playground.retrieval.chunking.markdown import chunk

M = "http://schemas.openxmlformats.org/officeDocument/2006/math"


def with_parts(data: bytes, **more: str) -> bytes:
    """A .docx with more parts: ``footnotes``, ``comments``, ``header1``, ..."""
    held = io.BytesIO(data)
    with zipfile.ZipFile(held, "a") as file:
        for name, content in more.items():
            file.writestr(f"word/{name}.xml", f'<w:{name} xmlns:w="{W}">{content}</w:{name}>')
    return held.getvalue()


def note(kind: str, number: int, text: str, more: str = "") -> str:
    return f'<w:{kind} w:id="{number}" {more}>{samples.paragraph(text)}</w:{kind}>'


def refers(text: str, *kinds: tuple[str, int]) -> str:
    marks = "".join(f'<w:r><w:{kind}Reference w:id="{n}"/></w:r>' for kind, n in kinds)
    return f"<w:p><w:r><w:t>{text}</w:t></w:r>{marks}</w:p>"


def notes(document):
    return [str(note) for note in document.notes]


# Word


def test_notes_and_comments_stand_below_what_they_are_to(read):
    body = (
        refers("First.", ("footnote", 2), ("comment", 0))
        + samples.paragraph("Second.")
        + "<w:tbl><w:tr><w:tc>"
        + refers("a", ("endnote", 1))
        + "</w:tc><w:tc>"
        + samples.paragraph("b")
        + "</w:tc></w:tr></w:tbl>"
    )
    data = with_parts(
        samples.docx(body),
        footnotes=note("footnote", 0, "line", 'w:type="separator"') + note("footnote", 2, "A foot."),
        endnotes=note("endnote", 1, "An end."),
        comments=note("comment", 0, "Really?") + note("comment", 7, "To nothing."),
        header1=samples.paragraph("Secret"),
        footer1=samples.paragraph("Page"),
    )
    document = only(read(("a.docx", data)))
    assert texts(document) == [
        "First.[^1][^2]\n\n[^1]: A foot.\n[^2]: Really?\n\nSecond.\n\na[^3] | b\n\n[^3]: An end.\n[^]: To nothing."
    ]
    assert notes(document) == ["2 headers and footers of a.docx were left out."]


def test_formulas_in_a_word_document_are_written_in_a_line(read):
    def run(text):
        return f"<m:r><m:t>{text}</m:t></m:r>"

    def part(name, text):
        return f"<m:{name}>{run(text)}</m:{name}>"

    cases = {
        f"<m:sSup>{part('e', 'x')}{part('sup', '2')}</m:sSup>{run('+1')}": "x^2+1",
        f"<m:sSub>{part('e', 'a')}{part('sub', 'i+1')}</m:sSub>": "a_(i+1)",
        f"<m:f>{part('num', 'a+b')}{part('den', 'c')}</m:f>": "(a+b)/c",
        f"<m:rad><m:deg/>{part('e', 'x')}</m:rad>": "√x",
        f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{part("sub", "i")}{part("sup", "n")}'
        f"{part('e', 'i')}</m:nary>": "∑_i^ni",
        f"<m:d>{part('e', 'x')}</m:d>": "(x)",
    }
    for formula, text in cases.items():
        body = (
            f'<w:p><w:r><w:t>So </w:t></w:r><m:oMath xmlns:m="{M}">{formula}</m:oMath>'
            "<w:r><w:t> (f)/2.</w:t></w:r></w:p>"
        )
        assert texts(only(read(("a.docx", samples.docx(body))))) == [f"So {text} (f)/2."]
    alone = f'<m:oMathPara xmlns:m="{M}"><m:oMath>{run("E=mc")}</m:oMath></m:oMathPara>'
    assert texts(only(read(("a.docx", samples.docx(alone))))) == ["E=mc"]


def test_merged_cells_of_a_word_table_stand_in_each_place(read):
    def cell(text, more=""):
        return f"<w:tc><w:tcPr>{more}</w:tcPr>{samples.paragraph(text)}</w:tc>"

    begun, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    rows = [
        cell("Tides", '<w:gridSpan w:val="3"/>'),
        cell("Place") + cell("Metres", '<w:gridSpan w:val="2"/>'),
        cell("Incheon", begun) + cell("low") + cell("1"),
        cell("", goes_on) + cell("high") + cell("9"),
        cell("") + cell("high") + cell("3"),
    ]
    body = "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in rows) + "</w:tbl>"
    assert texts(only(read(("a.docx", samples.docx(body))))) == [
        "Tides\nPlace | Metres | Metres\nIncheon | low | 1\nIncheon | high | 9\n | high | 3"
    ]


# HTML


def test_merged_cells_of_a_page_stand_in_each_place(read):
    page = """<table><tr><td colspan=3>Tides</td></tr>
    <tr><th>Place<th colspan="2">Metres</tr>
    <tr><td rowspan=2>Incheon<td>low<td>1</tr><tr><td>high<td>9</tr>
    <tr><td>Busan<td rowspan=99999999999>one<td colspan=-3>2</tr><tr><td>Jeju</tr></table>
    <table><tr><td>a<td>b</table>"""
    assert texts(only(read(("a.html", page.encode())))) == [
        "Tides\nPlace | Metres | Metres\nIncheon | low | 1\nIncheon | high | 9\nBusan | one | 2\nJeju | one\n\na | b"
    ]


def test_formulas_of_a_page_are_written_in_a_line(read):
    page = """<p>So <math><semantics><mrow><msup><mi>x</mi><mn>2</mn></msup><mo>=</mo>
    <mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mi>c</mi></mfrac><mo>+</mo>
    <msqrt><mi>d</mi></msqrt></mrow><annotation encoding="application/x-tex">x^2</annotation>
    </semantics></math> holds.</p>"""
    assert texts(only(read(("a.html", page.encode())))) == ["So x^2=(a+b)/c+√(d) holds."]


def test_what_is_left_out_of_a_page_is_counted(read):
    page = b"<nav>Menu</nav><p>kept</p><svg><text>drawn</text></svg><script>x</script>"
    document = only(read(("a.html", page)))
    assert texts(document) == ["kept"]
    assert notes(document) == ["2 menus, pictures or frames of a.html were left out."]


# Markdown, and what is none


def test_only_markdown_is_taken_for_markdown(read):
    text = "# one\n```\ntwo\n# three"
    paragraphs = "".join(f"<p>{line}</p>" for line in ("# one", "two"))
    word = samples.docx(samples.paragraph("# one") + samples.paragraph("two"))
    pdf = samples.pdf(samples.shown("# one", "two"))
    for name, data in (
        ("a.txt", text.encode()),
        ("a.jsonl", b'{"text": "# one\\ntwo"}'),
        ("a.csv", b"# one\ntwo\n"),
        ("a.html", paragraphs.encode()),
        ("a.docx", word),
        ("a.pdf", pdf),
    ):
        document = only(read((name, data)))
        passages = [p for part in document.parts for p in chunk(name, part.text)]
        assert {passage.heading for passage in passages} == {""}, name
        held = "\n".join(passage.text for passage in passages)
        assert "# one" in held, name
        assert "two" in held, name
    found = chunk("a.md", only(read(("a.md", text.encode()))).parts[0].text)
    assert [passage.heading for passage in found] == ["one"]
