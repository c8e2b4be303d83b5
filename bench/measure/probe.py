"""What callers beside the load see, window by window."""
import threading
import time

from .server import BenchFailed

WINDOW = 0.25
# In a window there are a hundred answers, so that its p99 is the second largest.
RATE = 400


class Probe(threading.Thread):
    """Sends a few requests per second on a connection of its own until it is told to stop.

    Windows are (seconds of the monotonic clock at which one began, p99 in ms); None where a request
    failed. They are some hundredths of a second apart: each is a run of `predict bench`.
    """

    def __init__(self, target):
        super().__init__()
        self.target = target
        self.stopped = threading.Event()
        self.windows = []

    def run(self):
        while not self.stopped.is_set():
            began = time.monotonic()
            self.windows.append((began, self.window()))

    def window(self):
        try:
            figures = self.target.bench(f"--rate={RATE}", f"--duration={WINDOW}s", "--warmup=0s")
        except BenchFailed:
            return None
        return figures["latency_us"]["p99"] / 1000 if set(figures["codes"]) == {"OK"} else None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()


class Memory(threading.Thread):
    """The largest resident size, looked at twenty times a second."""

    def __init__(self, target):
        super().__init__()
        self.target = target
        self.stopped = threading.Event()
        self.largest_mb = 0

    def run(self):
        while not self.stopped.wait(0.05):
            self.largest_mb = max(self.largest_mb, self.target.resident_mb())

    __enter__ = Probe.__enter__
    __exit__ = Probe.__exit__


def normal_again(windows, start, end):
    """Seconds from `end` of the overload until callers see no more of it; None if they still do.

    Normal is the worst p99 of the windows before its `start`. It is back at the end of the first of
    two windows in a row that are no worse; a single one may be luck.
    """
    worst = max(p99 for began, p99 in windows if began + WINDOW < start and p99 is not None)
    good = [(began, p99 is not None and p99 <= worst) for began, p99 in windows if began >= end]
    for (began, fine), (_, next_fine) in zip(good, good[1:]):
        if fine and next_fine:
            return began + WINDOW - end
    return None
