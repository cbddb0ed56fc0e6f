"""rtl_433, which no one here wrote, hears the same air: all five models, every field, marks and gaps.

Recipes and pitfalls: reference/onboarding-ota-safety.md §G2, §G3. PWM decoders look at marks alone, PPM decoders at
gaps alone, so each model is heard twice. `-s 1000000` makes the tolerance exact to 1 µs. Its exit status says nothing,
its output all.
"""

import importlib
import json
import re
import subprocess

import pytest
from conftest import peer_program
from rf_vectors import VECTORS, WIDTHS, first, train

from tools.rf import ook
from tools.rf.decode import train_pulses

pytestmark = pytest.mark.peer("rtl_433")

MARKS = {  # by the length of the marks; `invert`, because its short mark is a 1
    "caixianlin": "m=OOK_PWM,s=250,l=750,y=1400,r=9000,t=100,invert,bits=43",
    "petrainer998dr": "m=OOK_PWM,s=250,l=750,y=1500,r=9000,t=100,invert,bits=41",
    "d80": "m=OOK_PWM,s=300,l=900,y=1900,r=9000,t=101,invert,bits=41",  # the end's mark is 200; the limit is exclusive
    # these two code nothing in the marks: all alike behind the sync, so 41 and 42 ones
    "petrainer": "m=OOK_PWM,s=200,l=400,y=750,r=9000,t=75,bits=41",
    "wellturnt330": "m=OOK_PWM,s=220,l=440,y=960,r=9000,t=75,bits=42",
}
GAPS = {  # by the length of the gaps
    "caixianlin": "m=OOK_PPM,s=250,l=750,g=2000,r=9000,t=100,invert",
    "petrainer998dr": "m=OOK_PPM,s=250,l=750,g=2000,r=9000,t=100,invert",
    "d80": "m=OOK_PPM,s=300,l=900,g=2000,r=9000,t=100,invert",
    "petrainer": "m=OOK_PPM,s=750,l=1500,g=3000,r=9000,t=100,bits=41",
    "wellturnt330": "m=OOK_PPM,s=580,l=980,g=1500,r=9000,t=100,bits=41",
}
# What the gaps of one frame say: the sync's own gap is a bit where it is like one, the end's gap is none.
GAP_BITS = {
    "caixianlin": lambda bits: "0" + bits[:-1],  # the sync's 750 is a 0; the last gap is silence
    "petrainer998dr": lambda bits: "0" + bits,
    "d80": lambda bits: bits,  # the sync's 4000 begins a new row
    "petrainer": lambda bits: "0" + bits,
    "wellturnt330": lambda bits: bits,
}
GET = {  # where the fields are, for rtl_433 to take apart by itself
    "caixianlin": "get=@0:{16}:id,get=@16:{4}:channel,get=@20:{4}:action:[1:shock 2:vibrate 3:sound 4:light],"
    "get=@24:{8}:intensity,get=@32:{8}:check",
    "petrainer": "get=@1:{8}:action:[129:shock 130:vibrate 132:sound],get=@9:{16}:id,get=@25:{8}:intensity,get=@33:{8}:check",
    "petrainer998dr": "get=@0:{4}:channel:[8:1 15:2],get=@4:{4}:action:[1:shock 2:vibrate 4:sound 8:light],"
    "get=@8:{16}:id,get=@24:{8}:intensity,get=@32:{8}:check",
    "wellturnt330": "get=@0:{4}:channel:[0:1 14:2],get=@4:{4}:action:[6:shock 7:vibrate 8:sound],get=@8:{16}:id,"
    "get=@24:{8}:intensity,get=@32:{4}:lower,get=@36:{4}:again",
    "d80": "get=@0:{8}:constant,get=@8:{16}:id,get=@24:{2}:action:[1:shock 2:vibrate 3:sound],get=@26:{2}:channel,"
    "get=@28:{4}:intensity,get=@32:{8}:check",
}
READS = {model: GAPS[model] if model in ("petrainer", "wellturnt330") else MARKS[model] for model in WIDTHS}


