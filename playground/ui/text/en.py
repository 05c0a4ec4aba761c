"""English."""

from playground.ui.text.en_adapters import ADAPTERS
from playground.ui.text.en_documents import DOCUMENTS
from playground.ui.text.en_lab import LAB
from playground.ui.text.en_lab_report import LAB_REPORT
from playground.ui.text.en_merge import MERGE
from playground.ui.text.en_weights import WEIGHTS

TEXT = {
    # The page
    "title": "# Weights Playground\nShould I edit the weights, fine-tune, or retrieve? "
    "Try each on your own prompt and measure.",
    "no_storage": "**This browser keeps nothing for a page inside another page.** Your recipe and "
    "your documents would be gone after a reload: [open the playground in a tab of its own](./).",
    "tab_tokens": "Tokens",
    "tab_documents": "Documents",
    "tab_compare": "Compare",
    "other_language": "한국어",
    "skip": "Skip to the content",
    "stale": "This belongs to an earlier input.",
    "stale_questions": "These questions belong to another fact. Have some proposed, or write your "
    "own.",
    "error_title": "That did not work",
    "error_unexpected": "Something went wrong on our side. Nothing of yours is lost: try again, "
    "or undo the last step.",
    "more": "More",
    "settings": "Settings",
    "seed": "Seed",
    "stop": "Stop",
    "stopped": "Stopped. What was written so far stays.",
    # What the server refuses before anything else
    "edge_host": "This page is not served under the name {name}. Open it by the host's address, or "
    "have the host allow the name: PLAYGROUND_HOSTS={name}",
    "edge_route": "There is nothing here.",
    "edge_method": "Only GET and POST are answered here.",
    "edge_slow": "This came too slowly and was broken off. Try again with a better connection.",
    "edge_large": "This is larger than {limit} MB, the most that is taken here. Send less.",
    "edge_json": "This is not JSON: send a JSON text in UTF-8, without NaN or Infinity.",
    "edge_surrogate": "The text holds half a character (a lone surrogate). Remove it.",
    "edge_deep": "The JSON is nested more than {limit} deep. Send something flatter.",
    "edge_values": "The JSON has more than {limit} values. Send fewer at a time.",
    "edge_files": "Uploads hold files only. Send no other fields.",
    "edge_left": "The upload was broken off.",
    "edge_kind": "Uploads come as multipart/form-data, everything else as JSON.",
    "edge_uploads": "{limit} uploads are taken from one address at a time, and many wait already. "
    "Try again in a minute.",
    "edge_disk": "The host's disk is almost full (less than {limit} GB are free): no files are "
    "taken at the moment. Tell the host, or try again later.",
    "edge_event": "The page has changed since you opened it. Reload it: nothing of yours is lost.",
    "edge_session": "{limit} requests of yours wait here already. Wait until some are answered.",
    "edge_address": "{limit} requests from your address wait here already. Wait until some are "
    "answered.",
    "edge_busy": "Too many requests wait here. Try again in a minute: nothing of yours is lost.",
    "edge_types": "What was sent does not fit this page (value {place}). Reload the page and try "
    "again.",
    "edge_count": "{wanted} values are needed here, and {given} were sent.",
    # Sidebar
    "sidebar": "Your recipe",
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
    "stack_empty": "No edits yet. Nudge a token on the Tokens tab, change matrices on the Weights "
    "tab, teach a fact in the Fact lab, or press a ready example on the Compare tab.",
    "stack_held": "All edits together hold {bytes}; everything else is shared.",
    "step_off": "Switched off",
    "step_not_built": "Not built",
    "step_switch_off": "Switch off",
    "step_switch_on": "Switch on",
    "step_remove": "Remove",
    "undo": "Undo",
    "redo": "Redo",
    "reset": "Reset",
    "save": "Save",
    "load": "Load",
    "receipt": "Tensors changed: {tensors} (by {change} %). Holds {bytes}, took {seconds}.",
    "title_nudge_toward": "“{text}” toward “{target}”, strength {strength}",
    "title_nudge_away": "“{text}” away from “{target}”, strength {strength}",
    "title_nudge_random": "“{text}” in a random direction, strength {strength}",
    "title_nudge_scale": "“{text}” scaled by {strength}",
    # Tokens
    "tokens_intro": "A model reads **tokens**: pieces of text, each with a number (its id) and a "
    "row of numbers, its **embedding**. Press a token to look at its row, then nudge it.",
    "tokens_text": "A word or a sentence (press Enter)",
    "chips_label": "Tokens of your text",
    "token_facts": "Token {id}: a row of {size} numbers, length (norm) {norm}",
    "strip_alt": "The embedding of “{text}” as a strip of colour",
    "strip_legend": "One stripe for each number: blue below zero, orange above.",
    "blank_nothing": "(empty)",
    "blank_line": "line end",
    "blank_space": "space",
    "column_token": "Token",
    "column_id": "Id",
    "column_cosine": "Cosine",
    "column_before": "Before (base)",
    "column_after": "After (your recipe)",
    "column_change": "Change",
    "neighbours_caption": "Nearest tokens. The cosine is 1 for the same direction. "
    "Press one to go on from there.",
    "map_title": "A flat map of the token and its neighbours ({share} % of their differences)",
    "map_neighbours": "neighbours",
    "map_before": "before",
    "map_after": "after",
    "token_in_part": "This token is only part of a character, so it cannot be typed by itself. "
    "Type the whole word to nudge all of its tokens.",
    "nudge_heading": "### Nudge it",
    "nudge_text": "Text to nudge (a leading space matters)",
    "nudge_direction": "Direction",
    "direction_toward": "Toward a word",
    "direction_away": "Away from a word",
    "direction_random": "Random",
    "direction_scale": "Scale",
    "nudge_target": "Target word",
    "nudge_target_info": "For toward and away",
    "nudge_strength": "Strength",
    "nudge_strength_info": "Toward: 0 leaves it, 1 lands on the target. Scale: 1 leaves it.",
    "nudge_side": "Side",
    "nudge_side_info": "Input: how the token is read. Output: how readily it is written.",
    "side_both": "Both",
    "side_input": "Input",
    "side_output": "Output",
    "nudge": "Nudge",
    "preview": "A preview: press Nudge to keep it.",
    "nudge_prompt": "Prompt to continue (press Enter)",
    "bars_caption": "The likeliest next tokens. The change is in percentage points.",
    "bars_empty": "Type the start of a sentence above to see what the model expects next.",
    "write_on": "Write on, before and after",
    # Documents
    "documents_intro": "**Retrieval** looks up passages and puts them before your question, so "
    "the model can read what it never learned. Compare a search by words with one by meaning.",
    "corpus": "Documents (corpus)",
    "own_documents": "My own documents",
    "sample_question": "Try one of its questions",
    "query": "What to look for",
    "passages_k": "Passages (k)",
    "search": "Search",
    "bm25_heading": "### By words: BM25\nCounts shared words, rare ones more. The score is a sum.",
    "dense_heading": "### By meaning: dense\nCompares embeddings by MiniLM, which reads English "
    "only. The score is a cosine.",
    "dense_working": "Searching by meaning… The first time, its model is loaded.",
    "hits_none": "No passage shares a word with this. Try other words, or the other search.",
    "hit_score": "score {score}",
    "own_heading": "Your own documents",
    "own_intro": "Add text, Markdown, PDF, Word, CSV, JSON Lines (a `text` field on each line) or "
    "HTML files, or a .zip of them: at most 30 documents, 20 MB each, 3 MB and about 120,000 words "
    "of text together. A collection that you saved (.json) opens as a new one. What cannot be read "
    "is listed. Only you can search them; unused, they are deleted after 7 days.",
    "other_tab": "Your recipe was changed in another tab. The one that is changed last is kept.",
    "other_tab_take": "Take that one",
    "other_tab_keep": "Keep this one",
    "own_files": "Files",
    "file_refused": "{names} cannot be used here. Allowed are files that end in {kinds}.",
    "own_none": "No documents of your own yet.",
    "own_there": "Yours: {names} ({passages} passages). Listed as “My own documents”.",
    "own_encoding": "{name} was read as {encoding}. If its letters are wrong, choose another "
    "encoding in the menu and add the file again.",
    "own_encoding_menu": "Encoding of text files",
    "own_encoding_info": "Holds for the next files that you add. Word and PDF files tell theirs.",
    "own_encoding_auto": "Find out",
    "own_unreadable": "{name}: {pages} pages gave no text.",
    "own_forget": "Delete this collection",
    # Compare
    "compare_intro": "One prompt, several contestants: whose weights answer, and with which "
    "passages. Words that the first answer does not have are underlined. Start with an example:",
    "example_retrieve": "A fact it cannot know: retrieval finds it",
    "example_changes": "A nudge that changes an answer",
    "example_breaks": "The same nudge breaks another",
    "prompt": "Prompt",
    "compare": "Compare",
    "contestants": "Contestants",
    "columns": "How many",
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
    "answer_figures": "{tokens} tokens in {seconds}, {rate} tok/s (prompt: {prompt} tokens)",
    "answer_passages": "Passages used ({count})",
    "answer_supported": "Stands in the passages: {share} of its words",
    "answer_supported_info": "Marked: the same words in a row, or a number or a longer word that a "
    "passage has too. The rest came from the weights, or was put in other words.",
    "answer_source": "In passage {rank}: {passage}",
    "take_away": "Take it away",
    "without": "Without {passage}",
    "without_info": "The same question with all passages and without {passage}. What changes came "
    "from that passage; what stays came from the others, or from the weights.",
    "answer_prompt": "The exact prompt",
    **WEIGHTS,
    **ADAPTERS,
    **DOCUMENTS,
    **LAB,
    **LAB_REPORT,
    **MERGE,
}
