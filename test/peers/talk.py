"""A service of gRPC and a client of it, on Python's grpcio.

  talk.py serve SET             listens, prints its port, and serves until its standard input ends
  talk.py call SET ADDRESS      makes calls of all kinds, one after the other, and prints what it saw of each as JSON
"""

import base64
import json
import sys
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
with open(sys.argv[2], "rb") as file:
    for each in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
        pool.Add(each)
Word = message_factory.MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("talk.Word"))
details = base64.b64decode("CAMSAm5v")
read = {"request_deserializer": Word.FromString, "response_serializer": Word.SerializeToString}


def get(word, context):
    context.send_initial_metadata((("tenant", "garden"), ("sum-bin", b"\x00\xff\x01")))
    got = dict(context.invocation_metadata())
    context.set_trailing_metadata((("behind", "one"), ("behind", "two"), ("got", got.get("tenant", "none"))))
    if word.text == "fail":
        context.set_trailing_metadata((("grpc-status-details-bin", details), ("behind", "it")))
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no ünicorn: 100%")
    return Word(text=word.text.upper(), password=word.password, count=word.count + 1)


def upload(words, context):
    texts = [word.text for word in words]
    return Word(text=" ".join(texts), count=len(texts))


def list_(word, context):
    for i in range(word.count):
        yield Word(text="%s %d" % (word.text, i), count=i)


def chat(words, context):
    for word in words:
        yield Word(text=word.text.upper(), count=word.count)


def wait(word, context):
    import threading

    gone = threading.Event()
    context.add_callback(gone.set)
    gone.wait(10)
    return Word()


def serve():
    server = grpc.server(futures.ThreadPoolExecutor(16))
    handlers = {
        "Get": grpc.unary_unary_rpc_method_handler(get, **read),
        "Upload": grpc.stream_unary_rpc_method_handler(upload, **read),
        "List": grpc.unary_stream_rpc_method_handler(list_, **read),
        "Chat": grpc.stream_stream_rpc_method_handler(chat, **read),
        "Wait": grpc.unary_unary_rpc_method_handler(wait, **read),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("talk.Talk", handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    server.start()
    sys.stdin.read()
    server.stop(0)


def pairs(metadata):
    shown = [[name, value if isinstance(value, str) else base64.b64encode(value).decode()] for name, value in metadata or ()]
    return [each for each in shown if each[0] != "date"]


def shown(word):
    return [word.text, word.password, word.count]


def call(name, made, words=None):
    """What came of a call that was made, and is looked at as it goes by."""
    out = {"call": name, "words": [shown(word) for word in words or ()]}
    try:
        for word in [made.result()] if words is None else made:
            out["words"].append(shown(word))
    except (grpc.RpcError, grpc.FutureCancelledError):
        pass
    out["head"] = pairs(made.initial_metadata())
    out["code"] = made.code().name
    # What a client says of its own deadline has times in it.
    out["details"] = made.details() if made.code() != grpc.StatusCode.DEADLINE_EXCEEDED else ""
    out["behind"] = pairs(made.trailing_metadata())
    print(json.dumps(out, ensure_ascii=False), flush=True)


def client():
    channel = grpc.insecure_channel(sys.argv[3])
    as_words = {"request_serializer": Word.SerializeToString, "response_deserializer": Word.FromString}
    of = lambda kind, name: getattr(channel, kind)("/talk.Talk/" + name, **as_words)
    call("hello", of("unary_unary", "Get").future(Word(text="hello", password="hunter2", count=1), metadata=(("tenant", "hose"), ("raw-bin", b"\xff\x00"))))
    call("empty", of("unary_unary", "Get").future(Word()))
    call("fail", of("unary_unary", "Get").future(Word(text="fail")))
    call("upload", of("stream_unary", "Upload").future(iter([Word(text="a"), Word(), Word(text="c")])))
    call("list", of("unary_stream", "List")(Word(text="item", count=3)), ())
    call("long", of("unary_unary", "Get").future(Word(text="x" * 200_000)))
    call("squeezed", of("unary_unary", "Get").future(Word(text="y" * 5000), compression=grpc.Compression.Gzip))
    import queue

    words = queue.Queue()
    turns = of("stream_stream", "Chat")(iter(words.get, None))
    heard = []
    for i in range(3):
        words.put(Word(text="turn", count=i))
        heard.append(next(turns))
    words.put(None)
    call("chat", turns, heard)
    words = queue.Queue()
    broken = of("stream_stream", "Chat")(iter(words.get, None))
    words.put(Word(text="one"))
    heard = [next(broken)]
    broken.cancel()
    words.put(None)
    call("cancel", broken, heard)
    call("late", of("unary_unary", "Wait").future(Word(), timeout=0.4))
    call("unknown", of("unary_unary", "None").future(Word()))
    channel.close()


serve() if sys.argv[1] == "serve" else client()
