"""Tests of tools/console-split against lib/frame.c: the same frames both ways, ptys, TCP ports, credit, text in between."""
import ctypes
import importlib.machinery
import importlib.util
import os
import random
import select
import socket
import subprocess
import sys
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
TOOL = os.path.join(TOP, "tools", "console-split")


def load_tool():
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("console_split", TOOL)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("console_split", loader))
    loader.exec_module(module)
    return module


split = load_tool()
ON_FRAME = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint8, ctypes.c_uint8, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)
ON_TEXT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t)


class CDecoder(ctypes.Structure):
    _fields_ = [("frame", ON_FRAME), ("text", ON_TEXT), ("context", ctypes.c_void_p), ("inside", ctypes.c_bool),
                ("held_count", ctypes.c_size_t), ("held", ctypes.c_uint8 * split.LONGEST)]


@pytest.fixture(name="frame_c", scope="module")
def _frame_c(tmp_path_factory):
    """lib/frame.c as a library."""
    path = str(tmp_path_factory.mktemp("frame") / "frame.so")
    subprocess.run(["gcc", "-std=gnu2x", "-shared", "-fPIC", f"-I{TOP}", os.path.join(TOP, "lib", "frame.c"), "-o", path], check=True)
    library = ctypes.CDLL(path)
    library.frame_encode.restype = ctypes.c_size_t
    return library


def c_encode(frame_c, kind, channel, payload):
    out = (ctypes.c_uint8 * split.LONGEST)()
    size = frame_c.frame_encode(out, ctypes.c_uint8(ord(kind)), ctypes.c_uint8(channel), payload, ctypes.c_size_t(len(payload)))
    return bytes(out[:size])


def c_decode(frame_c, data):
    seen = []

    def frame(_, kind, channel, payload, size):
        seen.append((chr(kind), channel, bytes(payload[:size])))

    def text(_, data, size):
        seen.append((None, None, bytes(data[:size])))
    decoder = CDecoder(frame=ON_FRAME(frame), text=ON_TEXT(text))
    frame_c.frame_decode(ctypes.byref(decoder), data, ctypes.c_size_t(len(data)))
    frame_c.frame_flush(ctypes.byref(decoder))
    return joined(seen)


def joined(events):
    """Text in a row as one piece: how it is cut does not matter."""
    out = []
    for event in events:
        if event[0] is None and out and out[-1][0] is None:
            out[-1] = (None, None, out[-1][2] + event[2])
        else:
            out.append(event)
    return out


def py_decode(data, cuts):
    decoder, seen, last = split.Decoder(), [], 0
    for cut in [*cuts, len(data)]:
        seen += decoder.feed(data[last:cut])
        last = cut
    return joined(seen + decoder.flush())


def test_both_encoders_make_the_same_frames(frame_c):
    rng = random.Random(1)
    for size in [0, 1, 2, 255, 256, *(rng.randrange(257) for _ in range(200))]:
        payload = bytes(rng.choice([0, 65, 0xFD, 0xFE, 0xFF, rng.randrange(256)]) for _ in range(size))
        kind, channel = chr(rng.randrange(256)), rng.randrange(256)
        assert split.encode(kind, channel, payload) == c_encode(frame_c, kind, channel, payload)


def test_both_decoders_say_the_same_of_any_stream(frame_c):
    rng = random.Random(2)
    for _ in range(300):
        stream = b""
        for _ in range(rng.randrange(6)):
            piece = split.encode(rng.choice("DACX"), rng.randrange(4), bytes(rng.randrange(256) for _ in range(rng.randrange(20))))
            damage = rng.randrange(4)
            if damage == 1:
                piece = piece[:rng.randrange(len(piece))]
            elif damage == 2:
                at = rng.randrange(len(piece))
                piece = piece[:at] + bytes([rng.randrange(256)]) + piece[at + 1:]
            stream += piece + rng.choice([b"", b"text\n", b"\xff", bytes([0xFE]) + b"x" * 600])
        cuts = sorted(rng.randrange(len(stream) + 1) for _ in range(3))
        assert py_decode(stream, cuts) == c_decode(frame_c, stream)


class Line:
    """The machine's end of the serial line, and console-split at the other."""

    def __init__(self, folder, *options):
        self.folder = str(folder / "consoles")
        path = str(folder / "serial")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(20)
        self.process = subprocess.Popen([TOOL, "--dir", self.folder, "--socket", path, *options], stdout=subprocess.PIPE)
        self.sock, _ = listener.accept()
        self.decoder, self.events, self.output = split.Decoder(), [], b""
        assert self.next() == ("H", 0, b"")

    def send(self, kind, channel, payload=b""):
        self.sock.sendall(split.encode(kind, channel, payload))

    def announce(self, channel, name, window=4096, taken=0):
        self.send("A", channel, window.to_bytes(4, "little") + (taken & 0xFFFFFFFF).to_bytes(4, "little") + name.encode())

    def next(self, wait=10):
        """The next frame from console-split, None when there is none for `wait` seconds."""
        end = time.monotonic() + wait
        while not self.events and time.monotonic() < end:
            if select.select([self.sock], [], [], 0.05)[0]:
                self.events += self.decoder.feed(self.sock.recv(65536))
        return self.events.pop(0) if self.events else None

    def expect_output(self, text):
        end = time.monotonic() + 10
        while text not in self.output and time.monotonic() < end:
            if select.select([self.process.stdout], [], [], 0.05)[0]:
                self.output += os.read(self.process.stdout.fileno(), 65536)
        assert text in self.output

    def open(self, name):
        end = time.monotonic() + 10
        path = os.path.join(self.folder, name)
        while not os.path.exists(path) and time.monotonic() < end:
            time.sleep(0.02)
        return os.open(path, os.O_RDWR | os.O_NOCTTY)


