"""Bytes of a text -> its characters, where nothing but the bytes tells the encoding.

UTF-8 proves itself. Of the encodings before Unicode, nearly any bytes are text in nearly any of
them; what tells them apart is whether the outcome is written as a language is. So each is scored
by the letters that its languages use most, and by their neighbours: a curly apostrophe belongs
between Latin letters, a capital does not follow a small letter, and a Korean text is made of the
few hundred syllables that Korean uses, not of the thousands that it could. Measured against
general detectors because the texts here are short; a detector by bytes needs a page of them.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# What may be chosen by hand, by Python's names; each with what people call it, in its own words.
ENCODINGS: dict[str, str] = {
    "utf-8": "UTF-8",
    "utf-16-le": "UTF-16 LE",
    "utf-16-be": "UTF-16 BE",
    "cp949": "CP949, EUC-KR · 한국어",
    "cp932": "Shift_JIS · 日本語",
    "euc_jp": "EUC-JP · 日本語",
    "gb18030": "GBK, GB18030 · 简体中文",
    "big5hkscs": "Big5 · 繁體中文",
    "cp1252": "Windows-1252 · English, Français, Deutsch",
    "cp1250": "Windows-1250 · Polski, Čeština, Magyar",
    "iso8859_2": "ISO-8859-2 · Polski, Čeština, Magyar",
    "cp1251": "Windows-1251 · Русский",
    "koi8_r": "KOI8-R · Русский",
    "cp1253": "Windows-1253 · Ελληνικά",
    "cp1254": "Windows-1254 · Türkçe",
    "cp1255": "Windows-1255 · עברית",
    "cp1256": "Windows-1256 · العربية",
    "cp1257": "Windows-1257 · Latviešu, Lietuvių",
    "cp874": "Windows-874 · ไทย",
    "mac_roman": "Mac Roman",
}
# What files call themselves, where that is not Python's name of a wider encoding in use.
_WIDER = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "big5": "big5hkscs",
    "cp950": "big5hkscs",
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",  # a mark in ASCII is not in UTF-16
}
_ALSO = {
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "x-windows-949": "cp949",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac_roman",
}
_SAID = frozenset(
    {
        *ENCODINGS,
        "iso8859-2",
        "iso8859-3",
        "iso8859-4",
        "iso8859-5",
        "iso8859-6",
        "iso8859-7",
        "iso8859-8",
        "iso8859-10",
        "iso8859-13",
        "iso8859-15",
        "iso8859-16",
        "koi8-r",
        "koi8-u",
        "iso2022_jp",
        "cp1258",
        "cp437",
        "cp850",
        "cp866",
        "johab",
        "mac-roman",
    }
)

_XML = re.compile(rb"""\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*["']\s*([\w.:-]{1,40})""")
_META = re.compile(rb"""<meta\b[^>]{0,400}?\bcharset\s*=\s*["']?\s*([\w.:-]{1,40})""", re.I)
_CODING = re.compile(rb"(?:[^\n]*\n)?[^\n]{0,80}\bcoding[:=][ \t]*([\w.-]{1,40})")
_HEAD_BYTES = 4_096

_HIGH = re.compile(rb"[\x80-\xff]")
_PIECE, _SAMPLE = 2_000, 16_000  # bytes of a line, and of all lines, that are scored
_LETTERS_TO_LOST = 20  # beyond ASCII, at least, for each that is lost
_ENOUGH = 0.2  # of a score: below it, a guess is none
_MARKS = frozenset("’‘“”„‚…–—«»‹›·\xa0")
_SIGNS = frozenset("•€£°§©®™×±½²³ºª")
_WIDE_MARKS = frozenset("、。，．・：；？！「」『』（）【】《》〈〉“”‘’…—～ー　·")
_KEPT = "\t\n\r\f\v"


def _letters(text: str) -> frozenset[str]:
    return frozenset(text.replace(" ", ""))


@dataclass(frozen=True)
class _Language:
    """How a language is written in one encoding.

    :param often: its letters beyond ASCII, or the most frequent ones of many.
    :param block: of which the rest of its letters are, as a pattern; "" where ``often`` is all.
    """

    encoding: str
    often: frozenset[str]
    block: str = ""


