"""Who may sign updates: the public keys (HSS, RFC 8554) that lib/lms_verify.py takes, first the release key, then the spare.

`python3 -m tools build` writes this file anew into each image. This one trusts nobody: it takes no update.
"""

KEYS = ()
