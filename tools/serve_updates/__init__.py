"""`python3 -m tools serve-updates DIR`: offers a tree of updates on the LAN, as any static web server would.

Tests take `server.Server` and `faults.Faults` from here, to have it misbehave.
"""

from tools.serve_updates.cli import main

__all__ = ["main"]
