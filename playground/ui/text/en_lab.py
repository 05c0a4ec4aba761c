"""English of teaching facts."""

LAB = {
    "title_edit_fact": "Taught by {method}: {facts}",
    "more_facts": "{fact} and {more} more",
}
