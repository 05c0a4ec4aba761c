"""Of a PDF, what a person reads on its pages: in order, whole, and nothing that is not there."""

from __future__ import annotations

import reading_samples as samples
from reading_samples import GOOD, only, refused, texts

from playground.retrieval.chunking.markdown import chunk
from playground.retrieval.reading.pdf_join import joined_sentences, joined_words

KOREAN = "훈민정음은 세종이 만들었다"


def unmapped(content: bytes = b"") -> bytes:
    """A page whose codes are numbers of glyphs; nothing says what those look like."""
    data = samples.korean_pdf(KOREAN).replace(b"/ToUnicode 5 0 R", b"")
    return data


def notes(document):
    return [str(note) for note in document.notes]


def at(*drawn: tuple[float, float, str]) -> bytes:
    """A content stream that puts texts at places, in this order."""
    return (
        b"BT /F1 10 Tf "
        + b" ".join(b"1 0 0 1 %g %g Tm (%s) Tj" % (x, y, text.encode("latin-1")) for x, y, text in drawn)
        + b" ET"
    )


# Fonts


def test_letters_that_are_not_there_are_not_made_up(read):
    assert refused(read(GOOD, ("bad.pdf", unmapped()))) == (
        "bad.pdf cannot be read: the fonts of its pages do not tell which characters they show. "
        "Use the document that it was made from, or a copy that went through text recognition "
        "(OCR)."
    )


def test_glyphs_with_names_of_their_own_are_no_letters(read):
    odd = b"<< /Type /Font /Subtype /Type1 /BaseFont /Odd /Encoding << /Differences [65 /g12 /g13 /G7] >> >>"
    found = read(GOOD, ("bad.pdf", samples.pdf(samples.shown("ABC"), font=odd)))
    assert "do not tell which characters" in refused(found)
    known = odd.replace(b"/g12 /g13 /G7", b"/a /uni0062 /c")
    assert texts(only(read(("a.pdf", samples.pdf(samples.shown("ABC"), font=known))))) == ["abc"]


def test_pages_in_unknown_fonts_are_counted_and_the_rest_is_read(read):
    type0 = b"<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding /Identity-H /DescendantFonts [4 0 R] >>"
    descendant = b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 1000 >>"
    extra = (descendant, samples.HELVETICA)
    plain = samples.shown("A page that can be read well").replace(b"/F1", b"/F2")
    odd = b"BT /F1 12 Tf 72 600 Td <00410042> Tj ET"
    data = samples.pdf(odd, plain, plain + b" " + odd, font=type0, extra=extra)
    data = data.replace(b"/Font << /F1 3 0 R >>", b"/Font << /F1 3 0 R /F2 5 0 R >>")
    document = only(read(("a.pdf", data)))
    assert [(p.title, p.text) for p in document.parts] == [
        ("p. 2", "A page that can be read well"),
        ("p. 3", "A page that can be read well"),
    ]
    assert (document.pages, document.unreadable) == (3, 1)
    assert notes(document) == [
        "On 1 pages of a.pdf some text was left out: its font does not tell which characters it shows."
    ]


def test_korean_in_an_encoding_of_the_standard_is_read(read):
    font = b"<< /Type /Font /Subtype /Type0 /BaseFont /Batang /Encoding /KSCms-UHC-H /DescendantFonts [4 0 R] >>"
    descendant = b"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /Batang /DW 1000 >>"
    code = KOREAN.encode("cp949").hex().encode()
    data = samples.pdf(b"BT /F1 12 Tf 72 720 Td <%s> Tj ET" % code, font=font, extra=(descendant,))
    assert texts(only(read(("글.pdf", data)))) == [KOREAN]


# Order

LEFT = [
    "The tide rises twice a day here,",
    "and the keeper writes its height",
    "down in a book that nobody reads",
    "but the harbour master in winter.",
]
RIGHT = [
    "Boats are drawn up on the beach",
    "before the first storm of autumn.",
    "Their names are painted anew in",
    "spring, each in its own colour.",
]


def test_two_columns_are_read_one_after_the_other(read):
    rows = [
        piece
        for n, (left, right) in enumerate(zip(LEFT, RIGHT, strict=True))
        for piece in ((72, 650 - 12 * n, left), (320, 650 - 12 * n, right))
    ]
    heading = (72, 700, "A heading that runs across both of the columns from left to right, you see")
    document = only(read(("a.pdf", samples.pdf(at(heading, *rows)))))
    assert texts(document)[0].split("\n") == [heading[2], *LEFT, *RIGHT]


