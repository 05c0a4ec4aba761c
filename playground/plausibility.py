"""How plausible bytes are as a text of a language, in an encoding from before Unicode.

Scored by the letters that a language uses most, and by their neighbours: a curly apostrophe belongs
between Latin letters, a capital does not follow a small letter, and a Korean text is made of the
few hundred syllables that Korean uses, not of the thousands that it could.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_HIGH = re.compile(rb"[\x80-\xff]")
_PIECE, SAMPLE = 2_000, 16_000  # bytes of a line, and of all lines, that are scored
_MARKS = frozenset("’‘“”„‚…–—«»‹›·\xa0")
_SIGNS = frozenset("•€£°§©®™×±½²³ºª")
_WIDE_MARKS = frozenset("、。，．・：；？！「」『』（）【】《》〈〉“”‘’…—～ー　·")


def _letters(text: str) -> frozenset[str]:
    return frozenset(text.replace(" ", ""))


@dataclass(frozen=True)
class Language:
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
LANGUAGES: tuple[Language, ...] = (
    *(
        Language("cp1252", _letters(often))
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
        Language(encoding, _letters(often))
        for encoding in ("cp1250", "iso8859_2")
        for often in ("ąćęłńóśźż", "áčďéěíňóřšťúůýžäľĺôŕ", "áéíóöőúüű", "ăâîșțşţ", "čćđšž")
    ),
    Language("cp1254", _letters("çğıöşüâîûİ")),
    Language("cp1257", _letters("ąčęėįšųūž")),
    Language("cp1257", _letters("āčēģīķļņšūž")),
    Language("cp1257", _letters("äöüõšž")),
    *(Language(encoding, _letters("оеаинтсрвлкмд"), "[А-Яа-яёЁіїєґІЇЄҐ]") for encoding in ("cp1251", "koi8_r")),
    Language("cp1253", _letters("αοιετσνηυρπκμλςόίά"), "[Α-Ωα-ωά-ώΆ-Ώ]"),
    Language("cp1255", _letters("יוהלאתרבשנמםד"), "[א-ת\u05b0-\u05c7]"),
    Language("cp1256", _letters("اليمونرتبةعدسف"), "[\u0621-\u0652،؟]"),
    Language("cp874", _letters("านรกเงมยลวด่้ี"), "[\u0e01-\u0e5b]"),
    Language("cp949", _HANGUL, "KS"),
    Language("cp932", frozenset(map(chr, range(0x3041, 0x3094))), "JIS"),
    Language("euc_jp", frozenset(map(chr, range(0x3041, 0x3094))), "JIS"),
    Language("gb18030", _SIMPLE, "GB"),
    Language("big5hkscs", _TRADITIONAL, "BIG5"),
)


def score(data: bytes, language: Language) -> float:
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
    while taken < SAMPLE and (match := _HIGH.search(data, at)):
        start = max(data.rfind(b"\n", at, match.start()) + 1, match.start() - 40, at)
        end = data.find(b"\n", match.start())
        end = len(data) if end < 0 else end
        piece = data[start : min(end, start + _PIECE)]
        yield piece
        taken, at = taken + len(piece), end


def _point(character: str, before: str, after: str, language: Language) -> float:
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


def _eastern(character: str, language: Language) -> float:
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
