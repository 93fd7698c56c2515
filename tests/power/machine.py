"""A machine that loses power: a file system in memory, cut and mounted again.

All of it is in a mount namespace of the process that calls enter(), so that no
mount and no loop device outlives that process, however it ends.
"""

import ctypes
import fcntl
import os
import re
import shutil
import signal
import struct
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 1 << 18, 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOP_CTL_GET_FREE, LOOP_CONFIGURE = 0x4C82, 0x4C0A
# loop_config: the file, the block size, a loop_info64 of 232 bytes with its
# flags at 52, and 64 bytes that are reserved.
LOOP_CONFIG = struct.Struct("II52xI176x64x")
LO_FLAGS_AUTOCLEAR = 4
SHUTDOWN = 0x8004587D  # _IOR('X', 125, uint32_t)
NOLOGFLUSH = struct.pack("I", 2)  # neither log nor data go to disk
BUSY_TRIES = 200
MEMORY = "/dev/shm"

SIZES = {"ext4": 64 << 20, "xfs": 320 << 20}  # xfs takes no smaller one
MAKE = {"ext4": (["-F", "-b", "1024"], ["-F", "-b", "4096"]),
        "xfs": (["-f"],)}
# auto_da_alloc writes a file before it is renamed over another, which would
# hide that nobody synced it.
OPTIONS = {"ext4": ("noauto_da_alloc", "noauto_da_alloc,data=writeback",
                    "noauto_da_alloc,nodelalloc", ""),
           "xfs": ("",)}
BOOT_AT = 50  # in the text of a partition's `lock`: streamlog-format(5)
BOOT_LINE = re.compile(rb"boot ([0-9a-f-]{36})\n")


def call(name, *arguments):
    if getattr(LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source, path, kind, options=""):
    call("mount", source.encode(), path.encode(), kind.encode(), 0,
         options.encode())


def unmount(path):
    """Who was killed may keep it busy for a moment."""
    for _ in range(BUSY_TRIES):
        try:
            return call("umount2", path.encode(), 0)
        except OSError as error:
            last = error
            time.sleep(0.005)
    raise last


def enter():
    """What this process mounts nobody else sees; its children are its own."""
    call("unshare", CLONE_NEWNS)
    call("mount", None, b"/", None, MS_REC | MS_PRIVATE, None)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def attach(path):
    """A loop device that goes when nothing has it open: (descriptor, name)."""
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _ in range(BUSY_TRIES):
            name = f"/dev/loop{fcntl.ioctl(control, LOOP_CTL_GET_FREE)}"
            device = os.open(name, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, LOOP_CONFIGURE,
                            LOOP_CONFIG.pack(file, 0, LO_FLAGS_AUTOCLEAR))
                return device, name
            except BlockingIOError:  # another took it
                last = OSError(16, f"{name} is taken")
            except OSError as error:
                last = error
            os.close(device)
        raise last
    finally:
        os.close(file)
        os.close(control)


class Machine:
    """`disk` is what a cut leaves; `memory` is what it doesn't."""

    def __init__(self, root, kind, choose):
        self.kind = kind
        self.root = root
        self.disk = os.path.join(root, "disk")
        self.memory = os.path.join(root, "run")
        self.options = choose.choice(OPTIONS[kind])
        mount("none", root, "tmpfs", "mode=0700")
        mount("none", MEMORY, "tmpfs", "mode=1777")
        os.mkdir(self.disk)
        os.mkdir(self.memory, 0o700)
        image = os.path.join(root, "image")
        with open(image, "wb") as file:
            file.truncate(SIZES[kind])
        made = choose.choice(MAKE[kind])
        subprocess.run([f"mkfs.{kind}", "-q", *made, image], check=True)
        self.words = " ".join([kind, *made, self.options])
        self.device, self.name = attach(image)
        mount(self.name, self.disk, kind, self.options)

    def cut(self):
        """Whatever is not on disk now never will be."""
        top = os.open(self.disk, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.ioctl(top, SHUTDOWN, NOLOGFLUSH)
        os.close(top)

    def start(self, is_reboot, choose):
        """The file system recovers; after a reboot memory is empty, and the
        boot id is another: as the kernel's stays the same, those on disk are
        made to be of the boot before."""
        unmount(self.disk)
        mount(self.name, self.disk, self.kind, self.options)
        if not is_reboot:
            return
        for directory in (self.memory, MEMORY):
            for entry in os.scandir(directory):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                else:
                    os.unlink(entry.path)
        for directory, _, names in os.walk(self.disk):
            if "lock" in names:
                self.age(os.path.join(directory, "lock"), choose)

    @staticmethod
    def age(path, choose):
        """A torn text, and a group's, has no boot id to replace."""
        with open(path, "r+b") as file:
            match = BOOT_LINE.search(file.read(4096))
            if match and match.start(1) == BOOT_AT:
                file.seek(BOOT_AT)
                file.write(b"%08x-0000-4000-8000-%012x" % (
                    choose.getrandbits(32), choose.getrandbits(48)))


def leave(root, machine):
    """All of it goes, also what was only half made."""
    if machine:
        os.close(machine.device)
    for path in (os.path.join(root, "disk"), MEMORY, root):
        LIBC.umount2(path.encode(), MNT_DETACH)


def what_lacks(*paths):
    """Why no file system can be cut here; None: nothing lacks."""
    if os.geteuid() != 0:
        return "not root: mounting and the shutdown ioctl need it"
    if not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        return "no loop devices: /dev/loop-control"
    for path in paths:
        if os.path.realpath(path).startswith(MEMORY + "/"):
            return f"'{path}' is in {MEMORY}, which is emptied at each cut"
    return None


def can_make(kind):
    """Why no such file system can be made and mounted; None: it can."""
    if not shutil.which(f"mkfs.{kind}"):
        package = {"ext4": "e2fsprogs", "xfs": "xfsprogs"}[kind]
        return f"no mkfs.{kind}: 'apt-get install {package}'"
    with open("/proc/filesystems", encoding="ascii") as file:
        if kind not in file.read().split():
            return f"the kernel has no {kind}"
    return None
