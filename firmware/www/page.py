"""The set-up page as the portal sends it: index.html, shrunk and gzipped, with its security policy in the head of the gzip file.

`python3 -m tools build` writes this module anew into each image (tools/images/set_up_page.py); here it is empty.
"""

GZIPPED = b""
