#!/usr/bin/env python3
"""Fails if a comment or a line of Markdown prose is longer than WIDTH columns.

Reads the Rust files of src, examples, benches and tests, and the Markdown files there and in the
root, as far as Git tracks them or would. rustfmt wraps code, but no comments.

Exempt are tables, code blocks and lists of link targets in Markdown and in doc comments, and lines
that cannot be broken: one word (a link or a string) that is too long for any line."""
import pathlib
import re
import subprocess
import sys

WIDTH = 100
FILES = ["*.md"] + [f"{folder}/**/*.{ending}" for folder in ("src", "examples", "benches", "tests")
                    for ending in ("rs", "md")]

COMMENT = re.compile(r"\s*(///|//!|//)(.*)")
FENCE = re.compile(r"\s*(```|~~~)")
LINK_TARGET = re.compile(r"\s*\[[^\]]+\]: ")


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--"]
        + [f":(glob){pattern}" for pattern in FILES],
        check=True, capture_output=True, text=True)
    paths = sorted(set(listed.stdout.splitlines()))
    return [path for path in map(pathlib.Path, paths) if path.exists()]


def prose(path):
    """Yields (number, line, text) of each line of prose; `text` is the line without `//`."""
    in_code = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text, is_markdown = line, path.suffix == ".md"
        if not is_markdown:
            comment = COMMENT.match(line)
            if not comment:
                in_code = False
                continue
            text, is_markdown = comment[2], comment[1] != "//"
        if is_markdown:
            if FENCE.match(text):
                in_code = not in_code
                continue
            if in_code or text.lstrip().startswith("|") or LINK_TARGET.match(text):
                continue
        yield number, line, text


def can_be_broken(line, text):
    """Returns whether a space of the text is where a shorter line could end."""
    begin = len(line) - len(text)
    # A list's item has its first word after the mark.
    begin += len(re.match(r"\s*((?:[-*>]|\d+\.)\s+)?", text)[0])
    return " " in line[begin:WIDTH + 1]


def main():
    files = tracked()
    found = [(path, number, len(line)) for path in files for number, line, text in prose(path)
             if len(line) > WIDTH and can_be_broken(line, text)]
    for path, number, length in found:
        print(f"{path}:{number}: {length} columns: wrap it at {WIDTH}")
    if not found:
        print(f"{len(files)} files, no comment and no prose over {WIDTH} columns")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
