#!/usr/bin/env python3
"""Counts the instructions of the main paths, and fails if one takes more than it did.

    benches/instructions/count.py             count, and compare with recorded.json
    benches/instructions/count.py --record    count, and write recorded.json anew

Needs valgrind. Each path is run under callgrind with two numbers of requests; what the runs differ by, divided by what
the numbers differ by, is its count for one request. The same is counted of making such requests and dropping them, and
taken off. What is prepared cancels out, memory is used again and again, and clocks are made up: the same program has the
same count every time. Another layout in memory, of the program or of its stack, changes it by 0.3 % or less: alignment
decides how memcpy copies.

The count depends on the compiler, so the record names the one it was made with. It hardly depends on the machine: valgrind
(up to 3.19 at least) shows programs a processor without the SHA extensions, whatever the real one has, so that sha1 and
sha2 take their portable code everywhere, and the hash's part of a count is the same everywhere, and larger than it
would be on the real processor. If a valgrind does show them, this script says so and stops. What may still differ is which of
its memcpys the C library picks: a few instructions for each copy.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
RECORD = HERE / "recorded.json"
# Each with what makes the requests that it takes.
PATHS = {
    "sign_from_cache": "make_unsigned",
    "sign_first_of_second": "make_unsigned",
    "sign_kong": "make_unsigned",
    "sign_cavage": "make_unsigned",
    "verify_accepted": "make_received",
    "verify_stale": "make_received",
}
FEW, MANY = 200, 1200
# Percent.
TOLERANCE = 5.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write recorded.json anew")
    arguments = parser.parse_args()

    rustc = output(["rustc", "--version"]).strip()
    program = build()
    with tempfile.TemporaryDirectory() as folder:
        stop_if_sha_extensions_are_used(program, folder)
        making = {make: count(program, make, folder) for make in set(PATHS.values())}
        counts = {path: count(program, path, folder) - making[make] for path, make in PATHS.items()}

    if arguments.record:
        record = {"rustc": rustc, "paths": counts}
        RECORD.write_text(json.dumps(record, indent=2) + "\n")
        for path, counted in counts.items():
            print(f"{path}: {counted}")
        return 0
    return compare(json.loads(RECORD.read_text()), rustc, counts)


def build():
    """The benchmark's program, built as `cargo bench` would."""
    messages = output(
        ["cargo", "build", "--locked", "--profile", "bench", "--bench", "instructions"]
        + ["--message-format", "json-render-diagnostics"],
        cwd=HERE,
    )
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "instructions":
            return message["executable"]
    sys.exit("cargo has built no program named instructions")


def count(program, path, folder):
    """Instructions for one request."""
    few, many = total(program, path, FEW, folder), total(program, path, MANY, folder)
    return round((many - few) / (MANY - FEW))


def total(program, path, repetitions, folder):
    """Instructions of a whole run."""
    return int(re.search(r"^(?:totals|summary): (\d+)", profile(program, path, repetitions, folder), re.M)[1])


def profile(program, path, repetitions, folder):
    """What callgrind writes of a run."""
    file = os.path.join(folder, "callgrind.out")
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={file}"]
    # Nothing of the caller's environment is put on the program's stack.
    output([*valgrind, program, path, str(repetitions)], env={"PATH": os.environ["PATH"]})
    return pathlib.Path(file).read_text()


def stop_if_sha_extensions_are_used(program, folder):
    """The record was made of the portable code."""
    functions = profile(program, "sign_kong", 1, folder)
    if re.search(r"x86_sha|x86_shani|aarch64_sha2", functions):
        sys.exit(
            "this valgrind shows programs the SHA extensions: counts of the hash would not compare with the record;"
            " use one that does not, 3.19 for example"
        )


def compare(record, rustc, counts):
    if record["rustc"] != rustc:
        print(f"recorded with {record['rustc']}, counted with {rustc}: counts depend on the compiler")
    failed = False
    for path, counted in counts.items():
        recorded = record["paths"][path]
        percent = (counted - recorded) * 100 / recorded
        verdict = "ok"
        if percent > TOLERANCE:
            verdict, failed = f"more than {TOLERANCE:g} % above", True
        elif percent < -TOLERANCE:
            verdict = "better: record it anew with --record"
        print(f"{path}: recorded {recorded}, counted {counted}, {percent:+.1f} %: {verdict}")
    return 1 if failed else 0


def output(command, **options):
    """What a command prints; if it fails, so does this."""
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{command[0]} failed with {error.returncode}")


if __name__ == "__main__":
    sys.exit(main())