_HANGUL = _letters(
    "가각간갈감갑강같개거건걸검것게겠격견결경계고곡공과관광교구국군권귀규그극근금급기길김까깨"
    "꺼께나난날남내너넣네녀년념노높누는늘능니다단달담당대더던데도독돌동된될되두든들등디따때떤또"
    "라락란람랑래량러런럼레려력련령로록론료루류르른를름리린립링마막만많말망매머먼면명모목몰못무"
    "문물므미민및바박반받발방배백버번법변별보복본부북분불비빛사산살상새색생서석선설성세션소속손"
    "송수순술쉬스습승시식신실심십싶쓰씨아안않알았양어언얼업없었에여역연열영예오온올와완외요용우"
    "운울움원월위유육율은을음응의이인일임입있자작잔장재저적전절점접정제조족존종좋주준줄중즉즐증"
    "지직진질집짜째차착참창찾채책처천철청체초총최추축출충치친카커크키타태터토통트특파판편평포표"
    "품풍프피필하학한할함합항해핵행향허험혁현형호혼화확환활황회획효후훈휴흐희힘"
)
_SIMPLE = _letters(
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而"
    "过天去能对小多然于心学么之都好看起发当没成只如事把还用第样道想作种开美总从无情面最女但现前"
    "些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话常"
    "与活正感见明问力理尔点文几定本公特做外孩相西果走将月十实向声车全信重三机工物气每并别真打太"
    "新比才便夫再书部水像眼等体却加电主界门利海受听表德少克代员许先口由死安写性马光白或住难望教"
    "命花结乐色"
)
_TRADITIONAL = _letters(
    "的一是了我不人在他有這個上們來到時大地為子中你說生國年著就那和要她出也得裡後自以會家可下而"
    "過天去能對小多然於心學麼之都好看起發當沒成只如事把還用第樣道想作種開美總從無情面最女但現前"
    "些所同日手又行意動方期它頭經長兒回位分愛老因很給名法間斯知世什兩次使身者被高已親其進此話常"
    "與活正感見明問力理爾點文幾定本公特做外孩相西果走將月十實向聲車全信重三機工物氣每並別真打太"
    "新比才便夫再書部水像眼等體卻加電主界門利海受聽表德少克代員許先口由死安寫性馬光白或住難望教"
    "命花結樂色"
)
LANGUAGES: tuple[_Language, ...] = (
    *(
        _Language("cp1252", _letters(often))
        for often in (
            "äöüßé",
            "àâæçéèêëîïôœùûüÿ",
            "áéíñóúü¿¡ºª",
            "áâãàçéêíóôõúü",
            "àèéìíîòóù",
            "åäöæøéü",
            "áéëïíóöúèü",
            "áðéíóúýþæö",
        )
    ),
    *(
        _Language(encoding, _letters(often))
        for encoding in ("cp1250", "iso8859_2")
        for often in ("ąćęłńóśźż", "áčďéěíňóřšťúůýžäľĺôŕ", "áéíóöőúüű", "ăâîșțşţ", "čćđšž")
    ),
    _Language("cp1254", _letters("çğıöşüâîûİ")),
    _Language("cp1257", _letters("ąčęėįšųūž")),
    _Language("cp1257", _letters("āčēģīķļņšūž")),
    _Language("cp1257", _letters("äöüõšž")),
    *(
        _Language(encoding, _letters("оеаинтсрвлкмд"), "[А-Яа-яёЁіїєґІЇЄҐ]")
        for encoding in ("cp1251", "koi8_r")
    ),
    _Language("cp1253", _letters("αοιετσνηυρπκμλςόίά"), "[Α-Ωα-ωά-ώΆ-Ώ]"),
    _Language("cp1255", _letters("יוהלאתרבשנמםד"), "[א-ת\u05b0-\u05c7]"),
    _Language("cp1256", _letters("اليمونرتبةعدسف"), "[\u0621-\u0652،؟]"),
    _Language("cp874", _letters("านรกเงมยลวด่้ี"), "[\u0e01-\u0e5b]"),
    _Language("cp949", _HANGUL, "KS"),
    _Language("cp932", frozenset(map(chr, range(0x3041, 0x3094))), "JIS"),
    _Language("euc_jp", frozenset(map(chr, range(0x3041, 0x3094))), "JIS"),
    _Language("gb18030", _SIMPLE, "GB"),
    _Language("big5hkscs", _TRADITIONAL, "BIG5"),
)


