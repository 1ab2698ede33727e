#!/usr/bin/env python3
"""Writes the programs in other languages than Rust of src/guide/leaving_tencent.md, one file each,
whose name is in its first line; and fails if the page does not have the commands.

    programs.py DIRECTORY COMMAND...
"""

import pathlib
import re
import sys

LANGUAGES = {"python", "go", "java", "php", "js"}

directory, commands = pathlib.Path(sys.argv[1]), sys.argv[2:]
page = pathlib.Path(__file__).parents[3] / "src/guide/leaving_tencent.md"
text = page.read_text()
# A command may go on in the next line.
commands_of_page = re.sub(r"\\\n +", "", text)
found = set()
for language, program in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S):
    if language in LANGUAGES:
        name = re.search(r"\w+\.\w+", program.partition("\n")[0])[0]
        (directory / name).write_text(program)
        found.add(language)
if found != LANGUAGES:
    sys.exit(f"{page} has programs in {sorted(found)} only")
for command in commands:
    if f"$ {command}\n" not in commands_of_page:
        sys.exit(f"{page} has no command: {command}")
