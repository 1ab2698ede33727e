#!/usr/bin/env python3
"""Reads the imports of src/ and fails if a top-level module imports from one that is below it in
ORDER, or if the imports make a cycle.

Imports are `use` items and paths that begin with crate::, self:: or super::. Re-exports are
resolved. Imports within a file's own folder are exempt. Modules of prose (PROSE) import nothing."""
import pathlib
import re
import sys

ORDER = ["limits", "key", "mac", "header", "form", "request_head", "readiness", "clock",
         "rejection", "events", "wire", "scheme", "sign", "verify", "digest"]
PROSE = ["layer_order", "guide"]
HEADS = ("crate", "self", "super")


def branches(tree):
    """Yields the paths of a use tree, each as a list of names without aliases."""
    parts, depth, current = [], 0, ""
    for char in tree:
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    for part in (part.strip() for part in parts + [current]):
        group = re.fullmatch(r"(.*?)\{(.*)\}", part, re.S)
        if group:
            before = [name.strip() for name in group[1].split("::") if name.strip()]
            for rest in branches(group[2]):
                yield before + rest
        elif part:
            yield [name.strip() for name in re.sub(r"\s+as\s+\w+$", "", part).split("::")]


class Tree:
    def __init__(self, src):
        self.paths, self.exports = {}, {}
        for file in sorted(src.rglob("*.rs")):
            names = file.relative_to(src).with_suffix("").parts
            module = names[:-1] if names[-1] in ("mod", "lib") else names
            text = re.sub(r"//[^\n]*", "", file.read_text())
            self.paths[module], self.exports[module] = [], {}
            for public, tree in re.findall(r"(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", text):
                for path in branches(tree):
                    if public:
                        self.exports[module][path[-1]] = path
                    self.paths[module].append(path)
            rest = re.sub(r"\buse\s+[^;]+;", "", text)
            for path in re.findall(r"\b(?:crate|self|super)(?:::\w+)+", rest):
                self.paths[module].append(path.split("::"))

    def resolve(self, module, path, depth=0):
        """Returns the module in which a path's item is defined, or None for other crates."""
        if path[0] not in HEADS:
            if module + (path[0],) not in self.paths:
                return None
            path = ["self"] + path
        while path and path[0] in HEADS:
            module = {"crate": (), "self": module, "super": module[:-1]}[path[0]]
            path = path[1:]
        while path:
            if module + (path[0],) in self.paths:
                module, path = module + (path[0],), path[1:]
            elif path[0] in self.exports[module] and depth < 20:
                return self.resolve(module, self.exports[module][path[0]] + path[1:], depth + 1)
            else:
                break
        return module

    def arrows(self):
        """Yields (from, to): modules of files whose top-level modules differ."""
        for module, paths in self.paths.items():
            for path in paths:
                target = self.resolve(module, path)
                if module and target and module[0] != target[0]:
                    yield module, target


def cycle(edges):
    """Returns a cycle of top-level modules, or None."""
    done = set()

    def walk(module, trail):
        if module in trail:
            return trail[trail.index(module):] + [module]
        if module in done:
            return None
        for other in sorted(edges.get(module, ())):
            found = walk(other, trail + [module])
            if found:
                return found
        done.add(module)
        return None

    return next(filter(None, (walk(module, []) for module in sorted(edges))), None)


def main():
    src = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src")
    tree = Tree(src)
    faults, edges = [], {}
    for module in tree.paths:
        if module and module[0] not in ORDER + PROSE:
            faults.append("%s has no place in ORDER" % "/".join(module))
    for module, target in tree.arrows():
        edges.setdefault(module[0], set()).add(target[0])
        place = {name: number for number, name in enumerate(ORDER)}
        if place.get(target[0], -1) > place.get(module[0], -1):
            faults.append("%s imports from %s, which stands below it" % ("/".join(module), "/".join(target)))
    found = cycle(edges)
    if found:
        faults.append("cycle: " + " -> ".join(found))
    for fault in sorted(set(faults)):
        print(fault)
    if not faults:
        print("%d files, %d arrows between modules, none against the order, no cycle"
              % (len(tree.paths), sum(map(len, edges.values()))))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
