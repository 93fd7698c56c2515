"""Which calls fail, with what, and the exit status that this has.

FAULTS has, of each call (as shim.c names them), the errors that fit it: those
that Linux's file systems, its limits and its network file systems give. `one`
and `half`: only so many of the bytes are read or written. STATUS has what a
program ends with that can't do without the call; streamlog(7) has the same
table, and `manual` reads it from there.
"""

import re

DISK = "EIO ESTALE"
FULL = "ENOSPC EDQUOT"
FILES = "EMFILE ENFILE"
MAKES = f"{DISK} {FULL} EROFS EACCES ENOMEM"
PARTS = {"one": -1, "half": -2}

FAULTS = {
    "pwrite": f"{DISK} {FULL} EFBIG EINTR one half",
    "write": f"{DISK} {FULL} EFBIG EPIPE EINTR EAGAIN one half",
    "create": f"{MAKES} {FILES}",
    "mkdir": MAKES,
    "unlink": f"{DISK} EROFS EACCES ENOMEM",
    "rename": MAKES,
    "ftruncate": f"{DISK} ENOSPC EINTR",
    "fdatasync": f"{DISK} {FULL}",
    "fsync": f"{DISK} {FULL}",
    "await": f"{DISK} {FULL} ENOSYS",
    "begin": f"{DISK} {FULL} ENOSYS",
    "lock": f"{DISK} ENOLCK EINTR EAGAIN",
    "unlock": f"{DISK} ENOLCK",
    "ask": f"{DISK} ENOLCK",
    "futimens": f"{DISK} EROFS EACCES",
    "chmod": f"{DISK} EROFS EPERM",
    "spawn": "EAGAIN ENOMEM",
    "open": f"{DISK} {FILES} EACCES EROFS ENOMEM",
    "read": f"{DISK} EINTR EAGAIN one half",
    "pread": f"{DISK} EINTR one half",
    "stat": f"{DISK} EACCES ENOMEM",
    "fdopendir": "ENOMEM",
    "readdir": DISK,
    "statfs": f"{DISK} ENOMEM ENOSYS",
    "inotify_init": f"{FILES} ENOMEM",
    "inotify_add": "ENOSPC ENOMEM EACCES",
    "poll": "EINTR ENOMEM",
    "memfd": f"{FILES} ENOMEM",
    "eventfd": f"{FILES} ENOMEM",
    "thread": "EAGAIN",
    "pidfd": f"{FILES} ENOMEM ENOSYS",
    "waitpid": "EINTR",
    "close": f"{DISK} {FULL} EINTR",
}
# These are tried again at once, so that they aren't for good.
ONCE_ONLY = ("EINTR", "EAGAIN")
# Of these a program is killed at each: they change what others see.
KILLS = ("pwrite write create mkdir unlink rename ftruncate fdatasync fsync "
         "lock unlock futimens chmod spawn").split()
WRITES = ("pwrite", "write")

# What a program ends with that can't do without the call; with `EAGAIN` of a
# lock that is not waited for.
STATUS = {
    "EIO ESTALE EROFS EACCES EPERM EMFILE ENFILE ENOLCK ENOSYS EPIPE": 74,
    "ENOSPC EDQUOT EFBIG EAGAIN": 75,
    "ENOMEM": 1,
}
# Where a command can't be begun, or has no input, it is the command that fails;
# and so has a group whose reader is gone.
OF_COMMANDS = {"spawn": 126, "memfd": 1, "malloc": 126, "write": 1}
# Where what shows places or indexes shows those as damaged, or does without.
UNREADABLE = ("EIO", "EACCES", "EROFS")

# What can't be removed is in the way of the next of its name.
ALSO = {("unlink", "ENOMEM"): (74,),
        # A place that can't be read, and won't be, is a damaged one.
        ("open", "EIO"): (65,), ("pread", "EIO"): (65,),
        ("open", "EACCES"): (65,), ("open", "EROFS"): (65,)}


def statuses(call, fault, how):
    """What a program may end with: 0 where it can do without."""
    found = {0, *ALSO.get((call, fault), ())}
    if call in OF_COMMANDS:
        found.add(OF_COMMANDS[call])
    for faults, status in STATUS.items():
        if fault in faults.split():
            found.add(status)
            # A sync of what was appended is never made again (RULE 10), and a
            # disk that is behind stdout is no log's.
            if status == 75 and (call in ("fdatasync", "write") or
                                 how == "sticky"):
                found.add(74)
    return found


def manual(path):
    """The same of streamlog(7): {error: status}."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    section = re.search(r"^\.Ss Errors of the system\n(.*?)^\.El", text,
                        re.M | re.S)
    return {fault: int(status) for status, faults in
            re.findall(r"^\.It (\d+)\n\.Er (.*)$", section[1], re.M)
            for fault in faults.split()}


def table():
    """STATUS as {error: status}, of all that is in FAULTS."""
    return {fault: status for faults, status in STATUS.items()
            for fault in faults.split()}
