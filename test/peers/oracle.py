"""Messages that Python makes, and what masking them should give, by Python's own protobuf.

  oracle.py make SET COUNT SEED      writes lines "TYPE BASE64"
  oracle.py check SET                reads lines "TYPE BASE64 BASE64": before and after; ends with 1 at the first that is wrong
"""

import base64
import random
import struct
import sys

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as F

pool = descriptor_pool.DescriptorPool()
with open(sys.argv[2], "rb") as file:
    files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
for each in files.file:
    pool.Add(each)
factory = message_factory.MessageFactory(pool)
classes = factory.GetMessages([each.name for each in files.file])
types = {name: classes[name] for name in ("peers.Modern", "peers.Old")}
any_class = factory.GetPrototype(pool.FindMessageTypeByName("google.protobuf.Any"))
known = ["peers.Modern", "peers.Old", "peers.Item"]
extensions = {
    name: list(pool.FindAllExtensions(pool.FindMessageTypeByName(name))) for name in ("peers.Old", "peers.Set")
}
words = ["", "a", "red", "blue sky", "gr\u00f6\u00dfe", "a longer text of some words", "x" * 130, "\U0001f600"]


def number_of(field, rng):
    kind = field.type
    if kind in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        value = rng.choice([0.0, -0.0, 1.5, -2.25, 1e30, float("inf"), float(rng.randrange(1000))])
        return struct.unpack("<f", struct.pack("<f", value))[0] if kind == F.TYPE_FLOAT else value
    if kind == F.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == F.TYPE_ENUM:
        return rng.choice(field.enum_type.values).number
    bits = 64 if kind in (F.TYPE_INT64, F.TYPE_UINT64, F.TYPE_SINT64, F.TYPE_FIXED64, F.TYPE_SFIXED64) else 32
    signed = kind not in (F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_FIXED32, F.TYPE_FIXED64)
    # Longer ones could be numbers of cards, which are masked by how they look.
    value = rng.randrange(1 << rng.choice([1, 7, 14, 31, min(bits, 39) - 1]))
    return -value - 1 if signed and rng.random() < 0.3 else value


def value_of(field, rng, depth):
    if field.type == F.TYPE_STRING:
        return rng.choice(words)
    if field.type == F.TYPE_BYTES:
        return rng.choice(words).encode()
    return number_of(field, rng)


def fill_any(message, rng, depth):
    name = rng.choice(known + ["peers.Unknown"])
    inner = b"\x0a\x03abc" if name == "peers.Unknown" else make(factory.GetPrototype(pool.FindMessageTypeByName(name)), rng, depth + 1).SerializeToString()
    message.type_url = "type.googleapis.com/" + name
    message.value = inner


def fill(message, field, rng, depth):
    is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
    if field.is_extension:
        holder = message.Extensions
        get = lambda: holder[field]
    else:
        get = lambda: getattr(message, field.name)
    if is_map:
        key, value = field.message_type.fields
        for _ in range(rng.randrange(3)):
            at = value_of(key, rng, depth)
            if value.message_type is not None:
                get()[at].CopyFrom(make(value.message_type._concrete_class, rng, depth + 1))
            else:
                get()[at] = value_of(value, rng, depth)
    elif field.message_type is not None:
        count = rng.randrange(3) if field.label == F.LABEL_REPEATED else 1
        for _ in range(count):
            one = get().add() if field.label == F.LABEL_REPEATED else get()
            if field.message_type.full_name == "google.protobuf.Any":
                fill_any(one, rng, depth)
            else:
                one.SetInParent()
                one.CopyFrom(make(type(one), rng, depth + 1))
    elif field.label == F.LABEL_REPEATED:
        get().extend(value_of(field, rng, depth) for _ in range(rng.randrange(4)))
    elif field.is_extension:
        message.Extensions[field] = value_of(field, rng, depth)
    else:
        setattr(message, field.name, value_of(field, rng, depth))


unknown = [
    b"\xfa\xff\x03\x06secret",  # 8191, with a length
    b"\xf8\xff\x03\x81\x01",  # a varint
    b"\xf9\xff\x03\x01\x02\x03\x04\x05\x06\x07\x08",
    b"\xfd\xff\x03\x01\x02\x03\x04",
    b"\xfb\xff\x03\x0a\x06secret\xfc\xff\x03",  # a group
]


