"""The corpus ``corpora/countries``, made from CLDR and the tz database.

`python -m corpora.countries.make` writes it anew, the same for the same releases of
babel and tzdata. Only this needs those two: the playground itself reads what is written.
"""