def listen(folder, times, *specs):
    """What rtl_433 prints for this train, a dict for each line, heard by all `specs` at once."""
    program = peer_program("rtl_433")
    file = folder / "air.ook"
    file.write_text(ook.text(train_pulses(times)))
    command = [program, "-r", str(file), "-R", "0", "-s", "1000000", "-F", "json"]
    for spec in specs:
        command += ["-X", spec]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    # 22.11 leaves an empty row without quotes, which is no JSON
    return [json.loads(re.sub(r'(?<!")(\{\d+\}[0-9a-f]*)(?!")', r'"\1"', line)) for line in done.stdout.splitlines()]


def rows(heard):
    """The bits of every row that is not empty, as text."""
    found = []
    for line in heard:
        for code in line["codes"]:
            length, digits = re.fullmatch(r"\{(\d+)\}([0-9a-f]*)", code).groups()
            if int(length):
                found.append(f"{int(digits, 16):0{4 * len(digits)}b}"[: int(length)])
    return found


def plain(bits):
    return bits.replace(" ", "")


def parted(model, frames):
    """These frames' trains behind each other, with silence between."""
    return [width for bits in frames for width in (*train(model, bits)[:-1], 20_000)]


def mark_bits(model, bits):
    if model == "caixianlin":
        return plain(bits)
    if model in ("petrainer998dr", "d80"):
        return plain(bits) + "0"  # the end pulse is a short mark
    return "1" * (len(plain(bits)) + 1)


@pytest.mark.parametrize("model", list(WIDTHS))
def test_the_marks_of_every_frame_are_read(model, tmp_path):
    frames = [vector.bits for vector in VECTORS if vector.model == model]
    heard = rows(listen(tmp_path, parted(model, frames), f"n=judge,{MARKS[model]}"))
    assert heard == [mark_bits(model, bits) for bits in frames]


@pytest.mark.parametrize("model", list(WIDTHS))
def test_the_gaps_of_every_frame_are_read(model, tmp_path):
    frames = [vector.bits for vector in VECTORS if vector.model == model]
    heard = rows(listen(tmp_path, parted(model, frames), f"n=judge,{GAPS[model]}"))
    assert heard == [GAP_BITS[model](plain(bits)) for bits in frames]


def changed(times, index, error_us):
    return [*times[:index], times[index] + error_us, *times[index + 1 :]]


@pytest.mark.parametrize("model", list(WIDTHS))
def test_a_mark_or_a_gap_that_is_wrong_is_not_read(model, tmp_path):
    """The two passes can fail: 150 µs on one mark, then on one gap, and the frame is no longer what it was."""
    times = parted(model, [first(model).bits])
    right_marks = rows(listen(tmp_path, times, f"n=judge,{MARKS[model]}"))
    right_gaps = rows(listen(tmp_path, times, f"n=judge,{GAPS[model]}"))
    assert right_marks and right_gaps
    assert rows(listen(tmp_path, changed(times, 20, 150), f"n=judge,{MARKS[model]}")) != right_marks
    assert rows(listen(tmp_path, changed(times, 21, 150), f"n=judge,{GAPS[model]}")) != right_gaps


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model}-{vector.action}-{vector.rf_id}")
def test_it_takes_every_field_apart_by_itself(vector, tmp_path):
    spec = f"n={vector.model},{READS[vector.model]},unique,{GET[vector.model]}"
    (heard,) = listen(tmp_path, train(vector.model, vector.bits) * 3, spec)
    assert heard["model"] == vector.model and heard["count"] == 3
    assert (heard["id"], heard["action"], heard["intensity"]) == (vector.rf_id, vector.action, vector.intensity)
    if vector.channel is not None:
        assert str(heard["channel"]) == str(vector.channel)
    if vector.model == "wellturnt330":
        assert heard["lower"] == {"shock": 1, "vibrate": 2, "sound": 4}[vector.action]
        assert heard["again"] == {1: 0, 2: 14}[vector.channel]
    else:
        assert heard["check"] == int(plain(vector.bits)[32:40], 2)
    if vector.model == "d80":
        assert heard["constant"] == 4


