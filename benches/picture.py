#!/usr/bin/env python3
"""Draws benches/speed.svg from the figures in benches/results, and prints the goals.

    cargo bench --bench speed; (cd benches/peers && cargo bench)
    benches/picture.py --collect [TARGET_DIRECTORY [TARGET_DIRECTORY_OF_PEERS]]
    benches/picture.py           draw the collected figures again
    benches/picture.py --check   fail if the picture does not match the figures
    benches/picture.py --table   print the goals of benches/speed and what was reached
"""

import json
import os
import pathlib
import sys
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "results"
PICTURE = HERE / "speed.svg"

WIDTH, LEFT, RIGHT, ROW, BAR = 760, 300, 70, 26, 14
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .group { font-weight: 600 }
  .note, .ns { fill: #57606a }
  .floor { fill: #0a5c8f } .ours { fill: #54aeff } .peer { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .note, .ns { fill: #8b949e }
    .floor { fill: #1f6feb } .ours { fill: #79c0ff } .peer { fill: #6e7681 }
  }
"""

# The bars: a label, and how the case of the group `service` of `cargo bench --bench speed` begins.
OURS = {
    "Signing": [
        ("Tencent's scheme, later in a second", "sign, later request of a second, x-date"),
        ("Tencent's scheme, first of a second", "sign, first request of a second, x-date"),
        ("Kong's scheme, target covered", "sign, kong's default"),
    ],
    "Checking": [
        ("accepted, one of 1,000,000 keys", "verify, accepted, the same"),
        ("too old", "verify, refused, stale"),
    ],
}


def load(name):
    return json.loads((RESULTS / name).read_text())


def row_of(table, case):
    service = [row for row in table["rows"] if row["group"] == "service"]
    rows = [row for row in service if row["case"].startswith(case)]
    if len(rows) != 1:
        sys.exit(
            f"picture.py: {len(rows)} rows begin with {case!r}:"
            " run `cargo bench --bench speed` without a filter"
        )
    return rows[0]


def bars():
    """Yields headings as text, and bars as (label, ns, floor's ns or None for a peer)."""
    table, peers = load("table.json"), load("peers.json")
    for group, rows in OURS.items():
        yield group
        for label, case in rows:
            row = row_of(table, case)
            yield label, row["ns"], row["floor_ns"]
    yield "Others, signing a comparable request"
    for peer in peers["rows"]:
        if not peer["name"].startswith("tower-hmac-auth"):
            yield peer["name"], peer["ns"], None


def draw():
    entries = list(bars())
    longest = max(entry[1] for entry in entries if not isinstance(entry, str))
    scale = (WIDTH - LEFT - RIGHT) / longest
    machine = load("table.json")
    shapes, y = [], 10

    def text(x, y, kind, words, anchor="start"):
        shapes.append(f'<text class="{kind}" x="{x:.0f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def bar(kind, y, ns):
        shapes.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(ns * scale, 1):.1f}" height="{BAR}"/>')

    for entry in entries:
        y += ROW
        if isinstance(entry, str):
            y += 4
            text(10, y, "group", entry)
            continue
        label, ns, floor = entry
        text(LEFT - 10, y, "label", label, "end")
        bar("peer" if floor is None else "ours", y - BAR + 3, ns)
        if floor is not None:
            bar("floor", y - BAR + 3, min(floor, ns))
        text(LEFT + ns * scale + 6, y, "ns", f"{ns:,.0f} ns")
    y += ROW + 6
    text(10, y, "note", "Dark: the floor measured in the same run (the clock and three inserts, or the keyed MAC alone).")
    y += 18
    text(10, y, "note", f'{machine["machine"]}, {machine["cores"]} cores, {machine["rustc"]}')
    body = "\n".join(shapes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 14}" viewBox="0 0 {WIDTH} {y + 14}" role="img">\n'
        f"<title>Nanoseconds a request, beside the floor and other crates</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def print_table():
    table = load("table.json")
    print("| case | ns | floor, ns | ratio | goal | reached |\n|---|---|---|---|---|---|")
    for row in table["rows"]:
        if row["goal"] is not None:
            reached = "yes" if row["ratio"] <= row["goal"] else "no"
            print(f'| {row["case"]} | {row["ns"]:.0f} | {row["floor_ns"]:.0f} | {row["ratio"]:.2f} | {row["goal"]} | {reached} |')


def collect(speed, peers):
    RESULTS.mkdir(exist_ok=True)
    for directory, name in ((speed, "table.json"), (peers, "peers.json")):
        figures = json.loads((pathlib.Path(directory) / "criterion" / name).read_text())
        (RESULTS / name).write_text(json.dumps(figures, indent=1) + "\n")


def main():
    match sys.argv[1:]:
        case ["--collect", *directories] if len(directories) <= 2:
            target = os.environ.get("CARGO_TARGET_DIR")
            default = [target or HERE.parent / "target", target or HERE / "peers" / "target"]
            speed, peers = directories + default[len(directories):]
            collect(speed, peers)
            PICTURE.write_text(draw())
        case []:
            PICTURE.write_text(draw())
        case ["--check"]:
            if PICTURE.read_text() != draw():
                sys.exit(
                    "picture.py: benches/speed.svg does not match benches/results:"
                    " run benches/picture.py"
                )
        case ["--table"]:
            print_table()
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
