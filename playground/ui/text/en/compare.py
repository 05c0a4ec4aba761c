"""English: the Compare tab."""

TEXT = {
    "compare_right": "The right answer (optional)",
    "compare_right_info": "Puts a tick or a cross on each answer.",
    "mark_differing": "Mark what differs from the first answer",
    "add_contestant": "+ Add a contestant",
    "drop_contestant": "− Remove the last",
    "compare_intro": "One prompt, several contestants: whose weights answer, and with which "
    "passages. Small numbers lead to the passage that an answer was taken from. Start with an example:",
    "example_retrieve": "A fact it cannot know: retrieval finds it",
    "example_changes": "A nudge that changes an answer",
    "example_breaks": "The same nudge breaks another",
    "prompt": "Prompt",
    "compare": "Compare",
    "contestants": "### Contestants",
    "weights_of_1": "1: whose weights",
    "weights_of_2": "2: whose weights",
    "weights_of_3": "3: whose weights",
    "weights_of_4": "4: whose weights",
    "weights_of_5": "5: whose weights",
    "weights_of_6": "6: whose weights",
    "weights_base": "Base",
    "weights_mine": "My recipe",
    "retrieval": "Retrieval",
    "retriever_none": "None",
    "retriever_bm25": "BM25",
    "retriever_dense": "Dense",
    "retriever_hybrid": "Hybrid",
    "new_tokens": "New tokens at most",
    "temperature": "Temperature",
    "temperature_info": "0 always takes the likeliest token; more is more varied.",
    "without": "Without {passage}",
    "without_info": "The same question with all passages and without {passage}. What changes came "
    "from that passage; what stays came from the others, or from the weights.",
    "context_heading": "How passages go into the prompt",
    "context_intro": (
        "Passages stand before the question, and the answer is begun for the model. Leave a field "
        "empty for the usual, which suits a small model."
    ),
    "budget_info": "0: no limit. What does not fit is left out, and shown.",
    "answer_start": "The answer begins",
    "answer_start_info": "Given to the model as if it had written it. Empty: as usual.",
    "template_info": (
        "Write passages and question, each in braces, where they shall stand. Empty: the usual "
        "template, as “The exact prompt” below an answer shows it."
    ),
    "poisoned_heading": "What is a poisoned passage?",
    "poisoned_info": (
        "Retrieval puts other people's words into the prompt, and nobody checks them. One note on "
        "the notice board gives a wrong time and orders its reader to repeat it. Press **A "
        "poisoned passage** and see what the model says; then open *Passages used*, take the note "
        "away and it is asked again. This is **prompt injection**. We measured that so small a "
        "model believes the note rather than obeys it: without the order it errs as often. Here "
        "neither can do harm: the model has no tools and no network, and what it writes is shown "
        "as plain text."
    ),
}
