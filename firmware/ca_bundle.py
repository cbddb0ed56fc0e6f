"""The certificate authorities that every device trusts (DER, bytes), for lib/ca_certs.py.

`python3 -m tools build` writes this module anew into each image (tools/images/roots.py has the list); here nobody is trusted.
"""

CERTIFICATES = ()
