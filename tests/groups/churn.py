"""The scene `membership`: members come and go at random, all the time."""

import collections
import glob
import os
import signal
import time

import files
import judge
from members import MODES, Member, Writer
from witness import Witness

PATIENCE = 60
SLACK_SECONDS = 1.5
SETTLE_SECONDS = 2.5    # after the last change
CHANGES_A_SECOND = 3    # fewer are no test
STEADY_SECONDS = 0.7    # so long a member has been in before it is relied on
STOPPED_MAX = 3
PARTITIONS_MAX = 64
WRITERS = 3


class Churn:
    """A group, its topics, and all who work with them."""

    def __init__(self, stage):
        self.stage = stage
        self.random = stage.random
        self.time_out = self.random.choice([1, 2, 2])
        self.is_relaying = self.random.random() < 0.4
        self.anchors = []
        self.anchored = 0
        self.most = self.random.choice([2, 3, 4] if self.is_relaying else
                                       [3, 4, 8, 8, 16, 32])
        self.target = self.most
        self.members = []
        self.counts = collections.Counter()
        self.wrong = []
        self.topics = {}  # name: partitions
        self.make_topics()
        self.group = os.path.join(stage.log, "@groups", "g")
        self.witness = Witness(self.group, stage.log)
        stage.trace = self.witness.trace
        self.writers = [Writer(stage, number, self.topics)
                        for number in range(WRITERS)]

    def make_topics(self):
        left = self.random.choice([1, 2, 8, 16, 32, 64])
        names = ["orders", "web.a", "web.b", "web.c", "audit"]
        for name in self.random.sample(names, min(len(names), left)):
            count = self.random.randint(1, max(left - len(names), 1))
            left -= count
            self.make_topic(name, count)

    def make_topic(self, name, partitions):
        self.stage.run("topic", "create", "--partitions", str(partitions),
                       "--set", "segment.bytes=16KiB", name)
        self.topics[name] = partitions

    # ---- Members ----

    def words(self):
        """What a new member subscribes to, and whether it is all there is."""
        names = sorted(self.topics)
        choice = self.random.randrange(5)
        if choice == 0:
            some = self.random.sample(names, self.random.randint(
                1, len(names)))
            return some, False
        if choice == 1 and any(n.startswith("web.") for n in names):
            return ["web.*"], False
        return ["*"], True

    def join(self, wide=False):
        words, is_wide = self.words()
        if wide and not is_wide:
            words, is_wide = ["*"], True
        mode = self.random.choice(MODES)
        follows = wide or self.random.random() < 0.9
        options = ["--session-timeout", "%ds" % self.time_out]
        if mode == "command" and self.random.random() < 0.5:
            options += ["--batch", str(self.random.choice([20, 100]))]
        # A stop often comes while a command runs.
        environment = {"HANDLER_US": self.random.choice(["0", "20000"])}
        may_fail = (not wide and mode == "command" and
                    self.random.random() < 0.1)
        if may_fail:
            environment["HANDLER_FAIL"] = "20"
        member = Member(self.stage, len(self.members), mode, words, options,
                        follows, environment=environment)
        member.is_wide = is_wide and follows and not may_fail
        member.may_fail = may_fail
        self.members.append(member)
        self.counts["joins"] += 1

    def running(self):
        return [m for m in self.members if m.is_running]

    def is_spare(self, member):
        """
        Others read all topics, and do so already. Where no relays are run, the
        two anchors have seen all for as long as it takes to miss one.
        """
        now = time.monotonic()
        if not self.is_relaying:
            return member not in self.anchors
        return any(m.is_wide and m is not member and
                   now - m.started > STEADY_SECONDS and
                   not (m.stops and now - m.stops[-1][1] < STEADY_SECONDS)
                   for m in self.running())

    def act(self):
        now = time.monotonic()
        for member in self.members:
            if member.wakes is not None and member.wakes <= now:
                member.resume()
                self.counts["conts"] += 1
        running = self.running()
        if self.random.random() < 0.02:
            self.target = self.random.randint(1, self.most)
        if self.random.random() < 0.02:
            self.change_topics()
        if self.is_relaying and self.relay(running, now):
            return
        self.change_anchors(running, now)
        if len(running) < self.target or self.random.random() < 0.3:
            if len(running) < self.most:
                self.join()
        else:
            self.disturb(self.random.choice(running))

    def change_topics(self):
        """One more topic, or more partitions of one."""
        count = self.random.randint(1, 4)
        if sum(self.topics.values()) + count > PARTITIONS_MAX:
            return
        if self.random.random() < 0.5:
            self.make_topic("web.%d" % len(self.topics), count)
            self.counts["topics made"] += 1
            return
        name = self.random.choice(list(self.topics))
        count += self.topics[name]
        done = self.stage.run("topic", "alter", "--partitions", str(count),
                              name)
        if done.returncode != 0:
            self.wrong.append("alter: %r" % done)
        self.topics[name] = count
        self.counts["topics altered"] += 1

    def change_anchors(self, running, now):
        """In turn, each for twice the time that others may be missed for."""
        if (len(self.anchors) == 2 and
                now - self.anchored < self.time_out + judge.LOOK_SECONDS):
            return
        able = [m for m in running if m.is_wide and m not in self.anchors and
                not m.stops]
        if able:
            self.anchors = [*self.anchors[-1:], self.random.choice(able)]
            self.anchored = now

    def relay(self, running, now):
        """
        Kill all who took over from one that was stopped, and wake that one:
        what it had is its own again, but no longer where it was.
        """
        asleep = [m for m in self.members if m.wakes is not None and
                  m.is_wide and now - m.stops[-1][0] > 1.5 * self.time_out]
        if not asleep or self.random.random() < 0.7:
            return False
        for member in running:
            member.kill()
            self.counts["kills"] += 1
        time.sleep(self.random.choice([0, 0.01, 0.1]))
        asleep[0].resume()
        self.counts["relays"] += 1
        return True

    def disturb(self, member):
        if not self.is_spare(member):
            return
        what = self.random.choice(["leave", "leave", "kill", "kill", "kill",
                                   "stop", "long stop"])
        stopped = sum(m.wakes is not None for m in self.members)
        if "stop" in what and stopped >= STOPPED_MAX:
            what = "kill"
        if what == "leave":
            member.leave()
        elif what == "kill":
            member.kill()
        elif what == "stop":
            member.stop(self.time_out * self.random.uniform(0.01, 0.3))
        else:
            if member.mode == "command":
                member.await_command(0.1)
            member.stop(self.time_out * self.random.uniform(1.7, 2.2))
        self.counts[what + "s"] += 1

    def run(self, seconds):
        begun = time.monotonic()
        self.join(wide=True)
        self.anchors = self.members[:]
        for actor in [self.witness, *self.writers]:
            actor.start()
        while time.monotonic() - begun < seconds:
            self.act()
            time.sleep(self.random.uniform(0, 0.08))
        for writer in self.writers:
            writer.over.set()
        for writer in self.writers:
            writer.join()
            self.wrong += writer.wrong
        self.counts["seconds"] = int(time.monotonic() - begun)

    # ---- After all ----

    def settle(self):
        """All that were stopped go on; then nothing happens for a while."""
        for member in self.members:
            member.resume()
        if not any(m.is_wide for m in self.running()):
            self.join(wide=True)
        time.sleep(self.time_out + SETTLE_SECONDS)
        return self.check_calm()

    def check_calm(self):
        # A place half made when its maker was killed may stay.
        wrong = ["left: " + name for name in self.witness.left_scratch(1)
                 if os.path.basename(os.path.dirname(name)) != "places"]
        alive = {str(m.process.pid) for m in self.running()}
        names = os.listdir(os.path.join(self.group, "members"))
        inside = {files.member_name(n).rpartition(":")[2] for n in names}
        if inside != alive or len(names) != len(alive):
            wrong.append("members/ has %s, alive are %s; dead: %s" % (
                sorted(names), sorted(alive), sorted(inside - alive)))
        assignment = files.read_assignment(self.group)
        copy = files.read_copy(self.group)
        rows = {(r["topic"], r["partition"]):
                (r["owner"] or "", r["next"] or "") for r in
                copy["partitions"]}
        if copy["generation"] != assignment[0] or rows != assignment[1]:
            wrong.append("assignment.json has generation %d, lock has %d: %r" %
                         (copy["generation"], assignment[0],
                          set(rows.items()) ^ set(assignment[1].items())))
        time.sleep(0.5)
        later = files.read_assignment(self.group)
        if later != assignment:
            wrong.append("it never settles: generation %d, then %d: %r" % (
                assignment[0], later[0],
                set(later[1].items()) ^ set(assignment[1].items())))
        for topic, partitions in self.topics.items():
            for partition in range(partitions):
                row = assignment[1].get((topic, partition), ("", ""))
                if row[0] not in names or row[1]:
                    wrong.append("%s-%d: %s" % (topic, partition, row))
        if all(m.is_wide for m in self.running()):
            loads = collections.Counter(o for o, _ in assignment[1].values())
            shares = [loads[n] for n in names]
            if shares and max(shares) - min(shares) > 1:
                wrong.append("not balanced: %r" % loads)
        return wrong

    def leave(self):
        self.left = time.monotonic()
        for member in self.running():
            member.leave()
            self.counts["leaves"] += 1
        for member in self.members:
            self.wrong += self.check_end(member)

    def check_end(self, member):
        status = member.finish(PATIENCE)
        allowed = {0} if not member.follows else set()
        if member.told is not None:
            allowed = {*allowed, -signal.SIGTERM}
        if member.killed is not None:
            allowed = {*allowed, -signal.SIGKILL}
        if member.may_fail:
            allowed.add(1)
        if status in allowed:
            return []
        return ["%s: ended with %d: %s" % (judge.tell(judge.Handling(
            0, 0, 0, 0, member)), status, member.last_words())]

    def read_rest(self):
        """One fresh member is left, and reads all that there is."""
        member = Member(self.stage, len(self.members), "command", ["*"],
                        follows=False)
        self.members.append(member)
        member.may_fail = False
        wrong = self.check_end(member)
        time.sleep(0.2)
        self.witness.over.set()
        self.witness.join()
        for name in glob.glob(os.path.join(self.group, "members", "*")):
            wrong.append("left: " + name)
        for key, end in self.witness.ends.items():
            place = self.witness.samples[key][-1].place.offset
            if place != end.look():
                wrong.append("%s-%d: the place is %d, the end %d" %
                             (*key, place, end.look()))
        return wrong

    def tell_counts(self):
        changes = sum(count for name, count in self.counts.items()
                      if name not in ("seconds", "conts"))
        print("# membership: %d changes in %d s: %s; at most %d members, %d "
              "partitions of %d topics, time-out %d s" %
              (changes, self.counts["seconds"],
               ", ".join("%d %s" % (count, name) for name, count in
                         sorted(self.counts.items()) if name != "seconds"),
               self.most, sum(self.topics.values()), len(self.topics),
               self.time_out))
        if changes < CHANGES_A_SECOND * self.counts["seconds"]:
            return ["only %d changes in %d s" % (changes,
                                                 self.counts["seconds"])]
        return []


    def judge_standstills(self, history, appended):
        """The longest, and those that were too long."""
        members = collections.defaultdict(list)
        for member in self.members:
            members[str(member.process.pid)].append(member)
        longest, wrong = 0, set()
        for key in history.log:
            tenures = self.witness.tenures.get(key, [])
            for begun, ended in history.standstills(key, appended, self.left):
                still = ended - begun
                if still > longest:
                    still -= judge.excused(begun, ended, tenures, members,
                                           self.time_out)
                longest = max(longest, still)
                if still > SLACK_SECONDS:
                    wrong.add("%s-%d: %.1f s from %.3f to %.3f" %
                              (*key, still, begun, ended))
        return longest, sorted(wrong)