def said_by(data: bytes) -> str:
    """The encoding that a file says it is in: an XML declaration, a page's ``charset``, or a
    ``coding:`` in one of the first two lines; "" for none, or for one that is not known.
    """
    head = data[:_HEAD_BYTES]
    match = _XML.match(head) or _META.search(head) or _CODING.match(head)
    return known(match[1].decode("ascii", "replace")) if match else ""


def known(name: str) -> str:
    """Python's name of an encoding, the wider one where programs write that under its name.

    :return: "" for one that is unknown or is no encoding of letters.
    """
    name = name.strip().lower()
    name = _ALSO.get(name, name)
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    found = _WIDER.get(found, found)
    found = {"iso8859-2": "iso8859_2", "koi8-r": "koi8_r", "mac-roman": "mac_roman"}.get(
        found, found
    )
    return found if found in ENCODINGS or found in _SAID else ""


def decoded(data: bytes, chosen: str = "") -> tuple[str, str] | None:
    """The characters of a text, and the encoding that they were read in.

    A visitor's choice comes first, then a byte-order mark, then what the file says of itself if
    that is plausible, then UTF-8 if it is valid, then the most plausible guess. In a guess, bytes
    that stand for nothing become U+FFFD; a whole of such text is none.

    :param chosen: one of ``ENCODINGS``, or "" to find it out.
    :return: the text without byte-order mark; None if it is not text in it, or in any.
    """
    if chosen:
        text = _strict(data, chosen)
        return (text.removeprefix("\ufeff"), chosen) if text is not None else None
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            text = _strict(data, encoding)
            return (text, encoding) if text is not None else None
    if b"\0" in data:
        return _utf16(data)
    said = said_by(data)
    if said and said != "utf-8" and (text := _strict(data, said)) is not None:
        scores = [_score(data, one) for one in LANGUAGES if one.encoding == said]
        if not scores or max(scores) >= _ENOUGH or text.isascii():
            return text, said
    if (text := _strict(data, "utf-8")) is not None:
        return text, "utf-8"
    return _mended(data) or _guessed(data)


def _strict(data: bytes, encoding: str) -> str | None:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    told = encoding.startswith("utf") or encoding == "iso2022_jp"
    return None if "\0" in text or (not told and has_controls(text)) else text


def has_controls(text: str) -> bool:
    """Whether there are control characters that no text has."""
    return any(unicodedata.category(c) == "Cc" and c not in _KEPT for c in set(text))


