"""What is made larger, one thing at a time, and how large.

Where nothing else is said a point is the default one: the example's model and 5,000 users, all rows
in the in-process cache, one event loop, 64 calls in flight on one connection, nothing saved.
"""
import dataclasses

from . import networks, tables

USERS = 5000
# The source is only read to fill the cache, with a thousand users at once.
CACHED = ("--event_loops=1", "--local_cache_mb=1024", "--local_cache_ttl=24h",
          "--feature_source_timeout=1m")
# So many calls fit one connection, which --max_streams would otherwise hold back.
MANY_STREAMS = "--max_streams=8192"


@dataclasses.dataclass
class Point:
    label: str
    server: tuple  # flags of predictd; points with the same ones share a server
    load: tuple = ()  # flags of `predict bench` beside the default ones
    users: int = USERS  # all of them are read once before anything is measured


@dataclasses.dataclass
class Curve:
    name: str
    points: list
    base: str  # label of the point that the others are compared with


def source(models, table):
    return (*CACHED, f"--models={models}", f"--feature_source=sqlite:{table}")


class Curves:
    """Makes the models and tables of a curve in `folder` when that curve is asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.table = tables.example_rows(folder)
        networks.example(folder / "models")
        self.default = source(folder / "models", self.table)

    def users(self):
        points = []
        for users in (1_000, 10_000, 100_000, 1_000_000):
            table = tables.many_users(self.folder, self.table, users)
            points.append(Point(f"{users:,}", source(self.folder / "models", table),
                                (f"--user_range=1:{users}",), users))
        return Curve("users in the in-process cache", points, "1,000")

    def features(self):
        points = []
        for count in (4, 16, 64, 256, 1000):
            models = self.folder / f"features-{count}"
            networks.network(models, count, 64)
            table = tables.many_columns(self.folder, count, USERS)
            points.append(Point(str(count), source(models, table)))
        return Curve("features per row (network n-64-1)", points, "4")

    def parameters(self):
        table = tables.many_columns(self.folder, 17, USERS)
        points = []
        for width in (32, 128, 512, 1024, 2048, 4096):
            models = self.folder / f"width-{width}"
            parameters = networks.network(models, 17, width, width)
            points.append(Point(f"{parameters:,}", source(models, table)))
        return Curve("parameters of the model (network 17-w-w-1)", points, points[0].label)

    def max_batch(self):
        points = [Point(str(rows), (*self.default, f"--max_batch={rows}"), ("--concurrency=256",))
                  for rows in (1, 4, 16, 64, 256)]
        return Curve("batch limit (256 calls in flight)", points, "64")

    def in_flight(self):
        points = [Point(f"{calls:,}", (*self.default, MANY_STREAMS), (f"--concurrency={calls}",))
                  for calls in (1, 4, 16, 64, 256, 1024, 4096)]
        return Curve("calls in flight", points, "64")

    def connections(self):
        # No fewer calls than connections: each has one to carry.
        points = [Point(f"{connections:,}", (*self.default, MANY_STREAMS),
                        ("--concurrency=2000", f"--connections={connections}"))
                  for connections in (1, 10, 100, 1000, 2000)]
        return Curve("connections (2,000 calls in flight)", points, "1")

    def event_loops(self):
        points = [Point(str(loops), (*self.default, f"--event_loops={loops}",
                                   f"--min_event_loops={loops}"), ("--connections=4",))
                  for loops in (1, 2)]
        return Curve("event loops (4 connections)", points, "1")

    def workers(self):
        models = self.folder / "slow"
        networks.slow_network(models, 1)
        table = tables.many_columns(self.folder, 16, USERS)
        points = [Point(str(workers), (*source(models, table), f"--workers={workers}"))
                  for workers in (1, 2)]
        return Curve("workers (a model of 1 ms per row)", points, "1")
