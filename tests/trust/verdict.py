"""One run of a scene: what is there, and whether that may be."""

import hashlib
import json
import os
import re
import signal
import subprocess

import logs

PATIENCE_S = 120
# What differs from run to run where nothing is different: names of what is half
# made, and who held a lock last.
SCRATCH = re.compile(r"~[0-9a-f]{16}")
HOLDER = re.compile(rb"\nholder [^\n]*")


def shell(command, work, build, **more):
    """What hangs is killed with all that it began."""
    env = dict(os.environ, STREAMLOG_DIR=os.path.join(work, "logs"),
               LC_ALL="C.UTF-8", TZ="UTC", HOME=work, **more)
    env["PATH"] = f"{build}/bin:{env['PATH']}"
    with subprocess.Popen(["sh", "-c", command], cwd=work, env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE,
                          start_new_session=True) as process:
        try:
            out, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, said)


def digest(work):
    """Of all files: what was judged once needs no second judgement."""
    found = hashlib.sha1()
    for path, dirs, names in os.walk(work):
        dirs.sort()
        for name in sorted(names):
            full = os.path.join(path, name)
            if not os.path.isfile(full):
                continue  # a FIFO of the command's
            with open(full, "rb") as file:
                data = file.read()
            if name == "lock":
                data = HOLDER.sub(b"", data)
            name = SCRATCH.sub("~", os.path.relpath(full, work))
            found.update(f"\0{name}\0{len(data)}\0".encode() + data)
    return found.digest()


def receipts_of(stdout):
    """Those that came whole."""
    return [json.loads(line) for line in stdout.split(b"\n")[:-1]
            if line.startswith(b'{"topic"') and b'"first_offset"' in line]


class Judge:
    """What was there, what was acknowledged, and what is there."""

    def __init__(self, scene, work, build):
        self.scene = scene
        self.work = work
        self.build = build
        self.path = os.path.join(work, "logs", scene.topic)
        self.before = self.look() if os.path.isdir(self.path) else {}
        self.seen = dict(self.before)

    def look(self):
        return logs.topic(self.path, self.scene.damaged)

    def archived(self):
        path = os.path.join(self.work, "archive", self.scene.topic)
        return logs.topic(path) if os.path.isdir(path) else {}

    def judge(self, receipts):
        """What is wrong with what is there now; receipts: promised."""
        if not os.path.isdir(self.path):
            return None if self.scene.topic_may_lack else "the topic is gone"
        found = self.look()
        known = set(self.scene.sent + self.scene.held)
        for place, value in found.items():
            if value not in known:
                return f"{place}: nobody sent {value[:80]}"
            if self.seen.get(place, value) != value:
                return f"{place}: another event than before"
        kept = {**self.archived(), **found}
        for place, value in self.before.items():
            if place not in kept and (self.scene.archive or
                                      not self.scene.may_go(value)):
                return f"{place}: {value[:80]} is lost"
        for row in receipts if self.scene.keeps else ():
            for offset in range(row["first_offset"],
                                row["first_offset"] + row["count"]):
                if (row["partition"], offset) not in found:
                    return f"offset {offset} had its receipt, and is lost"
        self.seen.update(found)
        return None

    def judge_end(self):
        """The command came to its end."""
        if self.scene.over:
            return "it is still there" if os.path.isdir(self.path) else None
        found = set(self.look().values())
        for value in self.scene.sent:
            if value not in found and not self.scene.may_go(value):
                return f"{value[:80]} was sent again, and isn't there"
        if self.scene.out:
            with open(os.path.join(self.work, "out"), "rb") as file:
                lacking = set(self.scene.held) - set(file.read().split(b"\n"))
            if lacking:
                return f"{len(lacking)} events were never handled"
        if self.scene.proof:
            done = shell(self.scene.proof, self.work, self.build)
            if done.returncode != 0:
                return f"proof: {done.stdout.decode()}{done.stderr.decode()}"
        return None

    def judge_tools(self):
        """What the programs say; and the next append works."""
        if self.scene.over:
            return None
        found = self.look()
        done = shell("streamlog-check -q t 2>check; echo $? >status;"
                     "streamlog-tail -a -q --on-damage=skip t >tail 2>said;"
                     "echo $? >>status; echo '{\"k\":0,\"n\":0}' |"
                     "streamlog-append -k k --receipt t", self.work,
                     self.build)
        check, tail = (int(word) for word in self.read("status").split())
        if check not in ((0, 65) if self.scene.damaged else (0,)):
            return f"check: exit {check}: {self.read('check').decode()}"
        if tail not in (0, 3, 65):
            return f"tail: exit {tail}: {self.read('said').decode()}"
        lines = sorted(self.read("tail").split(b"\n")[:-1])
        if lines != sorted(found.values()):
            return "tail: prints other events than there are"
        if done.returncode != 0:
            return f"append: {done.stderr.decode()}"
        row = json.loads(done.stdout)
        if (row["partition"], row["first_offset"]) in self.seen:
            return f"append: offset {row['first_offset']} is given again"
        return None

    def read(self, name):
        with open(os.path.join(self.work, name), "rb") as file:
            return file.read()
