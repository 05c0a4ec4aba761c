"""The chapters' pictures: drawn as SVG, in the visitor's language and in the page's colours.

A picture is a function under ``@picture("<name>", "<chapter>", ...)`` in one of the files imported here, with the
chapters of both languages that it stands in. What it is called for those who do not see it is the text
``figure_<name>_label``, what stands under it ``figure_<name>``.
"""

from playground.ui.guide.pictures import model, retrieval, start, training, weights
from playground.ui.guide.pictures.registry import PICTURES, pictures_of

__all__ = ["PICTURES", "model", "pictures_of", "retrieval", "start", "training", "weights"]
