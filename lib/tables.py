"""Tables that cost no memory: tuples of (key, value), which lie in flash with the code, where a dict is built in the heap."""


def find(table, key, default=None):
    """Return the value of the first row with that key; `default` where there is none."""
    for known, value in table:
        if known == key:
            return value
    return default
