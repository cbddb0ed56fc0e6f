"""How a device without an account gets one from DSP Fleet: it shows a code, and somebody enters that at the dashboard. No socket.

Two ways lead there (reference/seeds/002): the hub gives a code, or `POST /api/device/init` does. The second is tried where the
server does not know the first. In memory only until there is an account.
"""

from micropython import const

from firmware.backends import _dsp_messages
from firmware.command import NOTE, Leave
from lib.http_response import refusal

_CODE_MS = const(600000)  # the seed does not say how long a code is good: then there is a new one
_LONGEST_S = const(86400)
_AGAIN_MS = const(10000)
_WAIT_MS = const(60000)
_CODE, _INIT, _REGISTER = const(0), const(1), const(2)


class Pairing:
    """`base` is the server; `guid` what `/api/device/init` gave earlier, or ""; `headers` are for requests.

    `shown`: one line for whoever looks: the code.
    """

    def __init__(self, base, guid, headers):
        self._base = base
        self._guid = guid
        self._headers = headers + [("Content-Type", "application/json")]
        self._step = _REGISTER if guid else _CODE
        self._by_init = False  # the hub knows no codes
        self._code = ""
        self._good_ms = _CODE_MS
        self._asked = False  # of this step, on this connection
        self._until = None  # when the code ends, or the step may be tried again
        self.shown = "pairing: no code yet"

    def begin(self):
        """None; a new connection: what the old one was told is void, as a code is bound to its connection."""
        self._asked = False
        self._until = None
        if self._step == _CODE:
            self.shown = "pairing: no code yet"

    def renew(self):
        """None; somebody wants another code."""
        self._guid = ""
        self._step = _INIT if self._by_init else _CODE
        self._asked = False
        self._until = None

    def errand(self):
        """(method, url, headers, body), or None."""
        return ("POST", self._base + "/api/device/init", self._headers, b"{}") if self._step == _INIT else None

    def fetched(self, status, body, wait_ms, now, kept):
        """Orders; the answer to the errand. Leave when it leads nowhere. The guid is for the settings, which learn it by `kept`."""
        self._step = _CODE

        begun = _dsp_messages.begun(body) if 200 <= status < 300 else None
        if not begun:
            self.unfetched("the answer makes no sense" if 200 <= status < 300 else refusal(status), wait_ms)
        self._guid, self._code, good_s = begun
        self._good_ms = min(good_s, _LONGEST_S) * 1000 if good_s > 0 else _CODE_MS
        self._step, self._asked, self._until, self._by_init = _REGISTER, False, None, True
        kept["device_guid"] = self._guid
        return ()

    def unfetched(self, reason, wait_ms=0):
        """Leave, always: the errand has led nowhere, for that reason."""
        self._step = _CODE
        raise Leave("the server begins no pairing: " + reason, max(wait_ms, _WAIT_MS))

    def due(self, now):
        """(method of the hub, arguments) to be called now, or None."""
        if self._until is not None and now >= self._until:
            self.renew()
        if self._asked or self._step == _INIT:
            return None
        self._asked = True
        if self._step == _CODE:
            return "RequestPairingCode", []
        return "RegisterConnectionForPairing", [self._guid]

    def answered(self, result, error, now):
        """Orders; how the call of `due` ended."""
        if self._step == _CODE:
            if error or type(result) is not str or not 0 < len(result.strip()) <= 16:
                self._step = _INIT
                return [(NOTE, "the hub gives no pairing code: %s" % (error or "an answer that makes no sense"))]
            self._code, self._good_ms, self._by_init = result.strip(), _CODE_MS, False
        elif result is not True:
            self._guid = self._code = ""
            self._by_init = self._by_init or not error
            self._until = now + _AGAIN_MS  # then it starts over
            self.shown = "pairing: no code yet"
            return [(NOTE, "the pairing begins anew: %s" % (error or "nobody knows it any more"))]
        self._until = now + self._good_ms
        self.shown = "pairing code " + self._code if self._code else "pairing: waiting for the code shown in the set-up"
        return [(NOTE, self.shown)]