def read(fd, size):
    data, end = b"", time.monotonic() + 10
    while len(data) < size and time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            data += os.read(fd, 65536)
    return data


@pytest.fixture(name="line")
def _line(tmp_path):
    lines = []

    def start(*options):
        lines.append(Line(tmp_path, *options))
        return lines[-1]
    yield start
    for line in lines:
        line.sock.close()
        line.process.wait(10)


def test_each_channel_is_a_terminal(line):
    one = line()
    one.announce(1, "vm1")
    one.announce(2, "vm2")
    vm1, vm2 = one.open("vm1"), one.open("vm2")
    one.send("D", 1, b"for one\n")
    one.send("D", 2, b"for two\r\n")
    assert read(vm1, 9) == b"for one\r\n"
    assert read(vm2, 9) == b"for two\r\n"
    os.write(vm2, b"ls\r")
    assert one.next() == ("D", 2, b"ls\r")


def test_what_is_in_no_frame_goes_to_the_output(line, tmp_path):
    one = line("--log", str(tmp_path / "log"))
    one.sock.sendall(b"boot\n")
    one.announce(1, "vm1")
    vm1 = one.open("vm1")
    one.sock.sendall(split.encode("D", 1, b"half a frame")[:6] + b"hv: panic: reason\n")
    one.expect_output(b"boot\n")
    one.expect_output(b"hv: panic: reason\n")
    one.send("D", 1, b"on")
    assert read(vm1, 2) == b"on"
    assert b"hv: panic: reason\n" in (tmp_path / "log").read_bytes()


def test_a_tcp_port_is_clean_for_all_bytes_both_ways(line):
    one = line("--tcp", "gdb1=0")
    one.announce(3, "gdb1")
    one.expect_output(b"port ")
    port = int(one.output.split(b"port ")[1].split()[0])
    everything = bytes(range(256))
    with socket.create_connection(("127.0.0.1", port)) as gdb:
        gdb.sendall(everything)
        got = b""
        while len(got) < 256:
            kind, channel, payload = one.next()
            assert (kind, channel) == ("D", 3)
            got += payload
        assert got == everything
        one.send("D", 3, everything)
        assert read(gdb.fileno(), 256) == everything
    # The next one may connect.
    time.sleep(0.2)
    with socket.create_connection(("127.0.0.1", port)) as gdb:
        gdb.sendall(b"+")
        assert one.next() == ("D", 3, b"+")


def test_no_more_is_sent_than_there_is_room_for(line):
    one = line()
    one.announce(1, "vm1", window=10, taken=-4)
    vm1 = one.open("vm1")
    os.write(vm1, b"0123456789abcdef")
    assert one.next() == ("D", 1, b"012345")
    assert one.next(0.3) is None
    one.send("C", 1, (3).to_bytes(4, "little"))
    assert one.next() == ("D", 1, b"6789abc")
    one.announce(1, "vm1", window=100)
    assert one.next() == ("D", 1, b"def")


def test_channels_go_and_numbers_get_new_names(line):
    one = line()
    one.announce(1, "vm1")
    os.close(one.open("vm1"))
    one.announce(1, "other")
    os.close(one.open("other"))
    assert not os.path.lexists(os.path.join(one.folder, "vm1"))
    one.send("X", 1)
    one.expect_output(b"other is gone")
    assert os.listdir(one.folder) == []


def test_a_terminal_that_nobody_reads_stops_nobody(line):
    one = line()
    one.announce(1, "silent")
    one.announce(2, "vm2")
    for _ in range(3000):
        one.send("D", 1, b"x" * 250 + b"\n")
    vm2 = one.open("vm2")
    one.send("D", 2, b"alive")
    assert read(vm2, 5) == b"alive"


def test_wrong_options_are_told():
    for arguments, sentence in [([], "say one of"), (["--tcp", "x", "--socket", "y"], "expected NAME=PORT"),
                                (["--socket", "/nonexistent/socket"], "No such file")]:
        done = subprocess.run([TOOL, "--dir", "/tmp", *arguments], stderr=subprocess.PIPE, timeout=20, check=False)
        assert done.returncode != 0 and sentence in done.stderr.decode()
