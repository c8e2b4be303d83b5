"""Stores on Unix sockets, as Debian sets them up."""
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time


def wait_for(process, name, is_up):
    """Ends the program where the store ends instead, or takes a minute."""
    latest = time.monotonic() + 60
    while not is_up():
        if process.poll() is not None or time.monotonic() > latest:
            process.terminate()
            process.wait(timeout=60)
            sys.exit(f"bench: {name} did not start: exit status {process.returncode}")
        time.sleep(0.05)


class Redis:
    def __init__(self, folder):
        self.socket = folder / "redis.sock"
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "",
             "--appendonly", "no"], stdout=subprocess.DEVNULL)
        wait_for(self.process, "redis-server", self.socket.exists)

    def command(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def clear(self):
        self.command("FLUSHALL")

    def keys(self):
        return int(self.command("DBSIZE"))

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)


class Postgres:
    """A PostgreSQL with the example's users, on a Unix socket, as Debian sets it up."""

    def __init__(self, folder):
        self.folder = folder / "postgres"
        self.folder.mkdir()
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        # It refuses to run as root.
        self.user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        if self.user:
            folder.chmod(0o755)
            shutil.chown(self.folder, **self.user)
        data = self.folder / "data"
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-U", "bench"], check=True,
                       stdout=subprocess.DEVNULL, cwd="/", **self.user)
        self.process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-k", self.folder, "-c", "listen_addresses="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self.user)
        self.url = f"postgresql://bench@/postgres?host={self.folder}"
        wait_for(self.process, "PostgreSQL", self.answers)
        try:
            self.load(folder / "features.db")
        except BaseException:
            self.stop()
            raise

    def answers(self):
        return subprocess.run(["psql", self.url, "-c", "SELECT 1"], capture_output=True,
                              check=False).returncode == 0

    def load(self, table):
        with sqlite3.connect(table) as source:
            rows = source.execute("SELECT * FROM user_features")
            names = [column[0] for column in rows.description]
            lines = "\n".join(",".join("" if v is None else str(v) for v in row) for row in rows)
        columns = ", ".join(f'"{name}" DOUBLE PRECISION' for name in names[1:])
        subprocess.run(
            ["psql", "-q", self.url, "-c",
             f'CREATE TABLE user_features ("{names[0]}" BIGINT PRIMARY KEY, {columns})', "-c",
             "\\copy user_features FROM pstdin CSV"], input=lines, text=True, check=True)
        subprocess.run(["psql", "-q", self.url, "-c", "VACUUM ANALYZE user_features"], check=True)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
