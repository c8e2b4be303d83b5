"""predictd over each store beside the floor: what gRPC itself costs for the same messages."""
import contextlib

from .paths import BUILD
from .rounds import measure
from .server import Server

IN_FLIGHT = (1, 8, 64, 256)
# What is driven by other messages than Predict's, beside a floor of its own: a row of 14 floats.
INFER = ("--rpc=infer", "--infer_inputs=x:FP32[14]")
# A second loop gets nothing of a single connection.
CONNECTIONS = {1: 1, 2: 4}


def start(folder, redis, postgres, loops):
    """One after the other."""
    connections = (f"--connections={CONNECTIONS[loops]}",)

    def predictd(name, *flags, load=(), **options):
        return Server(name, [
            BUILD / "predictd", f"--models={folder}/models", "--http_listen=",
            "--listen=127.0.0.1:0", f"--feature_source=sqlite:{folder}/features.db",
            f"--event_loops={loops}",
            f"--min_event_loops={loops}", *flags], load=(*connections, *load), **options)

    def floor(name, load=()):
        return Server(name, [BUILD / "bench_floor", f"--queues={loops}"], floor=name,
                      load=(*connections, *load))

    cached = ("--local_cache_ttl=1h",)
    from_redis = ("--local_cache_mb=0", f"--feature_cache=unix://{redis.socket}")
    yield floor("floor")
    yield predictd("in-process cache", *cached)
    yield predictd("in-process cache, PredictStream", *cached, load=("--rpc=stream",))
    yield predictd("Redis, packed", *from_redis)
    yield predictd("Redis, hash of 17 fields", *from_redis, "--feature_cache_encoding=hash",
                   "--feature_cache_prefix=hash:")
    yield predictd("PostgreSQL, 17 columns", "--local_cache_mb=0",
                   f"--feature_source={postgres.url}")
    yield predictd("in-process cache, saving after_reply", *cached,
                   f"--save_to=sqlite:{folder}/saved-{loops}.db")
    yield floor("floor of ModelInfer", load=INFER)
    yield predictd("ModelInfer, the row in the request", f"--models={folder}/tensors", load=INFER,
                   floor="floor of ModelInfer")


def table(loops, results, floors):
    connections = CONNECTIONS[loops]
    print(f"\n### {loops} event loop{'s' if loops > 1 else ''}, {connections} "
          f"connection{'s' if connections > 1 else ''}\n")
    print("| features from | in flight | requests/s | p50 | p99 | server CPU per request "
          "| over the floor |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in results:
        for flight in IN_FLIGHT:
            row = results[name][flight]
            ratio = row["cpu"] / results[floors[name]][flight]["cpu"]
            print(f"| {name} | {flight} | {row['rps']:,.0f} | {row['p50'] / 1000:.2f} ms "
                  f"| {row['p99'] / 1000:.2f} ms | {row['cpu']:.1f} us "
                  f"| {'' if name == floors[name] else f'{ratio:.2f}'} |")


def compare(folder, redis, postgres, loops, options):
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(server)
                   for server in start(folder, redis, postgres, loops)]
        floors = {server.floor for server in running if options.only in server.name}
        for server in running:
            if options.only not in server.name and server.name not in floors:
                server.stop()
        running = [server for server in running if server.process.returncode is None]
        predictds = [server for server in running if server.name != server.floor]
        for server in predictds:
            server.wait_until_ready()
        # Every user once, so that each tier holds its rows before the first measured round.
        for server in predictds:
            server.drive(64, 1)
        results = measure(running, IN_FLIGHT, options.rounds, options.seconds)
        table(loops, results, {server.name: server.floor for server in running})
        return results
