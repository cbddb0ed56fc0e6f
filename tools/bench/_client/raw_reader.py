"""Reads a flood and throws it away: how fast the server is. Arguments: host, port, path, a JSON list of floods."""

import base64
import json
import os
import socket
import sys

RECORD = b'{"type":1,"target":"Tick","arguments":[12345,"collar"]}\x1e'


def _masked(record):
    return bytes([0x81, 0x80 | len(record), 0, 0, 0, 0]) + record  # a mask of zeros changes nothing


def main(host, port, path, floods):
    """Request each flood, read it to its end, and print an empty list."""
    stream = socket.create_connection((host, int(port)))
    key = base64.b64encode(os.urandom(16)).decode()
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    stream.sendall((head + f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
    stream.sendall(_masked(b'{"protocol":"json","version":1}\x1e'))
    received = b""
    while not received.endswith(b"{}\x1e"):
        received += stream.recv(65536)
    for count, per_frame in json.loads(floods):
        arguments = json.dumps([count, per_frame]).encode()
        stream.sendall(_masked(b'{"type":1,"target":"Flood","arguments":' + arguments + b"}\x1e"))
        size = len(RECORD) * per_frame
        wanted = count // per_frame * (size + (2 if size < 126 else 4))
        while wanted > 0:
            wanted -= len(stream.recv(65536))
        stream.sendall(_masked(b'{"type":1,"target":"Done","arguments":[]}\x1e'))
    stream.sendall(_masked(b'{"type":7}\x1e'))
    stream.recv(1)  # the server has noted the times, and closes
    print("[]")


main(*sys.argv[1:])
