"""The corpus ``corpora/countries``, made from CLDR and the tz database.

`python -m playground.retrieval.shipped_countries` writes it anew, the same for the same releases of
babel and tzdata. Only this needs those two: the playground itself reads what is written.
"""
