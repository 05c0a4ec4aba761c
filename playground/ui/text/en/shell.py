"""English: the page."""

TEXT = {
    "page_change": "Change",
    "title": "# Weights Playground",
    "no_storage": "**This browser keeps nothing for a page inside another page.** Your recipe and "
    "your documents would be gone after a reload: [open the playground in a tab of its own](./).",
    "tab_tokens": "Tokens",
    "tab_documents": "Documents",
    "tab_compare": "Compare",
    "other_language": "한국어",
    "skip": "Skip to the content",
    "stale": "This belongs to an earlier input.",
    "stale_questions": "These questions belong to another fact. Have some proposed, or write your own.",
    "error_title": "That did not work",
    "error_unexpected": "Something went wrong on our side. Nothing of yours is lost: try again, or undo the last step.",
    "more": "More",
    "settings": "Settings",
    "seed": "Seed",
    "stop": "Stop",
    "stopped": "Stopped. What was written so far stays.",
    "other_tab": "Your recipe was changed in another tab. The one that is changed last is kept.",
    "other_tab_take": "Take that one",
    "other_tab_keep": "Keep this one",
}
