"""`tools rf` and its files: the simulator's trace, rtl_433's .ook, .vcd, the picture, and the command line."""

import io
import json
import os
import struct
import subprocess
import sys

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from rf_vectors import VECTORS, WIDTHS, first, train

from tools import Failure
from tools.rf import main, ook, plot, trace, vcd
from tools.rf.decode import Pulse, decode, edges, pulses, train_pulses

ONE_SECOND_US = 1_000_000
WHOLE = [width for vector in VECTORS for width in train(vector.model, vector.bits)]


def sent(*models, start_us=7_000_000):
    times = [width for model in models for width in train(model, first(model).bits)]
    return pulses(edges(train_pulses(times, start_us)))


def test_a_trace_is_eight_bytes_an_edge_little_endian_time_first():
    assert trace.pack([(1, 1), (0x123456789, 0)]) == bytes.fromhex("03000000 00000000 12CF8A46 02000000")
    assert trace.unpack(bytes.fromhex("03000000 00000000 12CF8A46 02000000")) == [(1, 1), (0x123456789, 0)]


@given(st.integers(1, 40))
def test_a_growing_trace_may_be_read_in_any_pieces(size):
    wanted = edges(sent("caixianlin"))
    data = trace.pack(wanted)
    words = trace.Words()
    found = [edge for at in range(0, len(data), size) for edge in words.feed(data[at : at + size])]
    assert found == wanted and words.waiting() == 0


def test_a_trace_that_is_none_is_refused():
    with pytest.raises(Failure, match="9 bytes are no whole number"):
        trace.unpack(bytes(9))
    with pytest.raises(Failure, match="edge 2 is earlier"):
        trace.unpack(struct.pack("<2Q", 20, 10))


def test_the_ook_text_is_what_rtl_433_reads():
    text = ook.text(train_pulses([1400, 750, 250, 750]))
    assert text == (
        ";pulse data\n;version 1\n;timescale 1us\n;start_us 0\n;ook 2 pulses\n;freq1 433920000\n1400 750\n250 10000\n;end\n"
    )


def test_ook_keeps_every_pulse_and_its_time_and_no_package_is_too_long():
    times = WHOLE * 12 + [1400, 5 * ONE_SECOND_US] + WHOLE
    wanted = pulses(edges(train_pulses(times, start_us=77)))
    text = ook.text(wanted)
    assert ook.parse(text) == wanted
    packages = text.split(";end\n")[:-1]
    assert max(package.count("\n") - 6 for package in packages) <= 1188
    for package in packages:
        body = "\n".join(line for line in package.splitlines() if not line.startswith(";start_us"))
        assert all(frame.ok or frame.n_pulses == 1 for frame in decode(ook.parse(body))), "no frame is cut in two"


def test_ook_cuts_noise_that_is_longer_than_a_package():
    noise = train_pulses([100, 100] * 3000)
    text = ook.text(noise)
    assert text.count(";pulse data") == 3
    assert len(ook.parse(text)) == 3000


def test_ook_packages_that_claim_to_overlap_still_run_forwards():
    assert ook.parse(";start_us 100\n10 10\n;end\n;start_us 50\n5 5\n") == [Pulse(100, 10, 0), Pulse(110, 5, None)]


def test_ook_of_another_writer_is_read():
    text = ";pulse data\r\n;version 1\r\n;samplerate 250000 Hz\r\n;ook 2 pulses\r\n1400 750\r\n\r\n250 9000\r\n;end\r\n"
    assert ook.parse(text) == [Pulse(0, 1400, 750), Pulse(2150, 250, None)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1400\n", "line 1: wanted two numbers of us, found '1400'"),
        (";ook\n1400 750\n-3 5\n", "line 3: wanted two numbers"),
        ("1400 750 3\n", "line 1: wanted two numbers"),
        ("12.5 7\n", "line 1: wanted two numbers"),
        (";fsk 5 pulses\n", "line 1: this is FSK"),
        (";start_us soon\n1 1\n", "line 1: wanted a time in us, found 'soon'"),
    ],
)
def test_ook_that_is_wrong_is_refused_with_its_line(text, words):
    with pytest.raises(Failure, match=words):
        ook.parse(text)


