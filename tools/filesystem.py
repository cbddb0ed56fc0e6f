"""What every maker of a LittleFS in memory does: files into it with their folders, and the blocks that it has used. No I/O."""

from littlefs import UserContext


class Used(UserContext):
    """A partition in memory that knows its `last` used block."""

    last = 0

    def prog(self, cfg, block, off, data):
        self.last = max(self.last, block)
        return super().prog(cfg, block, off, data)


def put(system, files, order=None):
    """None; the LittleFS `system` has `files` {path: bytes}, written in the order of `order(path)`, or of their paths.

    The same order gives the same image. LittleFSError when there is no room.
    """
    for path in sorted(files, key=order):
        parent = path.rpartition("/")[0]
        if parent:
            system.makedirs(parent, exist_ok=True)
        with system.open(path, "wb") as file:
            file.write(files[path])