def test_five_decoders_listening_at_once_hear_their_own_frames_only(tmp_path):
    times = [width for model in WIDTHS for width in parted(model, [first(model).bits] * 2)]
    only = {
        "d80": ",match={8}04"
    }  # Petrainer's 200 us marks are short marks to it too; its first byte tells them apart
    heard = listen(
        tmp_path, times, *(f"n={model},{READS[model]},unique{only.get(model, '')},{GET[model]}" for model in WIDTHS)
    )
    assert sorted((line["model"], line["id"], line["action"], line["count"]) for line in heard) == sorted(
        (model, 46231, "shock", 1) for model in [*WIDTHS, *WIDTHS]
    ), "20 ms of silence end a message, so two of each"


@pytest.mark.parametrize("model", list(WIDTHS))
def test_a_second_of_frames_without_a_pause_is_heard_whole(model, tmp_path):
    """60 frames are three packages of the file: none is cut in two."""
    times = train(model, first(model).bits) * 60
    heard = rows(listen(tmp_path, times, f"n=judge,{MARKS[model]}"))
    assert heard == [mark_bits(model, first(model).bits)] * 60


SHOCK, VIBRATE, SOUND, LIGHT = 1, 2, 3, 4
NAMES = (None, "shock", "vibrate", "sound", "light")
LACK_LIGHT = ("petrainer", "wellturnt330", "d80")
FIELD = {  # (first bit, width) of id and level in the bits that READS gives
    "caixianlin": ((0, 16), (24, 8)),
    "petrainer": ((9, 16), (25, 8)),
    "petrainer998dr": ((8, 16), (24, 8)),
    "wellturnt330": ((8, 16), (24, 8)),
    "d80": ((8, 16), (28, 4)),
}


def level_on_air(model, action, level):
    if action == SOUND and model in ("caixianlin", "wellturnt330", "d80"):
        return 0
    if model == "d80":
        return max(level * 15 // 100, 1) if level else 0
    return min(level, 99) if model == "caixianlin" else level


@pytest.mark.parametrize("model", list(WIDTHS))
def test_what_the_firmware_sends_is_what_rtl_433_hears(model, tmp_path):
    encode = importlib.import_module(f"firmware.shockers.{model}").encode
    actions = [SHOCK, VIBRATE, SOUND] + ([] if model in LACK_LIGHT else [LIGHT])
    asked = [
        (rf_id, action, level)
        for rf_id in (0, 1, 4660, 46231, 0x5555, 0xAAAA, 65535)
        for action in actions
        for level in (0, 1, 25, 50, 99, 100)
    ]
    times = [width for rf_id, action, level in asked for width in (*encode(rf_id, action, level)[:-1], 20_000)]
    heard = rows(listen(tmp_path, times, f"n=judge,{READS[model]}"))
    assert len(heard) == len(asked)

    def number(bits, place):
        return int(bits[place[0] : place[0] + place[1]], 2)

    id_place, level_place = FIELD[model]
    assert [(number(bits, id_place), number(bits, level_place)) for bits in heard] == [
        (rf_id, level_on_air(model, action, level)) for rf_id, action, level in asked
    ]


@pytest.mark.parametrize("model", list(WIDTHS))
def test_rtl_433_names_the_actions_that_the_firmware_sends(model, tmp_path):
    encode = importlib.import_module(f"firmware.shockers.{model}").encode
    for action in (SHOCK, VIBRATE, SOUND) if model in LACK_LIGHT else (SHOCK, VIBRATE, SOUND, LIGHT):
        times = [*encode(46231, action, 50)[:-1], 20_000]
        (heard,) = listen(tmp_path, times, f"n=judge,{READS[model]},unique,{GET[model]}")
        assert (heard["action"], heard["id"]) == (NAMES[action], 46231)


def test_what_rtl_433_writes_we_read(tmp_path):
    peer_program("rtl_433")
    (tmp_path / "in.ook").write_text(ook.text(train_pulses(parted("caixianlin", [first("caixianlin").bits]))))
    command = ["rtl_433", "-r", str(tmp_path / "in.ook"), "-R", "0", "-s", "1000000", "-w", str(tmp_path / "out.ook")]
    subprocess.run(command, capture_output=True, timeout=60, check=False)
    written = ook.parse((tmp_path / "out.ook").read_text())
    assert [(high, low) for _, high, low in written[:2]] == [(1400, 750), (750, 250)]
    assert len(written) == 44
