"""predictd beside what people serve such a model with: the same rows in the same Redis."""
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time

from .floor import INFER
from .http_server import HttpServer, free_port
from .open_inference import OpenInferenceServer
from .paths import BUILD, PYTHON, ROOT
from .rounds import measure
from .server import Server

IN_FLIGHT = (8, 64)
USERS = 5000
OURS = "predictd"
# These take their row from the request and are compared with each other.
OUR_INFER, OTHER_INFER = "predictd, ModelInfer", "Open Inference server"
# OpenBLAS and OpenMP would otherwise start threads that get into the way of the server's own.
ONE_THREAD = ("env", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")


class GrpcPeer(Server):
    def wait_until_ready(self):
        """It listens once it has loaded the model, and has no health service to ask."""


def predictd(name, folder, *flags, **options):
    return Server(name, [BUILD / "predictd", f"--models={folder}/models", "--http_listen=",
                         "--listen=127.0.0.1:0", *flags], **options)


def row_flags(folder, redis):
    """How the peers find the model's features in a packed row."""
    version = folder / "models" / "churn" / "1"
    features = json.loads((version / "signature.json").read_text())["features"]
    with sqlite3.connect(folder / "features.db") as table:
        columns = [row[1] for row in table.execute("PRAGMA table_info(user_features)")]
    return (f"--redis={redis.socket}", f"--model={version / 'model.pt'}",
            f"--columns={','.join(columns[1:])}",
            f"--features={','.join(feature['name'] for feature in features)}")


def fill(redis, server):
    """Every user until all are there: what predictd reads it writes to Redis behind the answers,
    and drops where Redis is late."""
    users = "".join(f"{user}\n" for user in range(1, USERS + 1))
    latest = time.monotonic() + 60
    while redis.keys() < USERS:
        if time.monotonic() > latest:
            sys.exit(f"bench: after a minute Redis has {redis.keys()} of {USERS} users")
        subprocess.run([BUILD / "predict", "batch", f"--server={server.address}"], input=users,
                       check=True, text=True, stdout=subprocess.DEVNULL)
        time.sleep(0.1)


def start(folder, redis, options):
    """One after the other: the peers are ready while the next one starts."""
    rows = row_flags(folder, redis)
    peers = ROOT / "bench" / "peers"

    def fastapi(name, workers):
        port = free_port()
        return HttpServer(name, [*ONE_THREAD, PYTHON, peers / "fastapi_app.py", f"--port={port}",
                                 f"--workers={workers}", *rows], port, workers, floor=OURS)

    stores = ("--local_cache_mb=0", f"--feature_cache=unix://{redis.socket}",
              "--feature_cache_ttl=24h", f"--feature_source=sqlite:{folder}/features.db")
    redis.clear()
    yield predictd(OURS, folder, *stores, floor=OURS)
    yield fastapi("FastAPI, 1 worker", 1)
    yield fastapi(f"FastAPI, {os.cpu_count()} workers", os.cpu_count())
    yield GrpcPeer("C++ gRPC, synchronous", [*ONE_THREAD, BUILD / "bench_sync", *rows], floor=OURS)
    yield GrpcPeer("Python gRPC", [*ONE_THREAD, PYTHON, peers / "grpc_server.py", *rows],
                   floor=OURS)
    if options.oip:
        yield predictd(OUR_INFER, folder, f"--models={folder}/tensors", load=INFER,
                       floor=OUR_INFER)
        yield OpenInferenceServer(OTHER_INFER, options.oip, options.oip_model, options.oip_inputs,
                                  floor=OUR_INFER)


def table(results, beside, several):
    """`several` are the servers with more than one worker, and how many these have."""
    print("\n### Against peers\n")
    print("| server | in flight | requests/s | p50 | p99 | server CPU per request "
          "| requests/s, of predictd's | p99, of predictd's |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for flight in IN_FLIGHT:
        for name in results:
            row, ours = results[name][flight], results[beside[name]][flight]
            cpu = f"{row['cpu']:.1f} us" if "cpu" in row else ""
            ratios = ("", "") if row is ours else (
                f"{row['rps'] / ours['rps']:.3f}", f"{row['p99'] / ours['p99']:.2f}")
            print(f"| {name} | {flight} | {row['rps']:,.0f} | {row['p50'] / 1000:.2f} ms "
                  f"| {row['p99'] / 1000:.2f} ms | {cpu} | {ratios[0]} | {ratios[1]} |")
    for name, workers in several.items():
        shares = (f"{results[name][flight]['busiest']:.0%} with {flight} in flight"
                  for flight in IN_FLIGHT)
        print(f"\n{name}: the busiest of the {workers} has of their CPU time {', '.join(shares)}.")


def over_redis(results):
    """What all of a chart's bars have in common."""
    return {name: flights for name, flights in results.items()
            if name not in (OUR_INFER, OTHER_INFER)}


def compare(folder, redis, options):
    with contextlib.ExitStack() as stack:
        running = []
        for server in start(folder, redis, options):
            running.append(stack.enter_context(server))
            server.wait_until_ready()
            if server.name == OURS:
                fill(redis, server)
        results = measure(running, IN_FLIGHT, options.rounds, options.seconds)
        table(results, {server.name: server.floor for server in running},
              {server.name: server.workers for server in running
               if getattr(server, "workers", 1) > 1})
        return results
