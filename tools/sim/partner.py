"""A second simulated device: the one that a remote controls. It is at the user hub, as most are, and has an air of its own."""

import asyncio

from tools.common.ports import free_port
from tools.sim.air import Air
from tools.sim.device import Device

ITS_OWN = ("portal.port", "portal.dns_port")


class Partner:
    """`folder` is for its file system; `on_event(dict)` gets its log lines and its bursts, each with `"device": "partner"`."""

    def __init__(self, folder, on_event, on_cpython=False):
        folder.mkdir()
        self.lines = []
        self.air = None
        self._on_event = on_event
        self.device = Device(folder, self._line, on_cpython)
        self._task = None

    def _line(self, text):
        self.lines.append(text)
        self._event({"event": "log", "line": "partner: " + text})

    def _event(self, event):
        self._on_event({**event, "device": "partner"})

    async def start(self, settings, certificate):
        """None once it runs, with these settings; `certificate`: the root that it trusts (DER), or None."""
        if certificate:
            self.device.write_certificate(certificate)
        ports = {name: free_port() for name in ITS_OWN}
        self.device.write_settings({**settings, **ports, "backend": "openshock_user"})
        await self.device.start()
        self.air = Air(self.device.trace_path, self._event)
        self._task = asyncio.create_task(self.air.run())

    async def stop(self):
        """None; it is gone."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.device.stop()