def _utf16(data: bytes) -> tuple[str, str] | None:
    """UTF-16 without its mark, if the outcome is letters that belong together."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text or has_controls(text) or not re.search(r"[ -~\n]", text):
            continue
        kinds = [unicodedata.category(c) for c in text[:_SAMPLE]]
        strange = sum(kind in ("Cn", "Co", "Cs") for kind in kinds)
        scripts = {unicodedata.name(c, "?").split()[0] for c in text[:_SAMPLE] if c.isalpha()}
        if not strange and len(scripts) <= 6:
            return text, encoding
    return None


def _mended(data: bytes) -> tuple[str, str] | None:
    """UTF-8 with a few bytes of another encoding in it: those are read as Windows-1252."""
    text = data.decode("utf-8", "surrogateescape")
    bad = sum("\udc80" <= c <= "\udcff" for c in text)
    good = sum(c > "\x7f" for c in text) - bad
    if good < 10 * bad or has_controls(text):
        return None

    def western(match: re.Match[str]) -> str:
        return bytes([ord(match[0]) - 0xDC00]).decode("cp1252", "replace")

    return re.sub("[\udc80-\udcff]", western, text), "utf-8"


def _guessed(data: bytes) -> tuple[str, str] | None:
    """The most plausible encoding, or Windows-1252 where none is plausible and that is possible."""
    scored = sorted(((_score(data, one), -n) for n, one in enumerate(LANGUAGES)), reverse=True)
    for score, number in scored:
        encoding = LANGUAGES[-number].encoding
        if score < _ENOUGH:
            break
        text = data.decode(encoding, "replace")
        lost, letters = text.count("\ufffd"), sum(c > "\x7f" for c in text)
        if not has_controls(text) and _LETTERS_TO_LOST * lost <= letters:
            return text, encoding
    text_or_none = _strict(data, "cp1252")
    return (text_or_none, "cp1252") if text_or_none is not None else None


def _score(data: bytes, language: _Language) -> float:
    """How plausible bytes are as a language: the mean over its characters beyond ASCII.

    :return: at most 1; below 0 for what is none.
    """
    points, count = 0.0, 0
    for piece in _pieces(data):
        decoder = codecs.getincrementaldecoder(language.encoding)("replace")
        text = decoder.decode(piece, final=len(piece) < _PIECE)
        for place, character in enumerate(text):
            if character > "\x7f":
                before = text[place - 1 : place] if place else ""
                points += _point(character, before, text[place + 1 : place + 2], language)
                count += 1
    return points / count if count else -1.0


def _pieces(data: bytes) -> Iterator[bytes]:
    """The lines with bytes beyond ASCII, or their starts, up to a sample's size.

    A piece begins where a character does: all before its first high byte is ASCII.
    """
    at, taken = 0, 0
    while taken < _SAMPLE and (match := _HIGH.search(data, at)):
        start = max(data.rfind(b"\n", at, match.start()) + 1, match.start() - 40, at)
        end = data.find(b"\n", match.start())
        end = len(data) if end < 0 else end
        piece = data[start : min(end, start + _PIECE)]
        yield piece
        taken, at = taken + len(piece), end


def _point(character: str, before: str, after: str, language: _Language) -> float:
    """How well a character beyond ASCII stands where it is, from -3 to 1."""
    if character == "\ufffd":
        return -3.0
    if unicodedata.category(character) in ("Cc", "Co", "Cn", "Cf"):
        return -2.0
    if language.block in _EASTERN:
        return _eastern(character, language)
    if character in _MARKS or character in _SIGNS:
        inside = before.isalpha() and after.isalpha()
        beside = language.block and (before + after).strip().isalpha()
        wrong = beside if character in _SIGNS else inside and character not in "’‘–—·\xa0"
        good = 0.3 if language.block else 0.9
        return -1.0 if wrong or (inside and character in _SIGNS) else good
    ascii_beside = any(c.isascii() and c.isalpha() for c in (before, after))
    small = character.lower()
    if language.block:
        if ascii_beside or not re.match(language.block, character):
            return -2.0 if "\u2500" <= character <= "\u25ff" else -1.0
        if unicodedata.combining(character) and not before.isalpha() and before <= "\x7f":
            return -1.0  # a mark over nothing
        often = 1.0 if small in language.often else 0.5
    elif not {character, small} & language.often:
        return -1.0
    else:
        often = 1.0 if before.isalpha() or after.isalpha() else 0.5
        if before > "\x7f" and before.isalpha() and after > "\x7f":
            often = 0.3  # three beyond ASCII in a row are rare in Latin
    return -1.0 if character != small and before.islower() else often


_EASTERN = ("KS", "JIS", "GB", "BIG5")


def _eastern(character: str, language: _Language) -> float:
    """The same for a character of Korean, Japanese or Chinese."""
    if character in language.often:
        return 1.0
    if character in _WIDE_MARKS or "\uff01" <= character <= "\uff5e":
        return 0.7
    block = language.block
    if block == "KS":
        if "가" <= character <= "힣":
            return 0.5 if _in_standard(character) else -1.5
        hanja = "一" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff"
        return -0.2 if hanja and _in_standard(character) else -0.6
    if block == "JIS" and "ァ" <= character <= "ヶ":
        return 0.7
    if not "一" <= character <= "\u9fff":
        return -0.8
    if block == "JIS":
        return 0.3 if _lead(character, "euc_jp") < 0xD0 else -0.3
    if block == "GB":
        lead = _lead(character, "gb2312")
        return 0.4 if lead < 0xD8 else 0.0 if lead < 0xFF else -0.7
    return 0.4 if 0xA4 <= _lead(character, "big5") < 0xC7 else -0.1


def _in_standard(character: str) -> bool:
    """Whether a character is one of KS X 1001: 2,350 syllables, all that nearly any text needs."""
    try:
        return len(character.encode("euc_kr")) == 2  # Python spells others in jamo: 8 bytes
    except UnicodeEncodeError:
        return False


def _lead(character: str, encoding: str) -> int:
    """The first byte of a character: the frequent ones of a standard have the lower ones."""
    try:
        return character.encode(encoding)[0]
    except UnicodeEncodeError:
        return 0xFF
