"""What each guard is worth: a table of guards removed or off by one, and the test that must see it (DESIGN §7).

`python3 host_tests/safety/mutations.py [S07 …]` applies each to a copy of firmware/ and lib/ and tells which test went red.
A row whose text is no longer in the source fails: whoever moves a guard moves its row.
"""

import ast
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
AT_ONCE = 2
RED = 1  # pytest's exit code for tests that failed, and nothing else

# number: the invariant · path: of the file · old, new: text of the source, and what takes its place · test: which must go red
Mutation = namedtuple("Mutation", ("number", "path", "old", "new", "test"))

_AIR, _ESTOP, _LINK = "safety/test_safety_air.py::", "safety/test_safety_estop.py::", "safety/test_safety_link.py::"
_DEVICE, _CAPS = "safety/test_safety_device.py::", "safety/test_safety_caps.py::"
_RULES, _DOSE = "safety/test_safety_rules.py::", "safety/test_safety_dose.py::"
_MAP, _ROLLBACK = "safety/test_safety_map.py::", "safety/test_safety_rollback.py::"
_GATEWAY = "safety/test_safety_gateway.py::"
_LOAD, _BLOCKING = "safety/test_safety_load.py::", "safety/test_safety_blocking.py::"
_BOTH = "test_both.py::"  # host_tests/unit, for rooms that the others do without

