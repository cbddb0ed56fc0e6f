"""Packs the set-up page for the device: shrunk, gzipped, with the hashes of its scripts and styles for its security policy."""

import base64
import hashlib
import re
import struct
import zlib

from tools.images import shrink_page


def pack(page):
    """Return the gzip file (bytes) of `page` (bytes of HTML), the same for the same page.

    The comment of its head (RFC 1952 §2.3.1) holds what a Content-Security-Policy needs for exactly these inline scripts
    and styles (CSP Level 3 §2.3.1); firmware/portal/server.py sends it. Decompressors skip it.
    """
    page = shrink_page.shrink(page.decode()).encode()
    comment = "; ".join(f"{directive} {_hashes(page, tag)}" for directive, tag in _DIRECTIVES)
    body = shrink_page.squeeze(page)
    head = b"\x1f\x8b\x08\x10" + bytes(4) + b"\x02\xff" + comment.encode("ascii") + b"\0"
    return head + body + struct.pack("<II", zlib.crc32(page), len(page) & 0xFFFFFFFF)


_DIRECTIVES = (("script-src", "script"), ("style-src", "style"))


def _hashes(page, tag):
    found = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>".encode(), page, re.DOTALL)
    sources = [f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'" for text in found]
    return " ".join(sources) or "'none'"