def membership(stage, tally):
    churn = Churn(stage)
    churn.run(stage.seconds)
    calm = churn.settle()
    churn.leave()
    rest = churn.read_rest()
    tally.check("membership: enough happened", churn.tell_counts())
    tally.check("membership: each ends as it was told to", churn.wrong)
    tally.check("membership: who died is forgotten, what is left is shared "
                "out, and no half made file stays", calm)
    tally.check("membership: one fresh member reads the rest and ends", rest)
    tally.check("membership: places never move back or beyond the end, and "
                "only owners commit (%d looks, %d commits judged)" %
                (churn.witness.looks, churn.witness.judged),
                churn.witness.wrong)
    judge_history(churn, tally)


def judge_history(churn, tally):
    history = judge.History(churn.stage.log, churn.topics)
    long_stop = churn.time_out * 0.9
    for member in churn.members:
        history.check_order(history.read(member), long_stop)
    tally.check("membership: what is handled is what the log holds, in order",
                history.wrong)
    history.wrong = []
    history.check_appended({run: what for writer in churn.writers
                            for run, what in writer.runs.items()})
    history.check_all_handled()
    tally.check("membership: each of %d events was handled" % history.events,
                history.wrong)
    history.wrong = []
    history.check_commits(churn.witness.samples)
    tally.check("membership: nothing is committed that was not handled",
                history.wrong)
    history.wrong = []
    repeats = history.check_repeats(churn.witness.samples, long_stop)
    tally.check("membership: only between a death and its last commit is one "
                "repeated (%d were)" % repeats, history.wrong)
    appended = {who: at for writer in churn.writers
                for who, (_, at) in writer.runs.items()}
    if churn.is_relaying:
        return
    longest, wrong = churn.judge_standstills(history, appended)
    tally.check("membership: no partition stood still while others lived "
                "(%.2f s at most, beside owners' stops)" % longest, wrong)
