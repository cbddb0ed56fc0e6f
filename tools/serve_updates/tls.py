"""Certificates for a server on the LAN: given ones, or an authority of its own, kept so that a device can go on trusting it."""

import contextlib
import os
import socket
import ssl

import trustme

from tools import Failure


def given(certificate, key):
    """Return the SSLContext of a certificate chain and its key, PEM files. Raise Failure when they cannot be used."""
    if certificate is None:
        raise Failure("--tls-key needs --tls-cert")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as fault:  # ssl.SSLError is one
        raise Failure(f"{certificate}: no usable certificate and key ({fault.strerror or fault})")
    return context


def own(folder, names):
    """Return (SSLContext for these host names and addresses, path of the root as DER), by the authority kept in `folder`."""
    authority = _authority(folder)
    root = folder / "root.der"
    root.write_bytes(ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wanted = dict.fromkeys([*names, "localhost", "127.0.0.1"])
    authority.issue_cert(*wanted, key_type=trustme.KeyType.ECDSA).configure_cert(context)
    return context, root


def _authority(folder):
    certificate, key = folder / "ca.pem", folder / "ca.key"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(OSError, ValueError):
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(authority.private_key_pem.bytes())
    certificate.write_bytes(authority.cert_pem.bytes())
    return authority


def lan_address():
    """Return this machine's address on the network, by the route outwards; no packet is sent. None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]
