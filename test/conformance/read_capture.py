"""Reads a capture and prints what it holds as JSON: a second reader, made from docs/reference/capture-format.md alone.

Without dependencies, so it has its own MessagePack decoder and does not read brotli. Not made for damaged captures: it
stops at the first fault.
"""

import base64
import json
import struct
import sys
import zlib

MAGIC = b"\x89HOS\r\n\x1a\n"
END_MARK = b"\x8aEND\r\n\x1a\n"
HEADER, CHUNK, INDEX, FOOTER = 1, 2, 3, 4
FRAME = struct.Struct("<8sBBBBIIIIIIIQQII")

SIDES = ["request", "response"]
DIRECTIONS = ["inbound", "outbound"]
PROTOCOLS = ["http", "grpc", "websocket"]
SCHEMES = ["http", "https"]
ABORT_BY = ["client", "server", "recorder", "unknown"]
REASONS = ["buffer-full", "sink-slow", "sink-failed", "rate-limit", "hook", "damage", "worker-failed"]

SCHEMA_FORMATS = ["protobuf"]


class Unknown(Exception):
    """A value of an open list that this reader does not know: the record is skipped."""


def unpack(data, at, depth=0):
    """One MessagePack value at `at`, and where it ends."""
    if depth > 8:
        raise ValueError("nested too deeply")
    head = data[at]
    at += 1
    if head <= 0x7F:
        return head, at
    if head >= 0xE0:
        return head - 0x100, at
    if 0x90 <= head <= 0x9F:
        return unpack_array(data, at, head & 0x0F, depth)
    if 0xA0 <= head <= 0xBF:
        return text(data, at, head & 0x1F)
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head], at
    number = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q"}.get(head)
    number = number or {0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}.get(head)
    if number:
        return struct.unpack_from(number, data, at)[0], at + struct.calcsize(number)
    size = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I", 0xDC: ">H", 0xDD: ">I"}.get(head)
    if not size:
        raise ValueError("a value of a kind that captures do not use: %#x" % head)
    (length,) = struct.unpack_from(size, data, at)
    at += struct.calcsize(size)
    if head >= 0xDC:
        return unpack_array(data, at, length, depth)
    if head >= 0xD9:
        return text(data, at, length)
    if at + length > len(data):
        raise ValueError("a value that does not end")
    return data[at : at + length], at + length


def unpack_array(data, at, length, depth):
    if length > 262144:
        raise ValueError("too many values")
    values = []
    for _ in range(length):
        value, at = unpack(data, at, depth + 1)
        values.append(value)
    return values, at


def text(data, at, length):
    if at + length > len(data):
        raise ValueError("a string that does not end")
    return data[at : at + length].decode("utf-8", "replace"), at + length


def wire(value):
    return value.decode("latin-1") if isinstance(value, bytes) else value


def one_of(names, value):
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    raise Unknown


def word_of(names, value):
    if value in names:
        return value
    raise Unknown


def state(value):
    if value in ("kept", "masked", "truncated") or value.startswith("dropped:"):
        return value
    raise Unknown


def as_is(value):
    return value


def wires(value):
    return [wire(item) for item in value]


def side(value):
    return one_of(SIDES, value)


def entries(value):
    return [{"rule": rule, "part": part, "side": side(which), "count": count} for rule, part, which, count in value]


START = [
    ("direction", lambda v: one_of(DIRECTIONS, v)),
    ("protocol", lambda v: one_of(PROTOCOLS, v)),
    ("lane", as_is),
    ("parent", as_is),
    ("operation", as_is),
    ("peer", as_is),
    ("scheme", lambda v: one_of(SCHEMES, v)),
    ("version", as_is),
    ("method", wire),
    ("target", wire),
    ("authority", wire),
    ("headers", wires),
    ("sampleRate", as_is),
]
EXCHANGE = ("exchange", as_is)
RECORDS = {
    1: ("start", [EXCHANGE, *START]),
    2: ("headers", [EXCHANGE, ("status", as_is), ("reason", wire), ("version", as_is), ("headers", wires)]),
    3: ("chunk", [EXCHANGE, ("side", side), ("size", as_is), ("data", as_is)]),
    4: ("body", [EXCHANGE, ("side", side), ("data", as_is), ("ends", as_is)]),
    5: (
        "message",
        [EXCHANGE, ("side", side), ("index", as_is), ("kind", as_is), ("size", as_is), ("state", state), ("data", as_is)],
    ),
    6: ("trailers", [EXCHANGE, ("side", side), ("headers", wires)]),
    7: ("end", [EXCHANGE, ("side", side), ("size", as_is), ("state", state), ("complete", as_is)]),
    8: ("abort", [EXCHANGE, ("by", lambda v: one_of(ABORT_BY, v)), ("code", as_is)]),
    9: ("mark", [EXCHANGE, ("name", as_is), ("value", as_is)]),
    10: ("audit", [EXCHANGE, ("entries", entries), ("unknownHeaders", wires)]),
    11: ("resume", [EXCHANGE, ("startSeq", as_is), ("startAt", as_is), *START]),
    12: (
        "gap",
        [
            ("reason", lambda v: word_of(REASONS, v)),
            *[(name, as_is) for name in ("fromAt", "toAt", "exchanges", "events", "fromSeq", "exchange")],
        ],
    ),
    13: ("control", [("name", as_is), ("value", as_is)]),
    14: ("clock", [("wallMs", as_is)]),
    15: ("schema", [("format", lambda v: word_of(SCHEMA_FORMATS, v)), ("data", as_is)]),
}


