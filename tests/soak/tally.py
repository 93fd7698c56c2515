"""Counts what was checked, and prints it as TAP."""

import sys
import traceback

SHOWN = 10  # of what is wrong


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, wrong):
        """One line of TAP, and what is wrong below it."""
        count = self.passed + self.failed + 1
        if wrong:
            self.failed += 1
        else:
            self.passed += 1
        print("%sok %d - %s" % ("not " if wrong else "", count, name))
        for line in wrong[:SHOWN]:
            print("# " + line)
        if len(wrong) > SHOWN:
            print("# and %d more" % (len(wrong) - SHOWN))
        sys.stdout.flush()

    def check_broken(self, name):
        """The check could not be made; called where its exception is caught."""
        self.check(name, traceback.format_exc().splitlines()[-SHOWN:])

    def end(self):
        """The last lines, and the exit status."""
        print("1..%d" % (self.passed + self.failed))
        print("%d passed, %d failed" % (self.passed, self.failed))
        return 1 if self.failed else 0
