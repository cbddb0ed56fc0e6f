"""TLS contexts that verify (MicroPython's default does not), and what a failed connection means, in plain words."""

import errno
import ssl

NOT_TRUSTED = "certificate not trusted"
OTHER_HOST = "certificate is for another host"
EXPIRED = "certificate has expired"
NOT_YET_VALID = "certificate not valid yet (is the clock set?)"
NO_COMMON_CIPHER = "no common cipher"
REFUSED = "the other side refused the handshake (no common cipher?)"
NOT_TLS = "the other side does not speak TLS"
CLOSED = "the other side closed"
NO_MEMORY = "not enough memory"

# What mbedTLS (MicroPython: the words of a ValueError, or the name in an OSError) and OpenSSL (CPython) say, in lower
# case, and the place of what that means in _REASONS. The first line that is found counts: who signed it matters more than
# how old it is. One text, as fifty small ones would fill the memory that a handshake needs.
_WORDS = """\
not correctly signed by the trusted ca=0
self-signed certificate=0
self signed certificate=0
unable to get=0
does not match with the expected cn=1
hostname mismatch=1
ip address mismatch=1
has expired=2
starts in the future=3
not yet valid=3
x509_cert_verify_failed=0
certificate_verify_failed=0
handshake_failure=4
handshake failure=4
no_shared_cipher=4
protocol_version=4
unsupported_protocol=4
ssl_fatal_alert_message=5
wrong_version_number=6
record_layer_failure=6
ssl_invalid_record=6
ssl_conn_eof=7
net_conn_reset=7
unexpected_eof=7
eof occurred=7
alloc_failed=8
"""
_REASONS = (
    NOT_TRUSTED,
    OTHER_HOST,
    EXPIRED,
    NOT_YET_VALID,
    NO_COMMON_CIPHER,
    REFUSED,
    NOT_TLS,
    CLOSED,
    NO_MEMORY,
)

_NUMBERS = {
    errno.ECONNRESET: CLOSED,
    errno.ECONNABORTED: CLOSED,
    errno.ENOTCONN: CLOSED,
    32: CLOSED,  # EPIPE, which MicroPython's errno does not name
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no way to the host",
    101: "no way to the network",  # ENETUNREACH, likewise
    errno.ETIMEDOUT: "no answer",
    errno.ENOMEM: NO_MEMORY,
    errno.ENOBUFS: NO_MEMORY,
}


class _Context(ssl.SSLContext):
    """A context that can close what it wrapped. MicroPython loses sockets twice: `open_connection` when it is cancelled,
    and a TLS socket, whose `close` does nothing, when its handshake has failed. On CPython asyncio never calls this.
    """

    _raw = _wrapped = None

    def wrap_socket(self, sock, **options):
        """The socket in TLS. When that fails `sock` is closed, and what was raised goes on."""
        try:
            self._wrapped = super().wrap_socket(sock, **options)
        except (OSError, ValueError):
            sock.close()
            raise
        self._raw = sock
        return self._wrapped

    def drop(self):
        """None; the socket is closed, exactly once: its number may belong to another by the time we tried again."""
        if self._raw is None:
            return
        self._wrapped.close()
        try:
            self._raw.setblocking(False)  # OSError: it is closed already
            self._raw.close()
        except OSError:
            pass
        self._raw = self._wrapped = None


def context(roots):
    """A context that trusts the certificates in `roots` (DER, one bytes object each) and no others, and checks names.

    For one connection; `drop()` closes it when there is no stream that could. Raises ValueError when there is no root,
    or one cannot be read.
    """
    made = _Context(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_mode = ssl.CERT_REQUIRED  # MicroPython begins with CERT_NONE (reference/micropython-esp32.md §e)
    count = 0
    for root in roots:
        count += 1
        try:
            made.load_verify_locations(cadata=root)
        except (OSError, ValueError):
            raise ValueError("root certificate %d cannot be read" % count)
    if not count:
        raise ValueError("no root certificate: TLS could not verify anyone")
    return made


def explain(fault):
    """Plain words for what a connection raised, the same on both interpreters; the fault's own text when unknown."""
    if isinstance(fault, EOFError):
        return CLOSED
    if isinstance(fault, MemoryError):
        return NO_MEMORY
    text = str(fault).lower()
    at = 0
    while at < len(_WORDS):
        mark = _WORDS.find("=", at)
        if _WORDS[at:mark] in text:
            return _REASONS[int(_WORDS[mark + 1])]
        at = mark + 3
    if isinstance(fault, OSError) and not fault.args:
        return CLOSED  # CPython's asyncio, when the connection ends in the handshake
    number = fault.args[0] if isinstance(fault, OSError) else None
    return _NUMBERS.get(number) or str(fault) or type(fault).__name__