def test_vcd_keeps_every_pulse_and_its_time():
    for start_us in (0, 500, 7_000_000, 10**12):
        wanted = sent(*WIDTHS, start_us=start_us)
        assert vcd.parse(vcd.text(wanted)) == wanted


def test_vcd_begins_near_zero_and_says_what_each_frame_means():
    text = vcd.text(sent("caixianlin", start_us=10**12))
    assert "#1000\n1!\n#2400\n0!\n" in text
    assert "$comment #1000 caixianlin 46231 shock 25 $end\n" in text[: text.index("$enddefinitions")]
    assert text.endswith("#55400\n")


def test_vcd_of_another_writer_is_read():
    text = """$date today $end $timescale 10 ns $end
        $scope module top $end $var wire 8 # bus [7:0] $end $var reg 1 a clk $end $var wire 1 b RF $end
        $var real 64 r level $end $upscope $end $enddefinitions $end
        #0 $dumpvars b00000000 # xa xb r0.5 r $end $comment 1b $end
        #100000 1b 1a #150000 0a #240000 0b b11110000 # #300000 b1 b #300100 zb"""
    assert vcd.parse(text, wire="RF") == [Pulse(1000, 1400, 600), Pulse(3000, 1, None)]
    assert vcd.parse(text, wire="clk") == [Pulse(1000, 500, None)]
    with pytest.raises(Failure, match="several wires; name one by --wire: RF, clk"):
        vcd.parse(text)
    with pytest.raises(Failure, match="no wire 'TX'"):
        vcd.parse(text, wire="TX")


def test_vcd_times_are_rounded_to_the_nearest_microsecond():
    text = "$timescale 100 ns $end $var wire 1 ! a $end $enddefinitions $end #14 1! #26 0! #35 1! #44 0!"
    assert vcd.parse(text) == [Pulse(1, 2, 1), Pulse(4, 0, None)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "enddefinitions is missing"),
        ("1400 750", "enddefinitions is missing"),
        ("$timescale 3 us $end $enddefinitions $end", "the timescale '3us'"),
        ("$timescale 1 us $end $enddefinitions $end #0", "no wire of one bit"),
        ("$var wire 1 ! a $end $enddefinitions $end #0", "timescale is missing"),
        ("$timescale 1 us $end $var wire 1 ! a $end $enddefinitions $end #x", "'#x' is no time"),
        ("$timescale 1 us $end $var wire 1 ! a $end $enddefinitions $end #9 1! #5 0!", "time runs backwards"),
    ],
)
def test_vcd_that_is_wrong_is_refused(text, words):
    with pytest.raises(Failure, match=words):
        vcd.parse(text)


@given(st.text(max_size=300))
def test_any_text_is_refused_or_read_but_never_breaks(text):
    for parse in (ook.parse, vcd.parse):
        try:
            assert isinstance(parse(text), list)
        except Failure as failure:
            assert "\n" not in str(failure)


def test_the_picture_names_every_field_in_the_order_of_the_air():
    (frame,) = decode(sent("caixianlin"))
    assert [(span.name, span.value, span.last - span.first) for span in plot.spans(frame)] == [
        ("sync", "", 1),
        ("id", "46231", 16),
        ("channel", "0", 4),
        ("action", "shock", 4),
        ("intensity", "25", 8),
        ("checksum", "65h", 8),
        ("tail", "000", 3),
    ]


