"""The certificate authorities that a device trusts from the start: from the package certifi, by name, as DER.

Each root costs a board about twice its size in memory while a connection is made, so the list is short. It has what the
services in question may show at any renewal, and nothing else; a server that is signed by another one needs its root as a
file in `certs/` of the device.

- Let's Encrypt (ISRG Root X1, X2): most self-hosted servers, static hosting, and one of Cloudflare's authorities.
- Google Trust Services (GTS Root R4, its ECDSA root): what Cloudflare, in front of OpenShock's servers, takes first.
- SSL.com (TLS ECC Root CA 2022): Cloudflare's third.
- Sectigo (USERTrust ECC): ZeroSSL, GitHub, and Cloudflare's reserve.

Cloudflare serves ECDSA certificates to clients that support it, as MicroPython does; that is why the large RSA roots of the last
three are not here.
"""

import base64
import re
from pathlib import Path

from tools import Failure

FOLDER = "certs"
NAMES = (
    "ISRG Root X1",
    "ISRG Root X2",
    "GTS Root R4",
    "SSL.com TLS ECC Root CA 2022",
    "USERTrust ECC Certification Authority",
)
_ENTRY = re.compile(r'# Label: "([^"]*)".*?-----BEGIN CERTIFICATE-----\n(.*?)-----END CERTIFICATE-----', re.DOTALL)


def files():
    """Return {path in the image: DER} of the roots in NAMES. Raise Failure without certifi, or when it lacks one of them."""
    try:
        import certifi
    except ImportError:
        raise Failure("certifi is missing; delete .venv and try again")
    known = dict(_ENTRY.findall(Path(certifi.where()).read_text(encoding="utf-8")))
    missing = [name for name in NAMES if name not in known]
    if missing:
        raise Failure(f"certifi no longer has {', '.join(missing)}: take another root, or another version of it")
    return {f"{FOLDER}/{_file_name(name)}.der": base64.b64decode(known[name]) for name in NAMES}


def _file_name(name):
    return re.sub(r"[^a-z0-9]+", "-", name.lower())
