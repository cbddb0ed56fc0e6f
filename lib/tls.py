"""TLS contexts that verify (MicroPython's default does not), and what a failed connection means, in plain words."""

import errno
import ssl

from micropython import const

_EPIPE = const(32)  # MicroPython's errno does not name these two
_ENETUNREACH = const(101)

NO_MEMORY = "not enough memory"
_NOT_TRUSTED = const("certificate not trusted")
_OTHER_HOST = const("certificate is for another host")
_EXPIRED = const("certificate has expired")
_NOT_YET_VALID = const("certificate not valid yet (is the clock set?)")
_NO_COMMON_CIPHER = const("no common cipher")
_REFUSED = const("the other side refused the handshake (no common cipher?)")
_NOT_TLS = const("the other side does not speak TLS")
_CLOSED = const("the other side closed")
_NO_MEMORY = const("not enough memory")

ONLY_13 = "the server only speaks TLS 1.3, or has no cipher for TLS 1.2, which is what this device speaks"
MAYBE_VERSION = (_CLOSED, _REFUSED, _NO_COMMON_CIPHER)  # what a handshake ends with where the versions do not meet

# What mbedTLS (MicroPython: the words of a ValueError, or the name in an OSError) and OpenSSL (CPython) say, in lower case, and
# what that means. The first row that is found counts: who signed it matters more than how old it is.
_WORDS = (
    ("not correctly signed by the trusted ca", _NOT_TRUSTED),
    ("self-signed certificate", _NOT_TRUSTED),
    ("self signed certificate", _NOT_TRUSTED),
    ("unable to get", _NOT_TRUSTED),
    ("does not match with the expected cn", _OTHER_HOST),
    ("hostname mismatch", _OTHER_HOST),
    ("ip address mismatch", _OTHER_HOST),
    ("has expired", _EXPIRED),
    ("starts in the future", _NOT_YET_VALID),
    ("not yet valid", _NOT_YET_VALID),
    ("x509_cert_verify_failed", _NOT_TRUSTED),
    ("certificate_verify_failed", _NOT_TRUSTED),
    ("handshake_failure", _NO_COMMON_CIPHER),
    ("handshake failure", _NO_COMMON_CIPHER),
    ("no_shared_cipher", _NO_COMMON_CIPHER),
    ("protocol_version", _NO_COMMON_CIPHER),
    ("unsupported_protocol", _NO_COMMON_CIPHER),
    ("ssl_fatal_alert_message", _REFUSED),
    ("wrong_version_number", _NOT_TLS),
    ("record_layer_failure", _NOT_TLS),
    ("ssl_invalid_record", _NOT_TLS),
    ("ssl_conn_eof", _CLOSED),
    ("net_conn_reset", _CLOSED),
    ("unexpected_eof", _CLOSED),
    ("eof occurred", _CLOSED),
    ("alloc_failed", _NO_MEMORY),
)


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

    For one connection; `drop()` closes it when there is no stream that could. One that cannot be read is left out where `roots`
    can be told (`leave_out`, as lib/ca_certs.py). Raises ValueError when there is no root, or for the first that cannot be read.
    """
    made = _Context(ssl.PROTOCOL_TLS_CLIENT)
    made.verify_mode = ssl.CERT_REQUIRED  # MicroPython begins with CERT_NONE (reference/micropython-esp32.md §e)
    leave_out = getattr(roots, "leave_out", None)
    n_good = 0
    for count, root in enumerate(roots, 1):
        try:
            made.load_verify_locations(cadata=root)
            n_good += 1
        except (OSError, ValueError):
            if not leave_out or not leave_out("no certificate that could be read"):
                raise ValueError("root certificate %d cannot be read" % count)
    if not n_good:
        raise ValueError("no root certificate: TLS could not verify anyone")
    return made


def explain(fault):
    """Plain words for what a connection raised, the same on both interpreters; the fault's own text when unknown."""
    if isinstance(fault, EOFError):
        return _CLOSED
    if isinstance(fault, MemoryError):
        return _NO_MEMORY
    text = str(fault).lower()
    for words, meaning in _WORDS:
        if words in text:
            return meaning
    if isinstance(fault, OSError) and not fault.args:
        return _CLOSED  # CPython's asyncio, when the connection ends in the handshake
    number = fault.args[0] if isinstance(fault, OSError) else None
    return _meaning(number) or str(fault) or type(fault).__name__


def _meaning(number):
    """Return what an errno means; "" for one that says nothing. The numbers are other ones on each platform."""
    if number in (errno.ECONNRESET, errno.ECONNABORTED, errno.ENOTCONN, _EPIPE):
        return _CLOSED
    if number == errno.ECONNREFUSED:
        return "connection refused"
    if number == errno.EHOSTUNREACH:
        return "no way to the host"
    if number == _ENETUNREACH:
        return "no way to the network"
    if number == errno.ETIMEDOUT:
        return "no answer"
    return _NO_MEMORY if number in (errno.ENOMEM, errno.ENOBUFS) else ""
