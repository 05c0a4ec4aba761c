"""English of the Guide tab."""

TEXT = {
    "tab_guide": "Learn",
    "guide_intro": (
        "What this playground is about, chapter by chapter. The same text is a corpus on the "
        "Documents tab: ask it something there."
    ),
    "guide_wait": "Choose a chapter.",
    "guide_chapter": "Chapter",
}