MUTATIONS = [
    Mutation(*row)
    for row in (
        # S1
        (
            "S01",
            "lib/ook_player.py",
            "        finally:\n            self._pin(0)\n",
            "        finally:\n",
            _AIR + "test_s01_the_pin_is_low",
        ),
        (
            "S01",
            "firmware/shockers/caixianlin.py",
            "train((1400, 750)",
            "train((1500, 750)",
            _AIR + "test_s01_no_mark_is_longer",
        ),
        # S2
        (
            "S02",
            "firmware/shockers/caixianlin.py",
            "kind + level & 0xFF",
            "kind + level + 1 & 0xFF",
            _AIR + "test_s02_every_frame",
        ),
        (
            "S02",
            "firmware/control/scheduler.py",
            "if turn and turn.what == what else None",
            "if turn and turn.what[:1] == what[:1] else None",
            _AIR + "test_s02_a_new_level",
        ),
        # S3
        (
            "S03",
            "firmware/control/scheduler.py",
            "return now < self.ends\n",
            "return now < self.ends + 60\n",
            _AIR + "test_s03",
        ),
        (
            "S03",
            "firmware/control/scheduler.py",
            "turn.ends = now + command.duration_ms",
            "turn.ends = max(turn.ends, now) + command.duration_ms + 50",
            _AIR + "test_s03",
        ),
        # S4
        ("S04", "firmware/command.py", "type(value) is int and low", "low", _AIR + "test_s04_what_is_no_whole"),
        (
            "S04",
            "firmware/control/safety.py",
            "if not whole(duration_ms, 1, LONGEST_MS):",
            "if not whole(duration_ms, 1, LONGEST_MS + 1):",
            _AIR + "test_s04_what_is_no_whole",
        ),
        (
            "S04",
            "firmware/control/safety.py",
            "if not whole(level, 0, 100):",
            "if not whole(level, 0, 101):",
            _AIR + "test_s04_what_is_no_whole",
        ),
        # S5
        (
            "S05",
            "firmware/control/scheduler.py",
            "        self.hurry = True\n",
            "        self.hurry = False\n",
            _AIR + "test_s05",
        ),
        (
            "S05",
            "firmware/control/safety.py",
            '        if action == STOP:\n            return command, ""\n',
            "",
            _AIR + "test_s05_a_stop_passes_when",
        ),
        (
            "S05",
            "firmware/control/safety.py",
            "asked_us <= self._all_stopped_us <= unix_us",
            "False",
            _AIR + "test_s05_an_order_that_was",
        ),
        (
            "S05",
            "firmware/control/safety.py",
            "else unix_us\n",
            "else None\n",
            _AIR + "test_s05_an_order_that_was",
        ),
        (
            "S05",
            "firmware/link/connection.py",
            "                self._take(data)\n",
            "                self._take(data)\n                await self._send_bytes(self._frames.take())\n",
            _LINK + "test_s05_a_stop_does_not_wait",
        ),
        (
            "S11",
            "firmware/link/connection.py",
            "if self._write_ms is not None and",
            "if False and",
            _LINK + "test_s11_a_hub_that_talks_on",
        ),
        (
            "S05",
            "firmware/link/signalr_service.py",
            "return [(orders.HALT, why), (orders.NOTE",
            "return [(orders.NOTE",
            _LINK + "test_s05_a_record_too_large",
        ),
        (
            "S05",
            "lib/signalr.py",
            "        return ((SKIPPED, why),)\n",
            "        return ()\n",
            _LINK + "test_s05_a_record_too_large",
        ),
        (
            "S05",
            "firmware/command.py",
            '        return action.strip().lower() in ("stop", "0", "")\n',
            "        return False\n",
            _LINK + "test_s05_whoever_may_send",
        ),
        (
            "S05",
            "firmware/command.py",
            "type(action) in (int, float, bool) and action == STOP",
            "type(action) is int and action == STOP",
            _LINK + "test_s05_whoever_may_send",
        ),
        (
            "S05",
            "firmware/backends/openshock_user.py",
            "if not self._device_id or not named or named ==",
            "if not self._device_id or named ==",
            _LINK + "test_s05_whoever_may_send",
        ),
        (
            "S05",
            "firmware/backends/_openshock_log.py",
            "self._stopped if self._session.goes_on else set()",
            "set()",
            _BOTH + "test_s05_a_stop_outlives",
        ),
        (
            "S05",
            "firmware/control/safety.py",
            "if type(action) is not int and means_stop(action):",
            "if False:",
            _BOTH + "test_s05_whoever_seems",
        ),
        (
            "S05",
            "firmware/control/scheduler.py",
            "_STRANGERS = const(12)",
            "_STRANGERS = const(1200)",
            _AIR + "test_s05_stops_to_receivers",
        ),
        (
            "S05",
            "firmware/control/scheduler.py",
            "is_ours = any([idle == key for idle, _ in self._idle])",
            "is_ours = False",
            _AIR + "test_s05_a_receiver_that_was_ours",
        ),
        (
            "S05",
            "firmware/control/safety.py",
            "_MOST_STOPPED = const(16)",
            "_MOST_STOPPED = const(64)",
            _AIR + "test_s05_a_flood_of_stops_leaves",
        ),
        (
            "S05",
            "firmware/control/scheduler.py",
            "                if not turns[at].stranger:\n                    return at\n",
            "                pass\n",
            _AIR + "test_s05_a_receiver_that_was_ours",
        ),
        (
            "S05",
            "firmware/backends/_openshock_log.py",
            '        return made + [(NOTE, "%d sh',
            '        return [(NOTE, "%d sh',
            _MAP + "test_s05_a_receiver_that_leaves",
        ),
        (
            "S05",
            "firmware/backends/_openshock_log.py",
            "if guid in self._former:",
            "if False:",
            _MAP + "test_s05_a_receiver_that_leaves",
        ),
        (
            "S05",
            "firmware/backends/_openshock_log.py",
            "        elif for_all:\n            return ()\n",
            "",
            _MAP + "test_s05_what_another_hub",
        ),
        (
            "S05",
            "firmware/backends/_openshock_log.py",
            "spelt(guid_of(entry).lower())",
            "guid_of(entry).lower()",
            _BOTH + "test_s05_the_id_in_a_stop",
        ),
        (
            "S05",
            "firmware/control/inbox.py",
            "        except MemoryError:\n",
            "        except ZeroDivisionError:\n",
            _BOTH + "test_s05_a_stop_of_all_drops_every_action_without",
        ),
        # S6
        (
            "S06",
            "firmware/control/transmitter.py",
            "not (self.latched and self._scheduler.saying_stop)",
            "not (True and self._scheduler.saying_stop) and False",
            _ESTOP + "test_s06_the_button_at_any_moment[1-1000-6]",
        ),
        (
            "S06",
            "firmware/control/transmitter.py",
            "not (self.latched and self._scheduler.saying_stop)",
            "True",
            _ESTOP + "test_s06_stop_frames_go_out",
        ),
        (
            "S06",
            "firmware/control/transmitter.py",
            "not (self.latched and self._scheduler.saying_stop)",
            "not self._scheduler.saying_stop",
            _ESTOP + "test_s06_a_touch_inside_a_stop_frame",
        ),
        (
            "S06",
            "firmware/control/scheduler.py",
            "const(300)  # stop frames after each",
            "const(250)  # stop frames after each",
            _ESTOP + "test_s06_the_button_at_any_moment[1-1000-6]",
        ),
        (
            "S06",
            "lib/rmt_player.py",
            "                if heed and self._pressed():\n                    return -2\n",
            "",
            _ESTOP + "test_s06_the_other_player",
        ),
        (
            "S06",
            "firmware/hardware/board_io.py",
            "        pin.irq(self._note, Pin.IRQ_RISING if pressed_level else Pin.IRQ_FALLING)\n",
            "",
            _ESTOP + "test_s06_a_press_while_the_interpreter_is_busy",
        ),
        (
            "S06",
            "firmware/control/estop.py",
            "(pressed or edge) and self.ready()",
            "pressed and self.ready()",
            _ESTOP + "test_s06_a_press_while_the_interpreter_is_busy",
        ),
        (
            "S06",
            "firmware/control/transmitter.py",
            "            self._look()  # the last moment before the frame\n",
            "",
            _ESTOP + "test_s06_a_press_between_two_frames",
        ),
        (
            "S06",
            "firmware/hardware/buttons.py",
            "_BUTTON if pressed else _EDGE",
            "_BUTTON",
            _ESTOP + "test_s06_an_edge_alone",
        ),
        (
            "S06",
            "firmware/control/estop.py",
            "        if pressed:\n            self._pressed_at = now\n",
            "        if pressed or edge:\n            self._pressed_at = now\n",
            _ESTOP + "test_s06_what_bounces",
        ),
        (
            "S06",
            "firmware/hardware/buttons.py",
            "        if self._edges_of is not hardware:\n",
            "        if True:\n",
            _ESTOP + "test_s06_a_fault_of_the_task",
        ),
        (
            "S06",
            "firmware/control/scheduler.py",
            " and self.goodbye_since is None and not self.hurry and",
            " and",
            _AIR + "test_s06_a_998dr",
        ),
        # S7
        (
            "S07",
            "firmware/control/estop.py",
            '            self._store.put("estop", 1)\n',
            "",
            _ESTOP + "test_s07_latch_survives",
        ),
        (
            "S07",
            "firmware/control/estop.py",
            'store.get("estop", 0) != 0',
            'store.get("estop", 0) == 1',
            _ESTOP + "test_s07_what_cannot_be_read",
        ),
        (
            "S07",
            "firmware/control/estop.py",
            "_HOLD_MS = const(5000)",
            "_HOLD_MS = const(4800)",
            _ESTOP + "test_s07_only_holding",
        ),
        (
            "S07",
            "firmware/control/estop.py",
            "_TRIPPED if latched else _READY",
            "_WAITING if latched else _READY",
            _ESTOP + "test_s07_holding_on_over_a_restart",
        ),
        (
            "S07",
            "firmware/control/estop.py",
            "elif now - looked >= _UNSEEN_MS:",
            "elif False:",
            _ESTOP + "test_s07_two_touches",
        ),
        ("S07", "lib/nvs.py", "        store.commit()\n", "", _ESTOP + "test_s07_latch_survives"),
        # S8
        (
            "S08",
            "firmware/control/dispatcher.py",
            "            self._latch.trip()\n",
            "            pass\n",
            _ESTOP + "test_s08",
        ),
        (
            "S08",
            "firmware/control/dispatcher.py",
            "        self._request(requests.OPEN_PORTAL, requests.AFAR if wanted else 0)\n",
            "        self._request(requests.OPEN_PORTAL, requests.AFAR if wanted else 0)\n        self._latch.clear()\n",
            _ESTOP + "test_s08_nothing",
        ),
        # S9
        (
            "S09",
            "firmware/hardware/board_io.py",
            '1 if estop["normally_closed"] else 0',
            "0",
            _ESTOP + "test_s09_a_broken_wire",
        ),
        ("S09", "firmware/hardware/board_io.py", "pull=Pin.PULL_UP)", "pull=-1)", _ESTOP + "test_s09_unplugged"),
        # S10
        (
            "S10",
            "firmware/link/connection.py",
            "self._errands(), at_end=self._lost)",
            "self._errands())",
            _LINK + "test_s10_a_connection_that_is_lost_while",
        ),
        (
            "S10",
            "firmware/control/deduplicate.py",
            "            self._dispatcher.halt(why)\n",
            "            pass\n",
            _BOTH + "test_s10_a_lost_link_stops_all",
        ),
        (
            "S10",
            "firmware/link/connection.py",
            "if not self._network.online():",
            "if False:",
            _LINK + "test_s10_lost_wifi",
        ),
        # S11
        (
            "S11",
            "firmware/link/connection.py",
            "_SILENT_MS = const(2500)",
            "_SILENT_MS = const(3500)",
            _LINK + "test_s11_a_silent",
        ),
        (
            "S11",
            "firmware/link/connection.py",
            "                await self._send_bytes(self._frames.ping(self._asked))\n",
            "                pass\n",
            _LINK + "test_s11_a_hub_that_answers",
        ),
        (
            "S11",
            "firmware/link/connection.py",
            "now - self._heard_ms >= _SILENT_MS",
            "self._writing.locked() is False and now - self._heard_ms >= _SILENT_MS",
            _LINK + "test_s11_a_hub_that_takes_nothing",
        ),
        # S12
        (
            "S12",
            "firmware/app.py",
            "        self.device.dispatcher.lock(why)\n",
            "",
            _DEVICE + "test_s12_a_restart_stops_first",
        ),
        (
            "S12",
            "firmware/supervisor.py",
            "            await asyncio.wait_for_ms(self._device.radio.quiet(), _QUIET_MS)\n",
            "            pass\n",
            _DEVICE + "test_s12_a_restart_stops_first",
        ),
        (
            "S12",
            "firmware/control/dispatcher.py",
            "            elif admitted and locked:\n",
            "            elif False:\n",
            _DEVICE + "test_s12_a_locked_radio",
        ),
        # S13
        (
            "S13",
            "firmware/supervisor.py",
            '        self._device.dispatcher.halt("a fault")',
            "        pass",
            _DEVICE + "test_s13_a_fault_at_every_await",
        ),
        (
            "S13",
            "lib/tasks.py",
            "                except Exception as fault:\n                    _report(",
            "                except OSError as fault:\n                    _report(",
            _DEVICE + "test_s13_a_fault_at_every_await",
        ),
        (
            "S13",
            "lib/tasks.py",
            '        log.error(name, "%s: %s" % (type(fault).__name__, fault))\n    except Exception:\n',
            '        log.error(name, "%s: %s" % (type(fault).__name__, fault))\n    except OSError:\n',
            _DEVICE + "test_s13_a_log_that_fails",
        ),
        # S14
        (
            "S14",
            "lib/watchdog_feeder.py",
            "if self._n_seen == len(self._seen):",
            "if self._n_seen == len(self._seen) - 1:",
            _DEVICE + "test_s14",
        ),
        (
            "S14",
            "firmware/device.py",
            '_VITAL = ("radio", "estop", "link")',
            '_VITAL = ("radio", "estop")',
            _DEVICE + "test_s14",
        ),
        (
            "S14",
            "firmware/device.py",
            "_WATCHDOG_MS = const(8000)",
            "_WATCHDOG_MS = const(80000)",
            _DEVICE + "test_s14",
        ),
        # S15
        (
            "S15",
            "firmware/hardware/board_io.py",
            "pin = Pin(self._rf_pin, Pin.OUT, value=0)",
            "pin = Pin(self._rf_pin, Pin.OUT, value=1)",
            _DEVICE + "test_s15",
        ),
        (
            "S15",
            "firmware/control/scheduler.py",
            "        self._idle = []  #",
            '        self._idle = [(("caixianlin", 0, None), 0)]  #',
            _DEVICE + "test_s15_no_start",
        ),
        # S16
        (
            "S16",
            "firmware/control/safety.py",
            "_STALE_US = const(2000000)",
            "_STALE_US = const(2400000)",
            _LINK + "test_s16_orders",
        ),
        (
            "S16",
            "firmware/control/safety.py",
            "            self._all_stopped_us = unix_us\n",
            "            pass\n",
            _LINK + "test_s16_nothing_from_before",
        ),
        (
            "S16",
            "firmware/control/safety.py",
            'return "repeated" if asked_us == page.asked_us else "stale"',
            'return "repeated" if asked_us == page.asked_us else ""',
            _LINK + "test_s16_an_order_overtaken",
        ),
        (
            "S16",
            "firmware/backends/_openshock_log.py",
            "self._stale and action != STOP",
            "False",
            _MAP + "test_s16_from_the_news",
        ),
        (
            "S16",
            "firmware/backends/_openshock_hub.py",
            "max(now + settle_ms, self._map_update)",
            "max(now + settle_ms, self._map_free)",
            _MAP + "test_s16_from_the_news",
        ),
        (
            "S16",
            "firmware/control/dispatcher.py",
            "return None if now_us is None else now_us + self.ahead_us",
            "return now_us",
            _LINK + "test_s16_the_age_of_an_order_is_judged",
        ),
        (
            "S16",
            "firmware/link/setup.py",
            "dispatcher.compare(dispatcher.ahead_us - step_us)",
            "None",
            _LINK + "test_s16_a_clock_of_ours",
        ),
        (
            "S16",
            "firmware/link/connection.py",
            "payload and payload == self._asked:",
            "True:",
            _GATEWAY + "test_s16_an_empty_pong",
        ),
        (
            "S16",
            "firmware/link/connection.py",
            "if pause_ms and not self._asked and",
            "if pause_ms and",
            _GATEWAY + "test_s16_a_single_ping",
        ),
        (
            "S16",
            "firmware/backends/openshock_gateway.py",
            "        if 2 * took_ms <= self._oldest_ms:\n",
            "        if True:\n",
            _GATEWAY + "test_s16_a_command_that_waited",
        ),
        (
            "S16",
            "firmware/backends/openshock_gateway.py",
            "now - self._fresh_ms > self._oldest_ms or",
            "now - self._fresh_ms > 2 * self._oldest_ms or",
            _GATEWAY + "test_s16_where_no_ping",
        ),
        (
            "S16",
            "firmware/backends/openshock_gateway.py",
            " or self._fresh_ms <= self._late_ms",
            "",
            _GATEWAY + "test_s16_a_ping_of_the_service",
        ),
        (
            "S05",
            "firmware/backends/openshock_gateway.py",
            "elif stale and action != STOP:",
            "elif stale:",
            _GATEWAY + "test_s05_stops_pass",
        ),
        # S17
        (
            "S17",
            "firmware/control/safety.py",
            'asked_us > page.asked_us:\n            return ""',
            'asked_us >= page.asked_us:\n            return ""',
            _LINK + "test_s17_the_same_order",
        ),
        (
            "S17",
            "firmware/link/signalr_service.py",
            "        if invocation_id in self._heard:\n            return True\n",
            "",
            _LINK + "test_s17_the_same_invocation",
        ),
        # S18
        ("S18", "firmware/control/dose.py", "RATE = const(10)", "RATE = const(11)", _CAPS + "test_s18_a_flood"),
        (
            "S18",
            "firmware/control/dose.py",
            "_SECOND_MS = const(1000)",
            "_SECOND_MS = const(900)",
            _CAPS + "test_s18_a_flood",
        ),
        (
            "S18",
            "firmware/control/dose.py",
            "and action == self._action and level == self._level",
            "and action == self._action",
            _CAPS + "test_s18",
        ),
        (
            "S18",
            "firmware/control/event_rules.py",
            "            if wait_ms > 0:\n",
            "            if wait_ms > 9000:\n",
            _RULES + "test_s18_a_rule_acts_once",
        ),
        # S19
        ("S19", "firmware/control/dose.py", "_PAST = const(13)", "_PAST = const(12)", _CAPS + "test_s19_no_minute"),
        (
            "S19",
            "firmware/control/safety.py",
            "page.dose(now) + level * max(duration_ms, FRAME_MS) > self._budget",
            "page.dose(now) > self._budget",
            _CAPS + "test_s19",
        ),
        (
            "S19",
            "firmware/control/safety.py",
            '        if duration_ms <= 0:\n            return "rest"\n',
            "        duration_ms = max(duration_ms, 1)\n",
            _CAPS + "test_s19_a_shock_of_full",
        ),
        (
            "S19",
            "firmware/control/safety.py",
            "caps.longest_ms - shocked_ms)",
            "caps.longest_ms)",
            _CAPS + "test_s19_shocks_that_follow",
        ),
        (
            "S19",
            "firmware/control/dose.py",
            "        if now - ends >= rest_ms:\n",
            "        if now - ends >= 1:\n",
            _DOSE + "test_s19_nothing_in_between",
        ),
        (
            "S19",
            "firmware/control/dose.py",
            "max(now, self._since + FRAME_MS)",
            "now",
            _DOSE + "test_s19_a_frame_counts",
        ),
        (
            "S19",
            "firmware/device.py",
            "self.hardware.remembered()",
            '"0 0"',
            _DOSE + "test_s19_the_rest_survives",
        ),
        (
            "S19",
            "firmware/device.py",
            "self.hardware.remembered()",
            'self.hardware.remembered() or "0 0"',
            _DOSE + "test_s19_after_a_power_cut",
        ),
        (
            "S19",
            "firmware/hardware/board_io.py",
            'b"", _kept()[1])',
            'b"", b"")',
            _BOTH + "test_s19_the_dose_and_a_note",
        ),
        (
            "S19",
            "firmware/control/dispatcher.py",
            "                self._booked = True\n",
            "",
            _DOSE + "test_s19_the_budget_survives",
        ),
        (
            "S19",
            "firmware/control/safety.py",
            "        before = self._blank(now).past(self._rest_ms, now)\n",
            "        before = 0, 0\n",
            _DOSE + "test_s19_a_cold",
        ),
        (
            "S19",
            "firmware/control/safety.py",
            "before = max(before[0], dose), max(before[1], shocked_ms)",
            "pass",
            _DOSE + "test_s19_a_receiver_that_was",
        ),
        # S20
        (
            "S20",
            "firmware/control/safety.py",
            "        level = min(level, caps.levels[action])\n",
            "",
            _CAPS + "test_s20_the_strictest",
        ),
        (
            "S20",
            "firmware/control/safety.py",
            "min(duration_ms, caps.longest_ms - shocked_ms)",
            "duration_ms",
            _CAPS + "test_s20_the_strictest",
        ),
        (
            "S20",
            "firmware/control/safety.py",
            "{key: caps.and_also(further) for",
            "{key: further for",
            _CAPS + "test_s20_the_strictest",
        ),
        (
            "S20",
            "firmware/control/safety.py",
            "if action == SHOCK and not caps.shock_allowed:",
            "if False:",
            _CAPS + "test_s20_no_shock",
        ),
        (
            "S20",
            "firmware/config/settings.py",
            "whole(value, 0, now) if",
            "whole(value, 0, now + 1) if",
            _CAPS + "test_s20_from_afar",
        ),
        (
            "S20",
            "firmware/config/build.py",
            'if name not in (settings.get("backend"), settings.get("backend.second")):',
            "if False:",
            _CAPS + "test_s20_what_a_service",
        ),
        (
            "S20",
            "firmware/config/validators.py",
            'rule.get("action") not in ("vibrate", "sound"):',
            'rule.get("action") not in ("vibrate", "sound", "shock"):',
            _RULES + "test_s20_no_rule_for_a_shock",
        ),
        (
            "S20",
            "firmware/control/event_rules.py",
            '"sound": SOUND}',
            '"sound": SOUND, "shock": 1}',
            _RULES + "test_s20_no_rule_has_a_word",
        ),
        (
            "S20",
            "firmware/control/dispatcher.py",
            "                if asked.action in (VIBRATE, SOUND):\n",
            "                if True:\n",
            _RULES + "test_s20_no_event_passes",
        ),
        (
            "S20",
            "firmware/config/build.py",
            'key = called(further["model"]), ',
            'key = further["model"], ',
            _CAPS + "test_s20_own_caps",
        ),
        (
            "S20",
            "firmware/config/build.py",
            "caps.and_also(own[key]) if key in own else caps",
            "caps",
            _CAPS + "test_s20_of_two_rows",
        ),
        (
            "S20",
            "firmware/config/settings.py",
            "if self.damaged or strays or",
            "if self.damaged or",
            _CAPS + "test_s20_a_cap_that_cannot",
        ),
        (
            "S20",
            "firmware/console/json_config.py",
            "if seems_a_cap(section) or seems_a_cap(name):",
            "if False:",
            _BOTH + "test_s20_a_cap_that_cannot_be_understood_is_refused",
        ),
        (
            "S20",
            "firmware/ota/boot_state.py",
            "        if way == state.OPERATE:\n            settings_backup.forget(_SETTINGS)\n",
            "        if way == state.OPERATE:\n            _bring_back(log)\n",
            _ROLLBACK + "test_s20_no_other_start",
        ),
        (
            "S20",
            "firmware/config/settings.py",
            "            self._bind_copy()\n",
            "",
            _BOTH + "test_s20_a_cap_that_was_lowered",
        ),
        (
            "S20",
            "firmware/ota/settings_backup.py",
            "stricter(copy, _made_out(path))",
            "stricter(copy, {})",
            _BOTH + "test_s20_what_can_be_made_out",
        ),
        (
            "S20",
            "firmware/config/settings.py",
            "        json_file.forget(copy_of(self._path))\n",
            "",
            _BOTH + "test_s20_a_reset_leaves",
        ),
        (
            "S20",
            "firmware/shockers/wellturnt330.py",
            "UNVERIFIED = (SHOCK,)",
            "UNVERIFIED = ()",
            _CAPS + "test_s20_a_model_whose",
        ),
        # S21
        (
            "S21",
            "firmware/shockers/d80.py",
            "or not whole(channel, 1, 3)",
            "or not whole(channel, 0, 3)",
            _AIR + "test_s21_an_unknown_model",
        ),
        (
            "S21",
            "firmware/backends/_openshock_shockers.py",
            "if numbers and numbers[1] and numbers[2] else",
            "if numbers and numbers[2] else",
            _AIR + "test_s21_what_the_map",
        ),
        # S22
        (
            "S22",
            "lib/monotonic.py",
            "ticks_diff(ticks, self._ticks)",
            "ticks - self._ticks",
            _DEVICE + "test_s22_where",
        ),
        (
            "S22",
            "firmware/control/safety.py",
            "asked_us <= self._all_stopped_us <= unix_us",
            "asked_us <= self._all_stopped_us",
            _DEVICE + "test_s22_after_a_clock",
        ),
        # S23
        (
            "S23",
            "lib/json_file.py",
            '    with open(path + ".new", "wb") as file:',
            '    with open(path, "wb") as file:',
            _CAPS + "test_s23_a_power_cut_at_any_write",
        ),
        (
            "S23",
            "firmware/config/settings.py",
            "return _strictest(key) if key in self._wrong else self._stored[key]",
            "return default(key) if key in self._wrong else self._stored[key]",
            _CAPS + "test_s23_one_damaged",
        ),
        (
            "S23",
            "firmware/config/settings.py",
            "        if self.damaged or ",
            "        if ",
            _CAPS + "test_s23_damaged",
        ),
        (
            "S23",
            "lib/json_file.py",
            "if text[-_SEAL_SIZE:] != _seal(",
            "if text[-_SEAL_SIZE:] == _seal(",
            _CAPS + "test_s23_a_power_cut_at_any_write",
        ),
        (
            "S23",
            "lib/json_file.py",
            'raise Damaged("not as it was written")',
            "pass",
            _CAPS + "test_s23_damaged",
        ),
        (
            "S23",
            "firmware/ota/state.py",
            "        went_back()\n        if",
            "        if",
            _ROLLBACK + "test_s23_a_power_cut_while",
        ),
        (
            "S23",
            "lib/json_file.py",
            "        if fault.args[:1] == (errno.ENOENT,):\n",
            "        if True:\n",
            _DEVICE + "test_s23_a_file_system",
        ),
        # S24
        (
            "S24",
            "firmware/control/scheduler.py",
            "            if turn.key == (model, rf_id, channel):\n                return turn\n",
            "            pass\n",
            _AIR + "test_s24",
        ),
        (
            "S24",
            "firmware/control/safety.py",
            'return "repeated" if asked_us == page.asked_us else "stale"',
            'return ""',
            _AIR + "test_s24_an_older",
        ),
        (
            "S24",
            "firmware/control/deduplicate.py",
            "if known == action and ear is not self:",
            "if False:",
            _BOTH + "test_s24_what_both_tell_of",
        ),
        (
            "S24",
            "firmware/control/deduplicate.py",
            "if order == ACT and not means_stop(detail.action):",
            "if order == ACT:",
            _BOTH + "test_s24_a_stop_passes_from_either",
        ),
        # S25
        (
            "S25",
            "firmware/control/dispatcher.py",
            '            self._log.line(INFO, "act", _words(admitted), repeated)\n',
            "",
            _DEVICE + "test_s25",
        ),
        (
            "S25",
            "firmware/control/dispatcher.py",
            '            self._log.warning("refused", "%s: %s" % (rules.words(reason), _words(asked)))\n',
            "            pass\n",
            _DEVICE + "test_s25",
        ),
        (
            "S25",
            "firmware/control/dispatcher.py",
            '            self._log.warning("estop", "latched: " + who)\n',
            "            pass\n",
            _DEVICE + "test_s25_stops",
        ),
        (
            "S25",
            "firmware/control/transmitter.py",
            "                self._on_missed(self._scheduler.missed)\n",
            "                pass\n",
            _DEVICE + "test_s25_an_order",
        ),
        (
            "S25",
            "firmware/control/dispatcher.py",
            '                self._log.info("rules", note)\n',
            "                pass\n",
            _RULES + "test_s25_what_a_rule",
        ),
        # S26
        (
            "S26",
            "lib/output.py",
            "count = min(self._free, self._used)",
            "count = self._used",
            _LOAD + "test_s26_a_stop_under_load",
        ),
        (
            "S26",
            "lib/output.py",
            "_BYTES_A_MS = const(11)",
            "_BYTES_A_MS = const(17)",
            _BOTH + "test_s26_it_leaves_no_faster",
        ),
        (
            "S26",
            "lib/output.py",
            "            self._stuck_ms = self._clock()\n",
            "            pass\n",
            _LOAD + "test_s26_a_port_that_is_read_again",
        ),
        (
            "S26",
            "firmware/device.py",
            "self.hardware.has_usb() and self.dispatcher.busy()",
            "False",
            _LOAD + "test_s26_a_host_that_stops_reading",
        ),
        (
            "S26",
            "firmware/control/dispatcher.py",
            '"act", _words(admitted), repeated)',
            '"act", _words(admitted))',
            _LOAD + "test_s26_repeats",
        ),
        (
            "S26",
            "firmware/net/station.py",
            ">= 60000 * minutes and not self.busy():",
            ">= 60000 * minutes:",
            _BOTH + "test_s26_a_network_in_which",
        ),
        (
            "S26",
            "lib/connect.py",
            "        async with TIMES:\n            self.writer.write(opening)\n            await self.writer.drain()\n",
            "        self.writer.write(opening)\n        await self.writer.drain()\n",
            _BLOCKING + "test_s26_a_console_order_during",
        ),
        (
            "S26",
            "lib/connect.py",
            "        async with TIMES:\n            pass",
            "        if True:\n            pass",
            _BLOCKING + "test_s26_the_time_of_a_handshake",
        ),
        (
            "S26",
            "firmware/link/connection.py",
            "        async with TIMES:  #",
            "        if True:  #",
            _BLOCKING + "test_s26_an_order_that_comes_during",
        ),
        (
            "S26",
            "lib/idle.py",
            "        while self._busy():\n",
            "        while False:\n",
            _BLOCKING + "test_s26_the_list_of_shockers",
        ),
        (
            "S26",
            "firmware/control/dispatcher.py",
            "None if TIMES.held else self._inbox.next()",
            "self._inbox.next()",
            _BLOCKING + "test_s26_an_order_that_comes_during",
        ),
        (
            "S26",
            "firmware/control/dispatcher.py",
            "            elif admitted and TIMES.held:\n",
            "            elif False:\n",
            _BLOCKING + "test_s26_a_console_order_during",
        ),
        (
            "S26",
            "firmware/app.py",
            "TIMES.later(lambda: build.keep(SETTINGS, name, table, self._log))",
            "build.keep(SETTINGS, name, table, self._log)",
            _BLOCKING + "test_s26_what_a_service_gives",
        ),
        (
            "S26",
            "firmware/ota/reports.py",
            "TIMES.later(lambda: _cross_off(kept))",
            "_cross_off(kept)",
            _BLOCKING + "test_s26_what_the_hub_was_told",
        ),
        (
            "S26",
            "firmware/ota/boot_state.py",
            "    why = _objection(version, url) or check",
            "    why = check",
            _BLOCKING + "test_s26_an_update_that_cannot_be",
        ),
        ("S26", "lib/nvs.py", "        TIMES.stop_first()\n", "", _BLOCKING + "test_s26_whatever_else"),
        (
            "S26",
            "lib/json_file.py",
            "    TIMES.stop_first()\n    text = dumps",
            "    text = dumps",
            _BLOCKING + "test_s26_somebody_at_the_console",
        ),
        (
            "S26",
            "firmware/ota/health.py",
            "            async with TIMES:\n                is",
            "            if True:\n                is",
            _BLOCKING + "test_s26_a_version_on_trial",
        ),
        (
            "S26",
            "firmware/net/station.py",
            "        if self.busy():\n",
            "        if False:\n",
            _BLOCKING + "test_s26_no_scan",
        ),
        (
            "S26",
            "firmware/net/join.py",
            "    await quiet(station)\n    return await _best_first",
            "    return await _best_first",
            _BLOCKING + "test_s26_a_network_that_is_lost",
        ),
        # S27
        (
            "S27",
            "firmware/link/connection.py",
            "        self._dispatcher.attend()\n",
            "",
            _LINK + "test_s27_a_stop_behind",
        ),
        (
            "S27",
            "firmware/control/transmitter.py",
            "        if self._heeded >= self._much:\n",
            "        if False:\n",
            _LINK + "test_s27_a_stop_behind",
        ),
        (
            "S27",
            "firmware/control/transmitter.py",
            "next(now, self._held)",
            "next(now)",
            _LINK + "test_s27_a_stop_behind",
        ),
        (
            "S27",
            "firmware/control/dispatcher.py",
            "        if orders.stops((order, detail)):\n            self.obey",
            "        if False:\n            self.obey",
            _LINK + "test_s27_stop_frames_go_on",
        ),
        (
            "S27",
            "firmware/control/inbox.py",
            "                self._actions[at] = command\n",
            "                self._actions.append(command)\n",
            _LINK + "test_s27_the_newest_order",
        ),
        (
            "S27",
            "firmware/control/dispatcher.py",
            "        self._inbox.stop_all()\n",
            "",
            _LINK + "test_s27_what_came_before",
        ),
        (
            "S27",
            "firmware/control/dispatcher.py",
            "                self._inbox.stop(admitted.model, admitted.rf_id, admitted.channel)\n",
            "",
            _LINK + "test_s27_what_came_before",
        ),
        (
            "S27",
            "firmware/control/transmitter.py",
            "return not self._held",
            "return True",
            _LINK + "test_s27_stop_frames_go_on",
        ),
        (
            "S27",
            "firmware/control/inbox.py",
            "        if len(self._others) >= _MOST_OTHERS:\n            self._make_room()\n",
            "",
            _LINK + "test_s27_refusals",
        ),
    )
]


