"""What CLDR and the tz database list and the corpus leaves out: unsure, disputed or out of date.

CLDR's currency dates are those of laws, of notes or of new codes. Where they are known to be of
another kind than a reader takes them for, the year, or the whole currency, is left out.
"""

from __future__ import annotations


def _all(codes: str) -> frozenset[str]:
    return frozenset(codes.split())


# Money whose listed first year is that of a new code, name or country, not of the money.
NO_SINCE = _all("BAM BZD CVE DJF ETB GHC GYD KMF KYD LKR MGA MMK MTL MVR MYR RSD RUB SKK SOS TOP VUV XAF XCD XOF XPF")
NO_SINCE_IN = _all("AD EH IO MC PN PS SM TC TL VA ZW")
# Older money with an end, or a place in the row, that is not certain.
NO_OLDER = _all("ADP AON BAD BAN BUK CSD CSK GQE HRD MTP MVP MYR PES RUR SDP SVC TPE UAK VNN YUD YUM YUN YUR ZRZ ZWL")
NO_OLDER_IN = _all(
    "AM:SUR AZ:SUR BY:SUR GE:SUR KG:SUR KY:JMD ME:DEM PS:ILP PS:JOD SL:GBP SM:ITL TL:IDR TM:SUR UA:SUR YT:KMF"
)
NO_MONEY = _all("AQ BG EH")  # Bulgaria's changed on 1 January 2026, after the release

# Languages listed as official that are not, or are no longer.
NOT_OFFICIAL = _all(
    "AQ:und BF:fr BO:gn BV:no BW:tn CX:en DZ:fr EC:qu EH:ar ET:am IL:ar KM:ar KM:fr ME:sr_Latn "
    "MG:en ML:fr MU:en MU:fr NE:fr NG:yo NO:no PF:ty SJ:nb TF:fr TJ:ru TM:ru TN:fr TW:zh_Hant ZA:en"
)
INCOMPLETE = _all("AS BQ CK CW DZ FO GG GU IQ JE MK NF NZ PE PG PR SC")  # others are official, but not listed so
# Where languages of a part of the country are listed as its laws have them.
REGIONAL = {
    "AT": ("hr", "sl", "hu"),
    "CA": ("iu", "crk", "chp", "den", "dgr", "gwi"),
    "ES": ("ca", "gl", "eu"),
    "GB": ("cy",),
    "IN": ("bn", "te", "mr", "ta", "gu", "kn", "ml", "or", "pa", "as"),
    "NL": ("fy",),
    "PH": ("ceb", "ilo", "hil", "war", "pag"),
    "RS": ("hu", "ro", "hr", "sk"),
    "RU": ("tt", "ba", "ce", "udm", "sah", "kbd", "tyv", "inh"),
    "US": ("haw",),
}
# Where the shares rest on a census or a survey with several languages for one person.
SHARES = _all(
    "AT BE BG BO BZ CA CH CY CZ DE DK EE ES FI FR GB GR HR HU ID IE IN IT JM KE LK LT LU LV MT MU "
    "MY NL PE PH PL PT RO SC SE SG SI SK TR"
)

# Days off: CLDR gives Saturday and Sunday wherever it knows nothing, so only these are told.
SATURDAY_SUNDAY = _all(
    "AE AR AT AU BE BG BR CA CH CL CN CY CZ DE DK EE ES FI FR GB GR HR HU ID IE IS IT JP KR LB LT "
    "LU LV MA MT NG NL NO NZ PK PL PT RO RU SE SG SI SK TH TN TR UA US VN ZA"
)
NO_WEEKEND = _all("AF DJ IN IR UG")
NO_WEEK = _all("ST TL")  # babel gives them Portugal's

NO_DATE = _all("AF ET IR SA TH")  # other calendars are usual there
NO_WHOLE = _all("CN EH GE UA")  # not one time for all who live there
NO_ZONE = _all("Asia/Urumqi Europe/Simferopol")  # whose clocks and ground are disputed
