#!/usr/bin/env python3
"""Counts the instructions of the main paths, and fails if a path takes more than recorded.

    benches/instructions/count.py             count, and compare with recorded.json
    benches/instructions/count.py --record    count, and write recorded.json

Needs valgrind. Each path runs under callgrind with two numbers of requests. The difference of the
two counts, divided by the difference of the numbers, is the count for one request: the setup
cancels out. The count for making and dropping the same requests is subtracted. Memory is reused and
the clocks are fake, so the same program always has the same count. Another layout of the program or
of its stack changes it by at most 0.3 %: memcpy copies differently for another alignment.

The count depends on the compiler, so the record names the compiler it was made with. It hardly
depends on the machine: valgrind (at least up to 3.19) emulates a processor without the SHA
extensions, so sha1 and sha2 run their portable code on every machine, and the share of the hash is
larger than on a real processor. If a valgrind does emulate the extensions, this script says so and
stops. The C library may still choose another memcpy on another machine, which changes a few
instructions for each copy.
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
# Each path with the one that only makes its requests.
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
    parser.add_argument("--record", action="store_true", help="write recorded.json")
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
    """Builds the program as `cargo bench` would, and returns its path."""
    messages = output(
        ["cargo", "build", "--locked", "--profile", "bench", "--bench", "instructions"]
        + ["--message-format", "json-render-diagnostics"],
        cwd=HERE,
    )
    for line in messages.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "instructions":
            return message["executable"]
    sys.exit("count.py: cargo built no program named instructions")


def count(program, path, folder):
    """Returns the instructions of one request."""
    few, many = total(program, path, FEW, folder), total(program, path, MANY, folder)
    return round((many - few) / (MANY - FEW))


def total(program, path, repetitions, folder):
    """Returns the instructions of a whole run."""
    return int(re.search(r"^(?:totals|summary): (\d+)", profile(program, path, repetitions, folder), re.M)[1])


def profile(program, path, repetitions, folder):
    """Returns callgrind's output for a run."""
    file = os.path.join(folder, "callgrind.out")
    valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={file}"]
    # An empty environment, as variables would be on the program's stack and change its layout.
    output([*valgrind, program, path, str(repetitions)], env={"PATH": os.environ["PATH"]})
    return pathlib.Path(file).read_text()


def stop_if_sha_extensions_are_used(program, folder):
    """The record was made with the portable code."""
    functions = profile(program, "sign_kong", 1, folder)
    if re.search(r"x86_sha|x86_shani|aarch64_sha2", functions):
        sys.exit(
            "count.py: this valgrind emulates the SHA extensions, and the record was made without:"
            " use one that does not, such as 3.19"
        )


def compare(record, rustc, counts):
    if record["rustc"] != rustc:
        print(f"recorded with {record['rustc']}, counted with {rustc}: compilers differ in counts")
    failed = False
    for path, counted in counts.items():
        recorded = record["paths"][path]
        percent = (counted - recorded) * 100 / recorded
        verdict = "ok"
        if percent > TOLERANCE:
            verdict, failed = f"more than {TOLERANCE:g} % above", True
        elif percent < -TOLERANCE:
            verdict = "fewer: update the record with --record"
        print(f"{path}: recorded {recorded}, counted {counted}, {percent:+.1f} %: {verdict}")
    return 1 if failed else 0


def output(command, **options):
    """Returns what a command prints, or exits if the command fails."""
    try:
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout
    except FileNotFoundError:
        sys.exit(f"count.py: {command[0]} is missing: install it")
    except subprocess.CalledProcessError as error:
        sys.exit(f"count.py: {command[0]} failed with {error.returncode}")


if __name__ == "__main__":
    sys.exit(main())
