"""English: the bar."""

TEXT = {
    "speaks_before": "before:",
    "crumbs_base": "Base",
    "crumbs_empty": "no edits yet",
    "recipe_open": "Recipe",
    "recipe_heading": "## Your recipe\nA model and the edits you made to it, in order. "
    "The model itself is never changed.",
    "model": "Model",
    "loading": "Loading",
    "seconds": "({n} s)",
    "model_ready": "Ready. Its weights are held as {dtype}.",
    "packaged_title": "About these weights",
    "packaged_text": "The packaged copy was quantized by its publisher: its linear layers to "
    "4 bits (Q4_1, 32 weights share a scale and a minimum), its embeddings to 8. So a 4-bit grid "
    "of the same shape changes nothing, and other 4-bit figures flatter a little.",
    "stack_held": "All edits together hold {bytes}; everything else is shared.",
    "undo": "Undo",
    "redo": "Redo",
    "reset": "Reset",
    "save": "Save",
    "load": "Load",
    "title_nudge_toward": "“{text}” toward “{target}”, strength {strength}",
    "title_nudge_away": "“{text}” away from “{target}”, strength {strength}",
    "title_nudge_random": "“{text}” in a random direction, strength {strength}",
    "title_nudge_scale": "“{text}” scaled by {strength}",
}