def event(record, first_seq, base_ns):
    name, fields = RECORDS[record[0]]
    found = {"type": name, "seq": first_seq + record[1], "at": base_ns + record[2]}
    for (field, read), value in zip(fields, record[3:]):
        if value is not None:
            found[field] = read(value)
    return found


def policy_summary(policy):
    mode, name, digest, key, disabled = policy[:5]
    more = {}
    if len(policy) > 5 and policy[5]:
        more["allowed"] = policy[5]
    if len(policy) > 6 and policy[6]:
        more["hookBeforeMask"] = True
    return {
        "mode": "masked" if mode == 1 else "none",
        "name": name,
        "digest": digest,
        "keyId": key,
        "disabled": disabled,
        **more,
    }


def read(data):
    if data[:8] != MAGIC:
        raise ValueError("not a capture")
    at, number, sync, header, closed = 8, 0, data[8:16], None, False
    events, unknown, last = [], 0, (0, 0)
    while at < len(data) and not closed:
        fields = FRAME.unpack_from(data, at)
        mark, kind, flags, codec, cipher, this, stored, raw_bytes, count, crc_stored, crc_raw = fields[:11]
        seq_span, first_seq, base_ns, span_ns, crc_header = fields[11:]
        if mark != sync or zlib.crc32(data[at : at + 60]) != crc_header or this != number or cipher != 0:
            raise ValueError("byte %d: not the next frame" % at)
        payload = data[at + 64 : at + 64 + stored]
        if len(payload) != stored or zlib.crc32(payload) != crc_stored or raw_bytes > 1 << 24:
            raise ValueError("byte %d: a damaged payload" % at)
        if kind == HEADER:
            header, end = unpack(payload, 0)
            if header[1] == ["encrypted"]:
                raise NotImplementedError("encryption")
            if header[0] != 1 or header[1] != [] or header[2] != sync or end != stored:
                raise ValueError("a capture for newer readers")
        elif kind == CHUNK:
            if codec == 1:
                payload = zlib.decompressobj(-15).decompress(payload, raw_bytes)
            elif codec != 0:
                raise NotImplementedError("codec %d" % codec)
            if len(payload) != raw_bytes or zlib.crc32(payload) != crc_raw:
                raise ValueError("byte %d: a damaged chunk" % at)
            position, records = 0, 0
            while position < raw_bytes:
                record, position = unpack(payload, position)
                records += 1
                place = (first_seq + record[1], base_ns + record[2])
                if place[0] < last[0] or place[1] < last[1]:
                    raise ValueError("byte %d: out of order" % at)
                last = place
                try:
                    events.append(event(record, first_seq, base_ns))
                except (KeyError, Unknown):
                    unknown += 1
            if records != count or last != (first_seq + seq_span, base_ns + span_ns):
                raise ValueError("byte %d: a chunk that is not as its header says" % at)
        elif kind == FOOTER:
            footer, _ = unpack(payload, 0)
            offset, length, crc, end_mark = struct.unpack_from("<QII8s", data, at + 64 + stored)
            if (offset, length, end_mark) != (at, 64 + stored, END_MARK) or footer[3] != len(events) + unknown:
                raise ValueError("a footer or trailer that is not as the capture is")
            closed = True
        elif kind > FOOTER and flags & 1:
            raise ValueError("a capture for newer readers")
        at += 64 + stored
        number += 1
    version, features, _, ident, writer, wall, service, host, pid, policy, sampling, part, tags = header[:13]
    history = header[13] if len(header) > 13 and header[13] else []
    trigger = header[16] if len(header) > 16 and header[16] else []
    return {
        "header": {
            "id": ident.hex(),
            "writer": writer,
            "wallMs": wall,
            "service": service,
            "host": host,
            "pid": pid,
            "policy": policy_summary(policy),
            "sampling": sampling,
            "part": part,
            "tags": dict(zip(tags[::2], tags[1::2])),
            **({"policyHistory": [policy_summary(each) for each in history]} if history else {}),
            **({"trigger": dict(zip(("reason", "at", "wallMs"), trigger))} if trigger else {}),
        },
        "state": "complete" if closed else "open",
        "unknownRecords": unknown,
        "events": events,
    }


def plain(value):
    return {"base64": base64.b64encode(value).decode()}


if __name__ == "__main__":
    found = {}
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            try:
                found[path] = read(file.read())
            except NotImplementedError as error:
                found[path] = str(error)
    json.dump(found, sys.stdout, default=plain)
