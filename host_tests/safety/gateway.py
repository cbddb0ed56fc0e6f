"""The gateway of the virtual world: OpenShock's REST answers and its WebSocket for hubs. It, or the network, can stand still."""

from host_tests.safety.hub import Hub, frame
from host_tests.unit import flatsharp

_ANSWERS = {
    "/1/device/self": b'{"data":{"id":"11111111-1111-1111-1111-111111111111","name":"desk","shockers":[]}}',
    "/2/device/assignLCG?version=2": b'{"host":"10.0.0.1","port":80,"path":"/2/ws/hub","country":"NL"}',
}
SETTINGS = {
    "backend": "openshock_gateway",
    "openshock_gateway.url": "http://10.0.0.1",
    "openshock_gateway.token": "h" * 256,
}


class Gateway(Hub):
    """Called with each new connection. While `stuck` it hears nothing and what it says waits, in order."""

    def __init__(self):
        super().__init__()
        self.stuck = False
        self.answers_pings = True
        self.delay_s = 0  # so long an answer to a ping takes
        self._heard = []
        self._waiting = []

    def answer(self, path):
        """The body of the answer to a GET."""
        return _ANSWERS.get(path, b"{}")

    def tell(self, data):
        """None; one FlatBuffers message goes to the device, or waits."""
        if self.stuck:
            self._waiting.append(data)
        else:
            self.wire.say(frame(2, data))

    def command(self, *entries):
        """None; a list of commands: (model, RF id, action, level, ms)."""
        self.tell(flatsharp.commands(entries))

    def ping(self, unix_ms):
        """None; the service's own Ping, with its time."""
        self.tell(flatsharp.ping(unix_ms))

    def hear(self, transport, opcode, payload):
        """None; a frame of the device is heard, now or when nothing stands still any more."""
        if self.stuck:
            self._heard.append((transport, opcode, payload))
        elif opcode == 9 and self.answers_pings:
            self.pings += 1
            transport.say_in(self.delay_s, frame(10, payload))

    def go_on(self, pongs_first):
        """None; nothing stands still any more. `pongs_first`: the process did; else the network, with what was on its way."""
        self.stuck = False
        heard, self._heard = self._heard, []
        waiting, self._waiting = self._waiting, []
        if pongs_first:
            for each in heard:
                self.hear(*each)
        for data in waiting:
            self.tell(data)
        if not pongs_first:
            for each in heard:
                self.hear(*each)
