"""lib/ca_certs.py and firmware/net/own_certificates.py: DER and PEM in files, those that are none, and how an owner adds one."""

import binascii
import os

from firmware.net import own_certificates
from host_tests.unit.rooms import book, raised
from host_tests.unit.test_tls import ROOT
from lib import ca_certs, tls

BASE64 = binascii.b2a_base64(ROOT).strip()
PEM = b"# a comment\n-----BEGIN CERTIFICATE-----\r\n"
for _at in range(0, len(BASE64), 64):
    PEM += BASE64[_at : _at + 64] + b"\r\n"
PEM += b"-----END CERTIFICATE-----\r\n"


class Folder:
    """A folder of its own for `certs`, gone in the end."""

    def __enter__(self):
        self._before = ca_certs.FOLDER
        ca_certs.FOLDER = "certs-of-a-test"
        return self

    def __exit__(self, *fault):
        try:
            for name in os.listdir(ca_certs.FOLDER):
                os.remove(ca_certs.FOLDER + "/" + name)
            os.rmdir(ca_certs.FOLDER)
        except OSError:
            pass  # there was none
        ca_certs.FOLDER = self._before

    def put(self, name, data):
        """None; the file is there."""
        try:
            os.mkdir(ca_certs.FOLDER)
        except OSError:
            pass
        with open(ca_certs.FOLDER + "/" + name, "wb") as file:
            file.write(data)


def test_der_and_pem_are_read_and_several_in_one_file():
    with Folder() as folder:
        assert list(ca_certs.Roots((b"built in",))) == [b"built in"]
        folder.put("b.der", ROOT)
        folder.put("a.PEM", PEM + b"text between\n" + PEM)
        folder.put("c.crt", PEM)
        folder.put("d.cer", ROOT)
        folder.put("e.txt", ROOT)
        assert list(ca_certs.Roots((b"built in",))) == [b"built in"] + [ROOT] * 5
        tls.context(ca_certs.Roots()).drop()


def test_a_file_that_is_none_is_told_once_and_left_out():
    log, lines = book()
    wrong = {
        "a.pem": b"nothing",
        "b.der": b"",
        "c.pem": PEM.replace(BASE64[:8], b"????!!!!"),
        "d.der": b"\x30" + bytes(5000),
        "e.pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "f.der": b"\x30\x82\x01\x00" + bytes(256),  # no certificate, but only TLS can tell
        "g.pem": PEM[:-30],
        "h.der": PEM.replace(b"\n", b""),
    }
    with Folder() as folder:
        for name in wrong:
            folder.put(name, wrong[name])
        some = ca_certs.Roots((), log)
        assert "no root certificate" in str(raised(ValueError, lambda: tls.context(some)))
        folder.put("z.der", ROOT)
        for _ in range(3):
            tls.context(some).drop()
        for name in wrong:
            assert sum(name + " is left out" in line for line in lines) == 1, (name, lines)
        assert len(lines) == len(wrong)


def test_one_of_the_image_that_cannot_be_read_is_a_fault():
    assert "root certificate 1" in str(raised(ValueError, lambda: tls.context(ca_certs.Roots((bytes(40),)))))


def test_an_owner_adds_one_in_any_form_and_takes_it_out():
    with Folder():
        assert ca_certs.file_names() == []
        name = own_certificates.add(PEM.decode().partition("\n")[2])
        for text in (
            BASE64.decode(),
            "  " + PEM[12:].decode().replace("\r\n", ""),
            BASE64.decode().replace("A", "A \n"),
        ):
            assert own_certificates.add(text) == name, "the same is kept once"
        assert ca_certs.file_names() == [name] and list(ca_certs.Roots()) == [ROOT]
        assert "no such" in str(raised(own_certificates.Refused, lambda: own_certificates.remove("../main.py")))
        own_certificates.remove(name)
        assert ca_certs.file_names() == []


def test_what_is_no_certificate_is_refused_in_words():
    pem = PEM[12:].decode()
    with Folder() as folder:
        for text, words in (
            ("", "not a certificate"),
            ("hello", "not a certificate"),
            ("QUJD", "not a certificate"),
            (pem + pem, "not a certificate"),
            (pem.replace("CERTIFICATE", "PRIVATE KEY"), "not a certificate"),
            (binascii.b2a_base64(ROOT[:-9]).decode(), "not a certificate"),
            ("QUJD" * 1200, "at most 3000 bytes"),
        ):
            if text == pem + pem:
                assert own_certificates.add(text)  # the first is taken
                own_certificates.remove_all()
                continue
            assert words in str(raised(own_certificates.Refused, lambda text=text: own_certificates.add(text))), text
        for number in range(4):
            folder.put("%d.der" % number, ROOT)
        assert "4 certificates already" in str(raised(own_certificates.Refused, lambda: own_certificates.add(pem)))
        own_certificates.remove_all()
        assert ca_certs.file_names() == []
