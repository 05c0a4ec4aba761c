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
    "how_many_k": "Passages or examples (k)",
    "before_question": "Before the question",
    "retriever_none": "Nothing",
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
    "compare_empty": "An example, compared before: press “Compare” to see it here, or ask something of your own.",
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
    "keep_recipe": "Keep my recipe to compare with",
    "keep_file": "Add a recipe file…",
    "sources_heading": "Many questions at once: the table of the sources",
    "sources_intro": (
        "One answer may be luck. Here the questions that come with some documents are put to every mix of **whose "
        "weights** answer and **what stands before the question**. Each answer is judged by what is written. Stop "
        "whenever you like: asking again goes on where it ended."
    ),
    "sources_corpus": "Questions from",
    "sources_weights": "Whose weights",
    "sources_both": "And all of these changes together",
    "sources_before": "Before the question",
    "sources_more": "How many questions, how many passages, questions of your own",
    "sources_count": "Questions",
    "sources_count_info": "Of those that have an answer, evenly spread.",
    "sources_size": "{columns} columns × {questions} questions = {answers} answers: about {time} if nobody else asks.",
    "sources_none": "Choose at least one of the weights, and tick at least one thing before the question.",
    "sources_go": "Ask all of them",
    "sources_stopped": "Stopped: these questions were asked by then. “Ask all of them” goes on from here.",
    "sources_kind": "Questions in",
    "sources_empty": "No question of this kind is answered yet.",
    "sources_lost": "Your last table is not kept any more. Ask all of them again.",
    "sources_example": "An example, measured with SmolLM2-135M: this is what a table looks like.",
    "sources_chart": "Right answers, with 95 % intervals",
    "sources_best": "Right most often: {name}, {share}. By these questions {level} others may be as good.",
    "sources_best_tied": "Right most often: {name}, {share}, and {ties} others as often.",
    "sources_alike": "Weights that are the same are asked once: an empty recipe is the base.",
    "sources_best_alone": "Right most often, by more than luck: {name}, {share}.",
    "sources_left": "{done} questions asked, {left} to go.",
    "sources_few": "With fewer than {few} questions read the intervals, not the percentages.",
    "sources_caption": "Right answers: whose weights, and what stood before the question",
    "sources_itself": "the others are compared with this",
    "sources_level": "too few to tell",
    "sources_same": "no difference",
    "sources_more_right": "▲ more (p {p})",
    "sources_fewer_right": "▼ fewer (p {p})",
    "sources_compared": (
        "All are compared with {name}, on the same questions (exact McNemar test, Holm's correction for so many "
        "comparisons). Teal: right more often; orange: less often; grey: too few to "
        "tell. Press a figure to read the answers, or to compare with that one."
    ),
    "sources_questions": "All {count} questions, and how many columns answered each right",
    "sources_question": "Question",
    "sources_right": "Right answer",
    "sources_answer": "This column's answer",
    "sources_other": "What it is compared with",
    "sources_source": "Column",
    "sources_passages": "Passages",
    "sources_cell": (
        "Right where the other is wrong: {more}. The other way round: {fewer}. Its prompts: {tokens} tokens (median)."
    ),
    "sources_against": "Compare all others with this one",
    "sources_cell_caption": "Answers of {name}; first those where the two differ",
    "retriever_few_shot": "Few-shot",
}
