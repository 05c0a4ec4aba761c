"""How much is read: what a visitor may ask for, and what the child process may use."""

# One call
MAX_FILES = 20
MAX_SECONDS = 9.0  # wall clock, from the call to its answer
MAX_AT_ONCE = 2  # calls that read at the same time on this host; others wait
MAX_WAIT_SECONDS = 4.0  # part of MAX_SECONDS

# One file
MAX_FILE_BYTES = 20_000_000  # on disk, or one entry of an archive once unpacked
MAX_PAGES = 2_000  # of a PDF
MAX_COLUMNS = 1_000  # of a .csv
MAX_ENTRIES = 200  # of a .zip

# Archives; a .docx is one too. Counted while unpacking: what a header says is not believed.
MAX_UNPACKED_BYTES = 50_000_000
MAX_RATIO = 200  # unpacked bytes for each packed byte
RATIO_FROM_BYTES = 1_000_000  # smaller ones do no harm, and blank forms do pack that well

# What comes out, over all files of a call
MAX_CHARACTERS = 4_000_000
MAX_RECORDS = 50_000
MAX_LINE_CHARACTERS = 100_000  # longer lines are split
MAX_REPLY_BYTES = 20_000_000  # MAX_CHARACTERS at 4 bytes each, and the JSON around them

# The child process
MAX_MEMORY_BYTES = 1 << 30  # address space
MAX_OPEN_FILES = 32
