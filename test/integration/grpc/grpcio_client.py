"""Calls a server with Python's grpcio, which is gRPC's C core, and prints the number of calls of each outcome as JSON.

The server must return the request of /test.Echo/Call, must not answer /test.Echo/Wait, and has no other method.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import random

import grpc

parser = argparse.ArgumentParser()
parser.add_argument("--target", required=True)
parser.add_argument("--calls", type=int, default=500)
parser.add_argument("--ca")
parser.add_argument("--cert")
parser.add_argument("--key")
options = parser.parse_args()


def read(path):
    with open(path, "rb") as file:
        return file.read()


channel_options = [("grpc.keepalive_time_ms", 1000), ("grpc.keepalive_permit_without_calls", 1)]
if options.ca:
    credentials = grpc.ssl_channel_credentials(
        read(options.ca),
        read(options.key) if options.key else None,
        read(options.cert) if options.cert else None,
    )
    channel_options.append(("grpc.ssl_target_name_override", "credence.test"))
    channel = grpc.secure_channel(options.target, credentials, channel_options)
else:
    channel = grpc.insecure_channel(options.target, channel_options)

echo = channel.unary_unary("/test.Echo/Call")
wait = channel.unary_unary("/test.Echo/Wait")
missing = channel.unary_unary("/test.Echo/Missing")


def outcome(method, message, timeout=30):
    try:
        return "same" if method(message, timeout=timeout) == message else "different"
    except grpc.RpcError as error:
        return error.code().name


def cancelled():
    call = wait.future(b"wait", timeout=30)
    call.cancel()
    return "CANCELLED" if call.cancelled() else "not cancelled"


with concurrent.futures.ThreadPoolExecutor(16) as pool:
    small = [pool.submit(outcome, echo, os.urandom(random.randrange(2000))) for _ in range(options.calls)]
    large = [pool.submit(outcome, echo, os.urandom(random.randrange(1000000))) for _ in range(20)]
    cancels = [pool.submit(cancelled) for _ in range(20)]
    results = {
        "small": collections.Counter(one.result() for one in small),
        "large": collections.Counter(one.result() for one in large),
        "cancelled": collections.Counter(one.result() for one in cancels),
        "deadline": outcome(wait, b"wait", timeout=0.3),
        "missing": outcome(missing, b""),
        "too large": outcome(echo, bytes(5 * 1024 * 1024)),
        "afterwards": outcome(echo, b"afterwards"),
    }
print(json.dumps(results))
