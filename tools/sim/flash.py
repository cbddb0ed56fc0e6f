"""Makes what is in a simulated flash: the whole chip from a layout's rows."""

from tools.images import layout


def chip(rows, contents=None):
    """Return the bytes (a bytearray) of a flash with these rows, blank but for its table and `contents` (label → bytes).

    Raise ValueError for contents that do not fit.
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
