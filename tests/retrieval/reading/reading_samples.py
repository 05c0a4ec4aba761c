"""Files made by hand, so that no library under test has written what it reads."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Sequence

import pypdf

from playground.retrieval.reading.results import Document, Read

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf_objects(objects: Sequence[bytes]) -> bytes:
    """Number objects from 1, the first being the catalogue, and add the table of their places."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return bytes(out)


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content)


HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def pdf(*contents: bytes, font: bytes = HELVETICA, extra: Sequence[bytes] = ()) -> bytes:
    """A page for each content stream. ``extra`` objects are numbered from 4."""
    first = 4 + len(extra)
    kids = b" ".join(b"%d 0 R" % (first + 2 * n) for n in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(contents), kids),
        font,
        *extra,
    ]
    for number, content in enumerate(contents):
        page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R "
        page += b"/Resources << /Font << /F1 3 0 R >> >> >>"
        objects += [page % (first + 2 * number + 1), stream(content)]
    return pdf_objects(objects)


def shown(*lines: str) -> bytes:
    """A content stream that writes lines below each other."""
    drawn = b" 0 -20 Td ".join(b"(%s) Tj" % line.encode("latin-1") for line in lines)
    return b"BT /F1 12 Tf 72 720 Td " + drawn + b" ET"


def korean_pdf(text: str) -> bytes:
    """Characters by two-byte codes 1, 2, ..., whose meaning only a ToUnicode table tells."""
    pairs = b"\n".join(
        b"<%04X> <%s>" % (code, character.encode("utf-16-be").hex().encode())
        for code, character in enumerate(text, start=1)
    )
    table = (
        b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        b"%d beginbfchar\n%s\nendbfchar\nendcmap end end" % (len(text), pairs)
    )
    font = (
        b"<< /Type /Font /Subtype /Type0 /BaseFont /Test /Encoding /Identity-H "
        b"/DescendantFonts [4 0 R] /ToUnicode 5 0 R >>"
    )
    descendant = (
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Test /DW 1000 "
        b"/CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>"
    )
    codes = b"".join(b"%04X" % code for code in range(1, len(text) + 1))
    content = b"BT /F1 12 Tf 72 720 Td <%s> Tj ET" % codes
    return pdf(content, font=font, extra=(descendant, stream(table)))


def many_pages(count: int, said: int) -> bytes:
    """Pages in one tree, of one shared content, and a count that the file states."""
    kids = b" ".join(b"%d 0 R" % number for number in range(4, 4 + count))
    pages = b"<< /Type /Pages /Count %d /MediaBox [0 0 9 9] /Kids [%s] %s >>"
    pages %= (said, kids, b"/Resources << /Font << /F1 << /Subtype /Type1 >> >> >>")
    page = b"<< /Type /Page /Parent 2 0 R /Contents 3 0 R >>"
    catalog = b"<< /Type /Catalog /Pages 2 0 R >>"
    return pdf_objects([catalog, pages, stream(shown("x")), *([page] * count)])


def archive(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return held.getvalue()


def raw_archive(name: str, packed: bytes, *, size: int, said_packed: int | None = None, crc: int = 0) -> bytes:
    """One deflated entry, with whatever sizes its headers are to tell."""
    raw = name.encode()
    said = len(packed) if said_packed is None else said_packed
    fields = struct.pack("<HHHHHIIIHH", 20, 0x800, 8, 0, 0x21, crc, said, size, len(raw), 0)
    local = b"PK\x03\x04" + fields + raw + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fields
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + raw
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + b"PK\x05\x06" + end


def deflated(block: bytes, times: int) -> bytes:
    """A block over and over, without ever holding it: after a full flush, packed blocks repeat."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return piece * times + packer.flush()


def paragraph(text: str, style: str = "", more: str = "") -> str:
    mark = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{mark}{more}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def table(*rows: Sequence[str]) -> str:
    cells = ("<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in rows)
    return "<w:tbl>" + "".join(cells) + "</w:tbl>"


def docx(body: str, styles: str = "", before: str = "") -> bytes:
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<w:document xmlns:w="{W}" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
        f"<w:body>{body}</w:body></w:document>"
    )
    entries = [("[Content_Types].xml", b"<Types/>"), ("word/document.xml", document.encode())]
    if styles:
        sheet = f'<w:styles xmlns:w="{W}">{styles}</w:styles>'
        entries.append(("word/styles.xml", sheet.encode()))
    return archive(*entries)


def locked(data: bytes, password: str, algorithm: str = "RC4-128") -> bytes:
    """A PDF encrypted by pypdf."""
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(data)))
    writer.encrypt(password, owner_password="owner", algorithm=algorithm)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


def only(found: Read) -> Document:
    """The one document, with nothing skipped."""
    assert [str(left.message) for left in found.skipped] == []
    assert len(found.documents) == 1
    return found.documents[0]


def texts(document: Document) -> list[str]:
    return [part.text for part in document.parts]


def told(found: Read) -> list[tuple[str, str]]:
    """What was skipped, and the sentence about it."""
    return [(left.name, str(left.message)) for left in found.skipped]


GOOD = ("good.txt", b"still read")


def refused(found: Read) -> str:
    """The one reason; the good file next to it was read."""
    assert [(d.name, d.parts[0].text) for d in found.documents] == [("good.txt", "still read")]
    assert len(found.skipped) == 1, told(found)
    return str(found.skipped[0].message)


def damaged(name: str, kind: str) -> str:
    return (
        f"{name} is damaged, or not really a {kind} file. Open it in its own program, "
        "save it anew without a password, then add that."
    )


def not_text(name: str) -> str:
    return (
        f"{name} is not text in any encoding that is known here. Choose its encoding in the menu, "
        "or save it as UTF-8 text first."
    )


STOPPED = "{} could not be read: the program that reads it stopped. Save it as plain text, then add that."