def test_rows_of_a_table_stay_together(read):
    cells = [("Place", "Metres"), ("Incheon", "9.1"), ("Busan", "1.2"), ("Mokpo", "4.3"), ("Jeju", "2")]
    rows = [
        piece
        for n, (place, metres) in enumerate(cells)
        for piece in ((72, 650 - 12 * n, place), (320, 650 - 12 * n, metres))
    ]
    document = only(read(("a.pdf", samples.pdf(at(*rows)))))
    assert [line.split() for line in texts(document)[0].split("\n")] == [list(row) for row in cells]


# Words and sentences


def test_a_word_broken_at_a_lines_end_is_whole(read):
    data = samples.pdf(samples.shown("The har-", "bour is a well-", "known place. Well-known!", "Anglo-", "Saxon"))
    assert texts(only(read(("a.pdf", data)))) == ["The harbour is a well-known place. Well-known!\nAnglo-Saxon"]


def test_words_are_joined_across_no_paragraph_and_no_number():
    pages = ["pages 3-\n4 and x-\n\ny", "re-\nread and reread and re-read"]
    assert joined_words(pages) == ["pages 3-\n4 and x-\n\ny", "reread and reread and re-read"]


def test_a_sentence_over_a_pages_end_stands_in_one_passage(read):
    data = samples.pdf(
        samples.shown("It was late. The keeper went", "down to the har-", "1"),
        samples.shown("bour and lit the lamp. Then she slept.", "2"),
        samples.shown("A new page begins here.", "3"),
    )
    document = only(read(("a.pdf", data)))
    assert [(p.title, p.text.split("\n")) for p in document.parts] == [
        ("p. 1", ["It was late. The keeper went", "down to the harbour and lit the lamp.", "1"]),
        ("p. 2", ["Then she slept.", "2"]),
        ("p. 3", ["A new page begins here.", "3"]),
    ]
    passages = [p.text for part in document.parts for p in chunk("a.pdf", part.text)]
    assert any("The keeper went\ndown to the harbour and lit the lamp." in text for text in passages)


def test_headings_and_finished_pages_take_nothing_over():
    for before, after in (
        ("It ends.", "and so on. Next."),
        ("A heading", "The text begins. Next."),
        ("짧은 제목", "글이 시작된다. 다음."),
        ("the last words", "never stop"),
        ("the last words", ""),
        ("", "and. So."),
    ):
        longer = f"{'말이 길게 이어지는 줄이다. ' * 3}\n{before}" if before else before
        assert joined_sentences([longer, after]) == [longer, after]
    assert joined_sentences(["긴 줄이 끝나지 않고\n등대는 밤마다 불을", "밝힌다. 다음 글."]) == [
        "긴 줄이 끝나지 않고\n등대는 밤마다 불을\n밝힌다.",
        "다음 글.",
    ]


# What stands beside the text


def test_filled_fields_and_notes_are_read(read):
    annots = (
        b"/Annots [<< /Subtype /Widget /FT /Tx /T (name) /V (Mina Park) >>"
        b" << /Subtype /Widget /FT /Tx /T (secret) /V (hidden) /Ff 8192 >>"
        b" << /Subtype /Widget /FT /Tx /T (empty) >>"
        b" << /Subtype /Widget /FT /Btn /T (agree) /AS /Yes >>"
        b" << /Subtype /Widget /FT /Btn /T (other) /AS /Off >>"
        b" << /Subtype /Widget /FT /Ch /TU (Your city) /V (Seoul) >>"
        b" << /Subtype /Widget /Parent << /FT /Tx /T (joint) /V (shared) >> >>"
        b" << /Subtype /Text /Contents (check this figure) >>"
        b" << /Subtype /Link /Contents (elsewhere) >>] /Contents "
    )
    data = samples.pdf(samples.shown("A form")).replace(b"/Contents ", annots, 1)
    assert texts(only(read(("a.pdf", data)))) == [
        "A form\n\nname: Mina Park\nagree: Yes\nYour city: Seoul\njoint: shared\ncheck this figure"
    ]


def test_pages_without_text_are_counted_and_named(read):
    picture = samples.stream(b"\0", b"/Type /XObject /Subtype /Image /Width 1 /Height 1")
    data = samples.pdf(
        samples.shown("A page of text, as it should be."),
        b"",
        samples.shown("7"),
        samples.shown("12"),
        extra=(picture,),
    )
    fonts = b"/Font << /F1 3 0 R >>"
    place = data.rindex(fonts)
    data = data[:place] + fonts + b" /XObject << /I 4 0 R >>" + data[place + len(fonts) :]
    document = only(read(("a.pdf", data)))
    assert len(document.parts) == 3
    assert notes(document) == [
        "2 of 4 pages of a.pdf have no text or next to none (pages 2, 4). If they are scans, use a "
        "copy that went through text recognition (OCR)."
    ]
