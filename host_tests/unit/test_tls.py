"""lib/tls.py: no context without roots, and plain words for what mbedTLS and OpenSSL say."""

import errno
import ssl

from lib import tls

# A root certificate that signs itself, P-256, 2024 to 2049; nobody has its key any more.
ROOT = bytes.fromhex(
    "308201293081d0a003020102020101300a06082a8648ce3d04030230143112301006035504030c097465737420726f6f74301e17"
    "0d3234303130313030303030305a170d3439313233313030303030305a30143112301006035504030c097465737420726f6f7430"
    "59301306072a8648ce3d020106082a8648ce3d030107034200045bb3f1ba59f5f03be3857bade268b9827e2926f83d08c1f6a98a"
    "740b5b0e0b8f2380d6e877f7fcec34d7ebf9b808a94fb4db4213531424ea59677e0f19da85cda3133011300f0603551d130101ff"
    "040530030101ff300a06082a8648ce3d04030203480030450220648df4a97eb77af88179913fd213b0942074822dae51fb8277ec"
    "fac52122eed3022100d6a815a631430b7efa49c5b0a8f6b16fcd831a8429c1a1796b11d8b35fd2a941"
)

# What each library says, word for word.
SAID = (
    (ValueError("\nThe certificate is not correctly signed by the trusted CA\n"), "certificate not trusted"),
    (
        ValueError(
            "\nThe certificate Common Name (CN) does not match with the expected CN\n"
            "\nThe certificate is not correctly signed by the trusted CA\n"
        ),
        "certificate not trusted",
    ),
    (
        ValueError("\nThe certificate Common Name (CN) does not match with the expected CN\n"),
        "certificate is for another host",
    ),
    (ValueError("\nThe certificate validity has expired\n"), "certificate has expired"),
    (ValueError("\nThe certificate validity starts in the future\n"), "certificate not valid yet (is the clock set?)"),
    (OSError(), "the other side closed"),  # asyncio on CPython: the connection ended in the handshake
    (
        OSError(-30592, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"),
        "the other side refused the handshake (no common cipher?)",
    ),
    (OSError(-29312, "MBEDTLS_ERR_SSL_CONN_EOF"), "the other side closed"),
    (OSError(-29184, "MBEDTLS_ERR_SSL_INVALID_RECORD"), "the other side does not speak TLS"),
    (OSError(-32512, "MBEDTLS_ERR_SSL_ALLOC_FAILED"), "not enough memory"),
    (
        ValueError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"
        ),
        "certificate not trusted",
    ),
    (
        ValueError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid"
        ),
        "certificate is for another host",
    ),
    (OSError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure"), "no common cipher"),
    (OSError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "the other side does not speak TLS"),
    (OSError(8, "EOF occurred in violation of protocol"), "the other side closed"),
    (OSError(errno.ECONNRESET), "the other side closed"),
    (OSError(errno.ECONNREFUSED), "connection refused"),
    (OSError(errno.EHOSTUNREACH), "no way to the host"),
    (OSError(errno.ENOMEM), "not enough memory"),
    (MemoryError("memory allocation failed"), "not enough memory"),
    (EOFError(), "the other side closed"),
    (ValueError("something new"), "something new"),
    (ValueError(), "ValueError"),
)


def test_each_fault_has_plain_words():
    for fault, reason in SAID:
        assert tls.explain(fault) == reason, fault


def _refused(roots):
    try:
        tls.context(roots)
    except ValueError as fault:
        return str(fault)
    raise AssertionError("a context without good roots")


def test_without_good_roots_there_is_no_context():
    assert _refused([]) == _refused(()) == "no root certificate: TLS could not verify anyone"
    assert _refused([b""]) == _refused([bytes(40)]) == "root certificate 1 cannot be read"


def test_a_context_verifies():
    made = tls.context([ROOT])
    assert made.verify_mode == ssl.CERT_REQUIRED
    made.drop()  # nothing was wrapped: nothing happens
