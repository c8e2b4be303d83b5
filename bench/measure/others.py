"""Figures that have no floor: batches, durable saving, start, cold start, memory."""
import os
import statistics
import subprocess

from . import tables
from .paths import BUILD
from .server import Server, medians
from .target import Target, total


def start(name, folder, *flags):
    return Server(name, [BUILD / "predictd", f"--models={folder}/models", "--listen=127.0.0.1:0",
                         "--http_listen=", f"--feature_source=sqlite:{folder}/features.db",
                         "--local_cache_ttl=1h", *flags])


def cold_start(folder):
    """Reads of the source per user when 100,000 users come at once to empty caches."""
    users = 100_000
    table = tables.many_users(folder, folder / "features.db", users)
    with Target(BUILD, f"--models={folder}/models", f"--feature_source=sqlite:{table}",
                "--local_cache_ttl=1h") as server:
        server.bench("--concurrency=256", "--requests=1000000", f"--user_range=1:{users}",
                     "--warmup=0s")
        return total(server.metrics(), "predictd_source_reads_total") / users


def ready_seconds(folder, rounds):
    ready = []
    for _ in range(rounds):
        with start("start", folder) as server:
            ready.append(server.wait_until_ready())
    return statistics.median(ready)


def bare_rows(folder, seconds):
    """Rows per second of the model alone, on as many threads as there are cores."""
    loop = subprocess.run(
        [BUILD / "bench_torch_loop", f"--model={folder}/models/churn/1/model.pt",
         f"--threads={os.cpu_count()}", f"--duration={seconds}s"],
        check=True, text=True, stdout=subprocess.PIPE)
    return float(loop.stdout)


def batch(folder, rounds, seconds):
    with start("batch", folder) as server:
        server.wait_until_ready()
        batches, bare = [], []
        for _ in range(rounds):
            batches.append(server.drive(4, seconds, "--rpc=batch", "--batch_rows=1000"))
            bare.append(bare_rows(folder, seconds))
    return medians(batches), statistics.median(bare)


def memory_mb(folder):
    """Resident after 0.5, 1, 1.5 and 2 million requests, the first that this server gets."""
    resident = []
    with start("memory", folder) as server:
        server.wait_until_ready()
        for _ in range(4):
            server.bench("--requests=500000")
            resident.append(server.resident_mb())
    return resident


def durable(folder, rounds, seconds):
    """Predictions that are in the database before they are answered."""
    with start("before_reply", folder, "--save=before_reply",
               f"--save_to=sqlite:{folder}/durable.db") as server:
        server.wait_until_ready()
        return medians([server.drive(256, seconds) for _ in range(rounds)])


def singles(folder, rounds, seconds):
    ready = ready_seconds(folder, rounds)
    rows, bare = batch(folder, rounds, seconds)
    memory = memory_mb(folder)
    saved = durable(folder, rounds, seconds)
    print("\n### Other figures\n")
    print(f"- `PredictBatch` of 1,000 cached users, 4 in flight: {rows['rows']:,.0f} rows/s, "
          f"{rows['cpu'] / 1000:.2f} us of CPU per row; {100 * rows['rows'] / bare:.0f} % of the "
          f"{bare:,.0f} rows/s of a bare libtorch loop over the same batches on the same cores")
    print(f"- `--save=before_reply` to SQLite, 256 in flight: {saved['rps']:,.0f} durable "
          f"predictions/s, p50 {saved['p50'] / 1000:.1f} ms, p99 {saved['p99'] / 1000:.1f} ms")
    print(f"- start to ready with the example model: {ready:.2f} s")
    cold = cold_start(folder)
    print(f"- cold start, a million requests for 100,000 users: {cold:.4f} source reads per user")
    print("- resident memory after 0.5, 1, 1.5 and 2 million requests: "
          + ", ".join(f"{mb:.0f}" for mb in memory) + " MB")
    return {"batch": rows, "bare_rows": bare, "before_reply": saved, "ready_seconds": ready,
            "resident_mb": memory, "cold_start_reads_per_user": cold}
