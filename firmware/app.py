"""The application: builds the device, lives one mode after the other (modes.py), and does what is asked of it (requests.py).

A new request is a name in requests.py, and a handler here. Imported by main.py alone.
"""

import asyncio

from firmware import build_info, requests
from firmware.config import build
from firmware.device import SETTINGS, Context, Device, settings_now
from firmware.hardware.board_io import Hardware
from firmware.modes import Modes
from firmware.net.time_sync import unix_us
from firmware.ota.reports import News, are_due
from firmware.supervisor import Supervisor
from lib.idle import TIMES


class App:
    """One device. `live()` is its life, from start to restart. `hardware` makes its pins, `wall()` is its time of day."""

    def __init__(self, hardware=Hardware, wall=unix_us):
        opens = build.why_portal()
        context = Context(wall, self.request)
        self._log = context.log
        mode, update, self._news = self._begin_update()
        self.device = Device(context, hardware, lambda: self.modes.lamp_state())
        if mode == "updating" and self.device.missing:
            mode = self._forget_update(self.device.missing)  # it would wait for a network until its time is over
        self.supervisor = Supervisor(self.device, lambda name: self.modes.on_fault(name))
        self.modes = Modes(self.device, self.supervisor, self._news, update, opens)
        self._first = getattr(self.modes, mode or ("setting_up" if self.device.missing or opens else "operating"))
        self._requests = {
            requests.OPEN_PORTAL: self._open_portal,
            requests.UPDATE: self._order_update,
            requests.RESTART: self._restart,
            requests.FACTORY_RESET: self._factory_reset,
            requests.PROVISIONED: self._provisioned,
            requests.STORE: self._store,
            requests.STOP_OTHERS: self._stop_others,
        }

    def _begin_update(self):
        """Return (the name of the mode that an update wants, what it has in hand, the News of updates)."""
        if not are_due():
            return "", None, News(asks=bool(build_info.BOARD))
        from firmware.ota import boot_state

        mode, kept, slots = boot_state.begin(self._log)
        return mode, (kept, slots), News(kept.events(), not mode)

    def _forget_update(self, why):
        """Let an update that was ordered be none, and return the name of its mode: ""."""
        from firmware.ota import boot_state

        boot_state.forget(why, self._log)
        self._news.look()
        return ""

    async def live(self):
        """Never return but by a restart of the chip."""
        self.device.log_heap("started")
        if self.device.latch.latched:
            self._log.warning("estop", "latched since before this start")
        mode = self._first
        while mode:
            mode = await mode()

    def request(self, kind, detail):
        """Do what requests.py says of `kind`. Another mode comes after a restart, with nothing on the air."""
        self._requests[kind](detail)

    def _leave(self, why, detail):
        """Lock the radio and end the mode that runs: a restart follows."""
        self._log.info("app", "%s: %s" % (why, detail))
        self.device.dispatcher.lock(why)
        self.modes.ends.set()

    def _open_portal(self, opens):
        if bool(opens) != bool(self.modes.setup):
            build.keep_why_portal(int(opens), self._log)
            self._leave("portal", opens)

    def _order_update(self, version):
        """Restart into an update to that version ("": what the channel offers), where that can be. The hub hears of it."""
        from firmware.ota import boot_state

        before = self.modes.not_reached()
        if boot_state.asked(version, settings_now().get("update.url"), before, self._news, self._log):
            self._leave("restart", version)

    def _restart(self, why):
        self._leave("restart", why)

    def _factory_reset(self, who):
        """Forget the settings: they are those of a new device, from the restart on. The latch stays as it is (S7)."""
        self.device.dispatcher.lock("factory reset")
        try:
            settings_now().reset()
        except OSError as fault:
            self._log.error("settings", "the storage refuses a reset (%s)" % fault)
        from firmware.net import own_certificates

        own_certificates.remove_all()
        self._forget_update("the device forgot everything")
        self._leave("restart", who)

    def _provisioned(self, network):
        if (
            not self.modes.setup or self.modes.setup.complete()
        ):  # else there is a network now, and an account is still missing
            self._leave("provisioned", network)

    def _store(self, detail):
        name, table = detail
        TIMES.later(lambda: build.keep(SETTINGS, name, table, self._log))

    def _stop_others(self, who):
        """Tell the services that the e-stop was pressed here, where that is wanted, or log why not."""
        why = self.modes.ask_service("emergency", None)
        if why:
            self._log.info("estop", "no other device was told: " + why)


def run():
    """Never return: the life of this device."""
    app = App()
    try:
        asyncio.run(app.live())
    finally:
        app.device.context.output.flush()  # what made it end is in the last lines; this may block
