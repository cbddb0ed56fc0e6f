"""Makes what is in a simulated flash: the runtime's stand-in, an app image, and the whole chip from a layout's rows."""

from littlefs import LittleFS

from tools import filesystem, layout
from tools.images.simulated import slot_image as runtime_image  # noqa: F401

SECTOR = layout.BLOCK


def app_image(files, size, trim=True, block=SECTOR):
    """A LittleFS image for a partition of `size` bytes with `files` (path → bytes); `trim`: without what was never written.

    The same files give the same bytes.
    """
    context = filesystem.Used(size)
    lfs = LittleFS(context, block_size=block, block_count=size // block, prog_size=min(block, 256), read_size=16)
    filesystem.put(lfs, files)
    lfs.unmount()
    return bytes(context.buffer[: -(-(context.last + 1) * block // SECTOR) * SECTOR] if trim else context.buffer)


def folder_files(folder):
    """Every file under `folder`, as `app_image` wants them."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def chip(rows, contents=None):
    """The bytes of a flash with these rows, blank but for its table and `contents` (label → bytes); a bytearray.

    ValueError for contents that do not fit.
    """
    data = bytearray(b"\xff" * max(row.offset + row.size for row in rows))
    data[layout.TABLE_OFFSET : layout.TABLE_OFFSET + layout.TABLE_SIZE] = layout.binary(rows)
    places = {row.label: row for row in rows}
    for label, content in (contents or {}).items():
        row = places[label]
        if len(content) > row.size:
            raise ValueError(f"{label} holds {row.size} bytes, not {len(content)}")
        data[row.offset : row.offset + len(content)] = content
    return data
