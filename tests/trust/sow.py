"""Copies of the sources with a bug put in on purpose."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

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
    for part in ("lib", "cmd", "man", "tests", "Makefile"):
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


def judge(tree, program, *words, verdict="", **env):
    """What a test of the tree said, of that verdict if one is named; or None."""
    env = dict(os.environ, BUILD=os.path.join(tree, "build"), **env)
    run = subprocess.run([program, *words], cwd=tree, env=env,
                         capture_output=True, check=False)
    text = run.stdout.decode() + run.stderr.decode()
    if run.returncode == 0:
        return None
    found = re.search(r"^not ok \d+ - " + verdict + r".*\n(# .*)", text, re.M)
    if not found and verdict and "\nnot ok" in text:
        return None
    if not found:
        raise SystemExit(f"not caught, and it fails: {text}")
    return found[1]


def reap(build, seeds, strike, goals):
    """
    Plant each of `seeds` (name, proof, pairs) whose name has a word of the
    command line, build it and goals(proof), and see what strike(tree, proof)
    says of it: what failed, or None, which is a miss. Ends the program.
    """
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    tree = tempfile.mkdtemp(prefix="seeds-", dir=shm)
    caught = missed = 0
    for name, proof, pairs in seeds:
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        make(tree, build, pairs, *goals(proof))
        said = strike(tree, proof)
        caught += said is not None
        missed += said is None
        print(f"{'ok' if said else 'not ok'} {caught + missed} - {name}",
              flush=True)
        if said:
            said = re.sub(re.escape(tree) + r"\S*: ", "", said)
            print(f"# {said.removeprefix('# ')}", flush=True)
    shutil.rmtree(tree)
    print(f"{caught} passed, {missed} failed")
    sys.exit(missed != 0)