@pytest.mark.parametrize("model", list(WIDTHS))
def test_the_picture_is_a_png_of_2400_by_660(model, tmp_path):
    heard = sent(model)
    (frame,) = decode(heard)
    plot.draw(frame, heard, tmp_path / "frame.png")
    data = (tmp_path / "frame.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">2I", data[16:24]) == (2400, 660)


def test_a_frame_with_a_wrong_sum_can_be_drawn_a_half_one_cannot(tmp_path):
    heard = train_pulses(train("caixianlin", "1011010010010111 0000 0001 00011001 01100100 000"))
    plot.draw(decode(heard)[0], heard, tmp_path / "bad.png")
    assert (tmp_path / "bad.png").stat().st_size > 10_000
    with pytest.raises(Failure, match="only a whole frame can be drawn.*truncated"):
        plot.draw(decode(heard[:9])[0], heard[:9], tmp_path / "half.png")


# ---- the command line -----------------------------------------------------------------------------------------------


def write(path, data):
    path.write_bytes(data)
    return str(path)


def spoken(capsys):
    return capsys.readouterr().out.splitlines()


def test_decode_prints_a_line_a_burst(tmp_path, capsys):
    heard = sent("caixianlin", "caixianlin", "d80")
    assert main(["decode", write(tmp_path / "a.trace", trace.pack(edges(heard)))]) == 0
    one, two = spoken(capsys)
    assert "caixianlin" in one and "46231" in one and "shock 25" in one and one.endswith("2 frames")
    assert "d80" in two and "shock 3" in two and two.endswith("1 frame")


def test_decode_prints_json(tmp_path, capsys):
    name = write(tmp_path / "a.trace", trace.pack(edges(sent("d80"))))
    assert main(["decode", "--json", name]) == 0
    assert [json.loads(line) for line in spoken(capsys)] == [
        {
            "event": "rf",
            "model": "d80",
            "rf_id": 46231,
            "action": "shock",
            "intensity": 3,
            "frames": 1,
            "first_ms": 0,
            "last_ms": 56,
        }
    ]
    assert main(["decode", "--json", "--frames", "--absolute", name]) == 0
    (frame,) = map(json.loads, spoken(capsys))
    assert (frame["event"], frame["hex"], frame["start_us"]) == ("frame", "04B49753A2", 7_000_000)


def test_decode_of_something_wrong_says_so_and_exits_1(tmp_path, capsys):
    name = write(tmp_path / "bad.ook", b"1400 750\n250 20000\n")
    assert main(["decode", name]) == 1
    (line,) = spoken(capsys)
    assert "FAULT  caixianlin: truncated: 1 of 44 pulses, then 250 us high" in line
    assert main(["decode", "--frames", name]) == 1
    assert "FAULT truncated" in capsys.readouterr().out


def test_the_tolerance_can_be_chosen(tmp_path):
    times = [width + 60 for width in train("caixianlin", first("caixianlin").bits)]
    name = write(tmp_path / "a.trace", trace.pack(edges(train_pulses(times))))
    assert main(["decode", name]) == 0
    assert main(["decode", "--tolerance", "59", name]) == 1
    assert main(["decode", "--tolerance", "60", name]) == 0
    with pytest.raises(Failure, match="--tolerance takes 1 to 300"):
        main(["decode", "--tolerance", "0", name])


def test_export_turns_every_format_into_every_other(tmp_path, capsys):
    wanted = sent("petrainer", "wellturnt330")
    here = write(tmp_path / "0.trace", trace.pack(edges(wanted)))
    for number, suffix in enumerate(["ook", "vcd", "trace", "vcd", "ook", "trace"], 1):
        there = str(tmp_path / f"{number}.{suffix}")
        assert main(["export", here, "-o", there]) == 0
        here = there
    assert pulses(trace.unpack((tmp_path / "6.trace").read_bytes())) == wanted


def test_plot_draws_the_frame_that_was_asked_for(tmp_path):
    name = write(tmp_path / "a.trace", trace.pack(edges(sent("caixianlin", "d80"))))
    assert main(["plot", name, "--frame", "2", "-o", str(tmp_path / "b.png")]) == 0
    alone = write(tmp_path / "d80.trace", trace.pack(edges(sent("d80"))))
    assert main(["plot", alone, "-o", str(tmp_path / "d80.png")]) == 0
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "d80.png").read_bytes(), "the same frame, the same bytes"
    with pytest.raises(Failure, match="there is no frame 3; there are 2"):
        main(["plot", name, "--frame", "3", "-o", str(tmp_path / "b.png")])
    with pytest.raises(Failure, match="must end with .png"):
        main(["plot", name, "-o", str(tmp_path / "b.jpg")])


