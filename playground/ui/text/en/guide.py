"""English of the Learn tab."""

TEXT = {
    "tab_guide": "Learn",
    "guide_intro": (
        "What this playground is about, chapter by chapter. The same text is a corpus on the "
        "Documents tab: ask it something there."
    ),
    "guide_wait": "Choose a chapter.",
    "guide_try": "Try it ▸",
    "guide_minutes": "{n} min",
    "guide_group_start": "To begin",
    "guide_group_model": "What a model is",
    "guide_group_weights": "Changing weights",
    "guide_group_training": "Training",
    "guide_group_retrieval": "Retrieval",
    "guide_chapter": "Chapter",
}
