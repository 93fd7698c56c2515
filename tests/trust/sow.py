"""Copies of the sources with a bug put in on purpose."""

import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def put(tree, pairs):
    for path, old, new in pairs:
        path = os.path.join(tree, path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if text.count(old) != 1:
            raise SystemExit(f"{path}: {text.count(old)} times: {old}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))


def make(tree, build, pairs, *goals):
    """The sources into `tree`, with these replaced: (file, text, other text).
    Then all is built there, from `build` on, and `goals`."""
    for part in ("lib", "cmd", "tests", "Makefile"):
        subprocess.run(["cp", "-a", os.path.join(ROOT, part), tree],
                       check=True)
    shutil.rmtree(os.path.join(tree, "build"), ignore_errors=True)
    subprocess.run(["cp", "-a", build, os.path.join(tree, "build")],
                   check=True)
    put(tree, pairs)
    done = subprocess.run(["make", "-s", "all", *goals, "WERROR="], cwd=tree,
                          capture_output=True, check=False,
                          env=dict(os.environ, CI=""))
    if done.returncode != 0:
        raise SystemExit(done.stderr.decode())