def test_encode_prints_the_pulses_of_the_firmwares_encoder(capsys):
    assert main(["encode", "Cai-Xianlin", "0xB497", "Shock", "25"]) == 0
    times = [int(number) for line in spoken(capsys) for number in line.split()]
    assert times == train("caixianlin", first("caixianlin").bits)


@pytest.mark.parametrize("name", ["CaiXianlin", "petTrainer", "PETTRAINER998DR", "T330", "d80"])
@pytest.mark.parametrize("suffix", ["ook", "vcd", "trace"])
def test_what_encode_writes_decode_reads(name, suffix, tmp_path, capsys):
    file = str(tmp_path / f"a.{suffix}")
    assert main(["encode", name, "65535", "vibrate", "100", "--repeat", "60", "-o", file]) == 0
    assert main(["decode", "--json", file]) == 0
    (event,) = map(json.loads, spoken(capsys))
    assert (event["rf_id"], event["action"], event["frames"]) == (65535, "vibrate", 60)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["encode", "collar", "1", "shock", "5"],
            "there is no model 'collar'; there are: cai-xianlin, caixianlin, d80",
        ),
        (["encode", "d80", "1", "tickle", "5"], "there is no action 'tickle'; there are: stop, shock"),
        (["encode", "d80", "65536", "shock", "5"], "d80 cannot send this: .*0-65535"),
        (["encode", "petrainer", "1", "light", "5"], "petrainer cannot send this"),
        (["encode", "d80", "1", "shock", "5", "--channel", "4"], "d80 cannot send this"),
        (["encode", "d80", "1", "shock", "5", "--repeat", "0"], "--repeat takes 1 to 10000"),
        (["encode", "d80", "1", "shock", "5", "-o", "frame.wav"], "the name must end with .trace, .ook, .vcd or .png"),
        (["encode", "d80", "1", "shock", "5", "-o", "no/such/folder/a.ook"], "No such file"),
        (["decode", "no-such-file.trace"], "no-such-file.trace: No such file"),
        (["decode", "pyproject.toml"], "the name must end with .trace, .ook, .vcd"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(arguments, words):
    with pytest.raises(Failure, match=words) as caught:
        main(arguments)
    assert "\n" not in str(caught.value)


def test_files_that_are_not_what_they_say_are_refused_with_their_name(tmp_path):
    for name, data, words in [
        ("a.trace", b"123", "a.trace: not a trace"),
        ("a.trace", b"", "a.trace: no pulse in it"),
        ("a.ook", b"\xff\xfe\x00", "a.ook: this is not text"),
        ("a.vcd", b"hello", "a.vcd: not a VCD file"),
    ]:
        with pytest.raises(Failure, match=words):
            main(["decode", write(tmp_path / name, data)])


@pytest.mark.parametrize("command", [[], ["encode"], ["decode"], ["plot"], ["export"]])
def test_help_is_everywhere(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python3 -m tools rf{''.join(' ' + word for word in command)}")


def test_the_whole_command_from_the_outside(tmp_path):
    file = str(tmp_path / "a.ook")
    environment = dict(os.environ, PYTHONIOENCODING="utf-8")

    def tools(*arguments):
        command = [sys.executable, "-m", "tools", "rf", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    made = tools("encode", "caixianlin", "46231", "shock", "25", "--repeat", "3", "-o", file)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")
    read = tools("decode", "--json", file)
    assert read.returncode == 0 and json.loads(read.stdout)["frames"] == 3
    wrong = tools("decode", str(tmp_path / "none.ook"))
    assert wrong.returncode == 1 and wrong.stdout == ""
    assert wrong.stderr == f"python3 -m tools rf: {tmp_path / 'none.ook'}: No such file or directory\n"


def test_a_console_that_knows_no_unicode_still_gets_its_lines(tmp_path, monkeypatch):
    """Windows consoles and pipes may be cp1252 or plain ASCII."""
    name = write(tmp_path / "a.trace", trace.pack(edges(sent("d80"))))
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="strict")
    monkeypatch.setattr(sys, "stdout", narrow)
    assert main(["decode", name]) == 0
    assert main(["decode", "--frames", name]) == 0
    narrow.flush()
    assert b"d80" in narrow.buffer.getvalue()
