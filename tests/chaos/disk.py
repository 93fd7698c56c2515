"""A small file system of its own, and who fills it."""

import os
import shutil
import subprocess
import time

FULL_SECONDS = 1.5  # so long it is nearly full, and then so long it isn't
LATE_SECONDS = 5    # until ext4 may use again what was given back
LEFT_MOST = 0.10    # of it, while it is nearly full


def enter_namespace(script):
    """Without root: again, as root of a namespace; False: it can't be."""
    if os.geteuid() == 0:
        return True
    if os.environ.get("CHAOS_INSIDE") or not shutil.which("unshare"):
        return False
    inside = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL,
                      check=False).returncode != 0:
        return False
    os.environ["CHAOS_INSIDE"] = "1"
    os.execvp(inside[0], [*inside, script])


def run(*words):
    return subprocess.run(words, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, check=False)


class Disk:
    """Mounted at `path`: ext4 on a loop device, or else a tmpfs."""

    def __init__(self, path, size):
        self.path = path
        self.size = size
        self.kind = "ext4"
        self.image = path + ".img"
        with open(self.image, "wb") as image:
            image.truncate(size)
        made = run("mkfs.ext4", "-q", "-m", "0", self.image)
        if (made.returncode != 0 or
                run("mount", "-o", "loop", self.image, path).returncode != 0):
            self.kind = "tmpfs"
            done = run("mount", "-t", "tmpfs", "-o", "mode=700,size=%d" % size,
                       "tmpfs", path)
            if done.returncode != 0:
                raise OSError("mount: " + done.stderr.decode().strip())
        if self.kind == "ext4":
            os.rmdir(os.path.join(path, "lost+found"))

    def left(self):
        """How much of it is free, 0 to 1."""
        state = os.statvfs(self.path)
        return state.f_bavail / state.f_blocks

    def end(self):
        for _ in range(50):  # who was killed is gone in a moment
            if run("umount", self.path).returncode == 0:
                break
            time.sleep(0.1)
        else:
            run("umount", "-l", self.path)
        os.unlink(self.image)


class Filler:
    """A file that takes nearly all of the disk half of the time."""

    def __init__(self, disk, random):
        self.disk = disk
        self.random = random
        self.fd = os.open(os.path.join(disk.path, ".filler"),
                          os.O_RDWR | os.O_CREAT, 0o600)
        self.size = 0
        self.wanted = None  # how much is to be left; None: it takes nothing
        self.turns = 0
        self.full_until = 0.0
        self.looks = self.full_looks = 0

    def look(self, now):
        """To be called again and again."""
        if now >= self.turns:
            self.turns = now + FULL_SECONDS
            if self.wanted is None:
                # Often to the last block.
                self.wanted = max(0, self.random.uniform(-0.5, 1) * LEFT_MOST)
            else:
                self.shrink()
        left = self.disk.left()
        if self.wanted is not None and left > LEFT_MOST:
            self.grow(int((left - self.wanted) * self.disk.size))
            left = self.disk.left()
        self.looks += 1
        self.full_looks += left <= LEFT_MOST
        if left <= LEFT_MOST:
            self.full_until = now

    def was_full(self, since):
        """At any time since then, or shortly before."""
        return self.full_until >= since - LATE_SECONDS

    def grow(self, more):
        try:
            os.posix_fallocate(self.fd, self.size, max(more, 4096))
            self.size += max(more, 4096)
        except OSError:
            self.size = os.fstat(self.fd).st_size

    def shrink(self):
        self.wanted, self.size = None, 0
        os.ftruncate(self.fd, 0)

    def end(self):
        self.shrink()
        os.close(self.fd)
        os.unlink(os.path.join(self.disk.path, ".filler"))
