# SPDX-License-Identifier: ISC
# Copyright (c) 2026 The pipemilter authors
"""
Does what a Markdown page tells its reader to do, in the current directory.

    doctest.py PAGE [FROM TO ...]

A fenced block behind a paragraph that ends with "file `NAME`:", or says so
before it, is put into that file. A block `console` has commands behind the
prompts $ and #, each with what it prints. In that, "..." alone in a line stands
for any lines, and within a line for any text. FROM is replaced by TO in files,
commands and what is expected.
"""
import os
import re
import subprocess
import sys

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
FILE = re.compile(r"\bfile\s+`([^`]+)`[^`]*:\s*\Z")
LIMIT = 120     # seconds for a command


def blocks(text):
    at = 0
    for fence in FENCE.finditer(text):
        before = text[at:fence.start()].strip().split("\n\n")[-1]
        at = fence.end()
        if fence[1] == "console":
            yield "console", None, fence[2]
        elif FILE.search(before):
            yield "file", FILE.search(before)[1], fence[2]
        else:
            sys.exit("a block that is neither a file's nor console:\n%s" % fence[0])


def parse(text):
    """Pairs of a command and the lines that it is to print."""
    found = []
    for line in text.splitlines():
        if re.match(r"[$#] [a-z/]", line):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern(lines):
    out = ""
    for line in lines:
        if line == "...":
            out += r"(?:.*\n)*"
        else:
            out += ".*".join(re.escape(p) for p in line.split("...")) + r"\n"
    return re.compile(out)


def run(command, expected):
    done = subprocess.run(["sh", "-c", command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=LIMIT)
    got = done.stdout.decode("utf-8", "replace")
    print("$ %s\n%s" % (command, got), end="", flush=True)
    if not pattern(expected).fullmatch(got):
        sys.exit("expected:\n%s" % "\n".join(expected))


def main():
    text = open(sys.argv[1], encoding="utf-8").read()
    for old, new in zip(sys.argv[2::2], sys.argv[3::2]):
        text = text.replace(old, new)
    done = 0
    for kind, name, body in blocks(text):
        if kind == "file":
            os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
            with open(name, "w", encoding="utf-8") as f:
                f.write(body)
        else:
            for command, expected in parse(body):
                run(command, expected)
                done += 1
    print("%d commands" % done)


main()
