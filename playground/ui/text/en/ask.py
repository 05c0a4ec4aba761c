"""English: the Ask tab."""

TEXT = {
    "tab_ask": "Ask",
    "ask_heading": (
        "## Should I edit the weights, fine-tune, or retrieve?\n\n"
        "Ask once. Every way tries to answer, and is compared with what is right."
    ),
    "ask_question": "Ask it something",
    "ask_answer": "The right answer",
    "ask_answer_info": "Optional, but then there is a verdict. Several that are right alike: with | between them.",
    "ask_needs": "What is it like?",
    "ask_need_changes": "it changes often",
    "ask_need_cite": "it must name its source",
    "ask_need_many": "many facts",
    "ask_need_style": "a style, not a fact",
    "ask_need_bare": "no text may go along",
    "ask_text": "Where it stands",
    "ask_text_empty": "Optional: paste a text in which the answer stands",
    "ask_elsewhere": "A file, or documents that are here",
    "ask_file": "A file: PDF, Word, Markdown, text…",
    "ask_file_read": "{name} was read: its {count} characters stand in the field above.",
    "ask_documents": "Documents to search",
    "ask_no_documents": "None",
    "ask_how": "How it is tried",
    "ask_sentence_info": (
        "An edit is written for a sentence, not for a question. This one is proposed; correct it here if it is wrong."
    ),
    "ask_proposed": "“{prompt} … {target}”, about: {subject}",
    "ask_prompt": "The sentence up to the answer",
    "ask_subject": "Who or what it is about, as it stands there",
    "ask_cut": "Cut the text",
    "ask_cut_sentences": "by sentences",
    "ask_cut_paragraphs": "by paragraphs",
    "ask_begun": "Begin the answer for it",
    "ask_more": "More ways",
    "ask_try": "Try every way · about 1 min",
    "ask_try_about": "Try every way · about {time}",
    "ask_or": "or an example:",
    "ask_example_bakery": "A shop's hours",
    "ask_example_rome": "A fact, edited",
    "ask_example_author": "A fact, trained",
    "ask_example_known": "What it knows",
    "ask_example_style": "A style",
    "ask_example_garden": "In Korean: a garden",
    "ask_start_empty": "Start empty",
    "ask_left_over": (
        "The right answer is still the example's, “{answer}”. If it is not that of your question, correct it and try "
        "again."
    ),
    "ask_empty": "An example, measured before: press “Try every way” to see it here, or ask something of your own.",
    "ask_stopped": "Stopped. The cards that were done stay.",
    "ask_way_base": "As it is",
    "ask_way_prompt": "Said in the prompt",
    "ask_way_found": "Found in the text",
    "ask_way_bm25": "Found by words (BM25)",
    "ask_way_dense": "Found by meaning (dense)",
    "ask_way_mine": "Your recipe",
    "ask_way_rome": "Edited (ROME)",
    "ask_way_ft": "Edited (one matrix tuned)",
    "ask_way_lora": "Trained (LoRA)",
    "ask_waits": "waits…",
    "ask_waits_slow": "waits · then about {time}",
    "ask_silent": "(nothing)",
    "ask_sure": "{right} of {of} ways to ask",
    "ask_held": "The right answer stands in this passage.",
    "ask_not_held": "The right answer does not stand in this passage.",
    "ask_at_once": "at once",
    "ask_misread": "The passage is right, the reading is wrong: small models often misread. What helps:",
    "ask_offer_smaller": "Cut smaller",
    "ask_offer_larger": "Cut larger",
    "ask_offer_begin": "Begin the answer",
    "ask_offer_reword": "Other words",
    "ask_behind": "Other wordings, cost",
    "ask_count_right": "Count it as right",
    "ask_count_wrong": "Count it as wrong",
    "ask_by_hand": "Judged by you.",
    "ask_judged": (
        "Ticks go by the words: an answer that holds the right ones counts, whatever it claims around them. Where you "
        "read it otherwise, say so under “Other wordings, cost”."
    ),
    "ask_continued": "The sentence it was written for it ends: “{prompt} … {text}”. A question is not that sentence.",
    "ask_lost": "{lost} of {of} other facts that it knew it no longer says.",
    "ask_none_lost": "All {of} other facts that it knew it still says.",
    "ask_cost": "The question takes {tokens} tokens; four answers took {seconds}.",
    "ask_inside": "Look inside",
    "ask_verdict": "Verdict",
    "ask_so_far": "(so far)",
    "ask_open": "nothing to recommend yet",
    "ask_best_style": "Fine-tune, on examples",
    "ask_untaught": "Editing and training need the right answer: give one, and they are tried too.",
    "ask_best_base": "Leave it as it is",
    "ask_best_prompt": "Say it in the prompt",
    "ask_best_found": "Retrieve",
    "ask_best_bm25": "Retrieve, by words",
    "ask_best_dense": "Retrieve, by meaning",
    "ask_best_mine": "Keep your recipe",
    "ask_best_rome": "Edit the weights",
    "ask_best_ft": "Edit the weights",
    "ask_best_lora": "Fine-tune",
    "ask_nothing_yet": "The first answers are on their way.",
    "ask_no_answer": (
        "Without a right answer nothing can be marked. Give one, or a text where it stands, and the ways can be "
        "compared."
    ),
    "ask_no_answer_found": (
        "Without a right answer nothing can be marked. What was found stands below its answer: read whether it says so."
    ),
    "ask_style": (
        "A style is not one fact: it is learned from examples. Write a dozen questions with answers in that style and "
        "train on them; neither a text nor an edit teaches a way to speak."
    ),
    "ask_known": "It says so already, in {right} of 4 ways to ask. There is nothing to teach.",
    "ask_because_cite_said": (
        "“{way}” says it in {right} of {of} ways to ask, and the sentence that you put there is its source."
    ),
    "ask_because_cite": "“{way}” says it in {right} of {of} ways to ask, and only a text can name its source.",
    "ask_because_changes": (
        "“{way}” says it in {right} of {of} ways to ask, and tomorrow you change one line; weights would have to be "
        "written again."
    ),
    "ask_because_bare": "“{way}” says it in {right} of {of} ways to ask, with no text in the prompt.",
    "ask_because_many": "“{way}” says it in {right} of {of} ways to ask, and carries many facts as it carries one.",
    "ask_because_only": "Only “{way}” says it reliably, in {right} of {of} ways to ask.",
    "ask_because_right": "“{way}” says it in {right} of {of} ways to ask, “{other}” in {less}.",
    "ask_because_calm": (
        "“{way}” says it as “{other}” does, and disturbs less: {own} other facts lost, beside {lost}."
    ),
    "ask_because_cheap": (
        "“{way}” and “{other}” do as well, by what four wordings and a sample of other facts can tell, and “{way}” "
        "takes less to set up."
    ),
    "ask_none_left": "What you ticked rules out every way that was tried.",
    "ask_none_misread": (
        "“{way}” had the right passage and misread it. Try what the card offers before you give it up."
    ),
    "ask_none_sure": "The nearest is “{way}”, right in {right} of {of} ways to ask: too few to rely on.",
    "ask_none_says": "No way says it yet. A larger model may, or a text that says it in one short sentence.",
    "ask_none_for_cite": ("“{way}” says it in {right} of {of} ways to ask, but cannot name its source."),
    "ask_none_for_many": "“{way}” says it in {right} of {of} ways to ask, but does not carry many facts.",
    "ask_none_for_bare": "“{way}” says it in {right} of {of} ways to ask, but takes a text along.",
    "ask_unread": (
        "This model was trained on English and hardly reads Korean: what goes wrong here is its language rather than "
        "the way. Ask in English to compare the ways, or host a model that knows Korean."
    ),
    "ask_against": "Against it:",
    "ask_against_wording": "{wrong} of {of} wordings go wrong.",
    "ask_against_lost": "{lost} of {of} other answers change.",
    "ask_against_tokens": "Each question takes {tokens} tokens more.",
    "ask_against_source": "It cannot name its source.",
    "ask_against_again": "Each change takes {seconds} again.",
    "ask_flips": "It would flip:",
    "ask_flip_with_changes": "if it changed often, to “{way}” ({right} of {of}).",
    "ask_flip_with_cite": "if it had to name its source, to “{way}” ({right} of {of}).",
    "ask_flip_with_many": "if there were many facts, to “{way}” ({right} of {of}).",
    "ask_flip_with_bare": "if no text could go along, to “{way}” ({right} of {of}).",
    "ask_flip_without_changes": "if it never changed, to “{way}” ({right} of {of}).",
    "ask_flip_without_cite": "if it need not name its source, to “{way}” ({right} of {of}).",
    "ask_flip_without_many": "if it were one fact, to “{way}” ({right} of {of}).",
    "ask_flip_without_bare": "if a text could go along, to “{way}” ({right} of {of}).",
    "ask_flip_right": "if “{way}” were right in {gap} more of {of} ways to ask (now {right}).",
    "ask_flip_lost": "if “{way}” lost {gap} facts fewer.",
    "ask_do_inside": "Look inside: {way}",
    "ask_do_examples": "Write examples and train",
    "ask_do_why": "Choosing a way ▸",
    "ask_do_share": "Copy a link to this question",
    "ask_do_picture": "Save as a picture",
    "ask_copied": "Copied.",
    "ask_foot": "Measured on {model} with the Weights Playground",
    "ask_shared": "Somebody shared this question with you. Nothing has run yet: press Try every way.",
    "ask_shared_recipe": "Use the recipe of the link ({count} edits)",
    "ask_opened": "Opened, with your question filled in.",
    "ask_reworded": "Finish this sentence from the text: {prompt}",
    "ask_reworded_plain": "Answer with a few words of the text: {question}",
    "ask_new": "What if it changes? The new answer",
    "ask_new_info": "The text is changed for you. What is found follows at once; weights stay behind.",
    "ask_change": "Ask all of them again",
    "ask_then": "On the day on which the answer is “{new}”",
    "ask_follows": "Follows: one line was changed.",
    "ask_stays": "Stays behind: it takes {seconds} to write it again.",
    "ask_stays_as_is": "Does not follow.",
}