class Moved(Exception):
    """The text that a mutation replaces is not in the source, or more than once."""


def mutated(mutation, source):
    """`source` without that guard. Moved when it is not there exactly once."""
    if source.count(mutation.old) != 1:
        raise Moved(f"{mutation.number}: {source.count(mutation.old)} times in {mutation.path}: {mutation.old!r}")
    changed = source.replace(mutation.old, mutation.new)
    ast.parse(changed)
    return changed


class Copy:
    """A copy of the product in a folder of its own, `with Copy() as copy`."""

    def __init__(self):
        self._age_s = 0

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mutant-"))
        for part in ("firmware", "lib"):
            shutil.copytree(ROOT / part, self.folder / part, ignore=shutil.ignore_patterns("__pycache__", "www"))
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def test(self, mutation):
        """(exit code, output) of the mutation's tests on the copy with that guard gone; the copy is whole afterwards."""
        path = self.folder / mutation.path
        whole = path.read_text()
        self.write(path, mutated(mutation, whole))
        try:
            return self.run(mutation.test)
        finally:
            self.write(path, whole)

    def write(self, path, text):
        """None; each version has a time of its own, for Python knows a compiled file by the second."""
        path.write_text(text)
        self._age_s += 10
        os.utime(path, (self._age_s, self._age_s))

    def run(self, test):
        """(exit code, output) of pytest on `test`: a file, two colons and the beginning of names."""
        name, _, start = test.partition("::")
        where = [f"host_tests/{test}"] if "[" in start else [f"host_tests/{name}", "-k", start]
        paths = f"{self.folder} . host_tests/support host_tests/cpython host_tests/stubs"
        command = [sys.executable, "-m", "pytest", *where, "-x", "--tb=line", "-o", f"pythonpath={paths}"]
        command += ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:cov", "-o", "timeout=0"]
        environment = dict(os.environ, PYTHONPATH=str(self.folder))
        for name in ("PYTEST_ADDOPTS", "PYTHONDONTWRITEBYTECODE"):
            environment.pop(name, None)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


def run_all(mutations):
    """[(mutation, caught, what was seen)] in their order; AT_ONCE of them at a time."""
    copies = queue.Queue()

    def one(mutation):
        copy = copies.get()
        try:
            code, output = copy.test(mutation)
        except (Moved, SyntaxError) as fault:
            return mutation, False, str(fault)
        finally:
            copies.put(copy)
        return mutation, code == RED and " failed" in output, output

    with Copy() as first, Copy() as second:
        for copy in (first, second):
            copies.put(copy)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(one, mutations))


def main(numbers):
    """0 when each of the mutations (of these invariants alone) was caught."""
    missed = 0
    results = run_all([mutation for mutation in MUTATIONS if not numbers or mutation.number in numbers])
    for mutation, caught, output in results:
        missed += not caught
        print(f"{mutation.number}  {'caught' if caught else 'MISSED'}  {mutation.path}: {mutation.old.strip()[:60]!r}")
        if not caught:
            print(output[-1500:])
    invariants = {mutation.number for mutation, _, _ in results}
    whole = {mutation.number for mutation, caught, _ in results if not caught}
    print(
        f"{len(results) - missed} of {len(results)} mutations; {len(invariants - whole)} of {len(invariants)} invariants"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