def make(kind, rng, depth=0):
    message = kind()
    name = kind.DESCRIPTOR.full_name
    fields = list(kind.DESCRIPTOR.fields) + extensions.get(name, [])
    chance = 0.4 if depth == 0 else 0.25
    for field in fields:
        if field.message_type is not None and depth >= 3:
            continue
        if field.label == F.LABEL_REQUIRED or rng.random() < chance:
            fill(message, field, rng, depth)
    if name != "peers.Set" and rng.random() < 0.2:
        message.MergeFromString(rng.choice(unknown))
    elif name == "peers.Set" and rng.random() < 0.2:
        # An item of a number that nobody knows.
        message.MergeFromString(b"\x0b\x10\xb9\x60\x1a\x06secret\x0c")
    return message


def masked(field, value):
    if field.type == F.TYPE_STRING:
        return "*" if value else ""
    if field.type == F.TYPE_BYTES:
        return bytes(len(value))
    if field.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        return 0.0
    return False if field.type == F.TYPE_BOOL else 0


def mask(message):
    """Masks a message in place, as the rules of the test say."""
    if message.DESCRIPTOR.full_name == "google.protobuf.Any":
        name = message.type_url.rsplit("/", 1)[-1]
        if name in known:
            inner = factory.GetPrototype(pool.FindMessageTypeByName(name)).FromString(message.value)
            mask(inner)
            message.value = inner.SerializePartialToString(deterministic=True)
        else:
            message.value = b""
        return
    for field, value in message.ListFields():
        entry = field.message_type is not None and field.message_type.GetOptions().map_entry
        repeated = field.label == F.LABEL_REPEATED
        if entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in value:
                    mask(value[key])
        elif field.type == F.TYPE_GROUP and field.name.startswith("gone_"):
            # A group has no length that could be none.
            message.ClearField(field.name)
        elif field.message_type is not None:
            for one in value if repeated else [value]:
                if field.name.startswith("gone_"):
                    one.Clear()
                    one.SetInParent()
                else:
                    mask(one)
        elif field.name.startswith("hide_"):
            if repeated:
                value[:] = [masked(field, one) for one in value]
            elif field.is_extension:
                message.Extensions[field] = masked(field, value)
            else:
                setattr(message, field.name, masked(field, value))


def within(message, change):
    """Does this to each message within another, and to the one that an Any holds, which is then written anew."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].message_type is not None:
                for key in value:
                    change(value[key])
            continue
        for one in value if field.label == F.LABEL_REPEATED else [value]:
            if one.DESCRIPTOR.full_name == "google.protobuf.Any":
                name = one.type_url.rsplit("/", 1)[-1]
                if name in known:
                    inner = factory.GetPrototype(pool.FindMessageTypeByName(name)).FromString(one.value)
                    change(inner)
                    one.value = inner.SerializePartialToString(deterministic=True)
            else:
                change(one)


def settle(message):
    """What an Any holds is compared as a message, not as bytes."""
    within(message, settle)


def discard(message):
    """Unknown fields are left out, also within what an Any holds."""
    message.DiscardUnknownFields()
    within(message, discard)


def main():
    if sys.argv[1] == "make":
        rng = random.Random(int(sys.argv[4]))
        for _ in range(int(sys.argv[3])):
            name = rng.choice(list(types))
            data = make(types[name], rng).SerializeToString()
            # Two messages one behind the other are one that was merged. The second has no messages within: of one that comes
            # twice no part is kept, where a part can say how another is masked.
            if rng.random() < 0.3:
                data += make(types[name], rng, 3).SerializeToString()
            print(name, base64.b64encode(data).decode() or "-")
        return
    checked = changed = 0
    for line in sys.stdin:
        name, before, after = [each.replace("-", "") for each in line.split()]
        raw = base64.b64decode(before)
        got = base64.b64decode(after)
        expected = types[name].FromString(raw)
        discard(expected)
        mask(expected)
        settle(expected)
        found = types[name].FromString(got)
        settle(found)
        if found.SerializePartialToString(deterministic=True) != expected.SerializePartialToString(deterministic=True):
            print("differs: %s\n--- before\n%s\n--- expected\n%s\n--- found\n%s\n%s" % (name, types[name].FromString(raw), expected, found, before))
            sys.exit(1)
        checked += 1
        changed += raw != got
    print(checked, changed)


main()
