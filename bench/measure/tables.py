"""SQLite tables of features in the sizes whose cost is measured."""
import contextlib
import sqlite3
import subprocess

from .paths import PYTHON, ROOT


def example_rows(folder):
    """The example's own table: 5,000 users, 17 columns."""
    table = folder / "features.db"
    subprocess.run([PYTHON, ROOT / "examples" / "churn" / "features.py", "--table", table,
                    "--held_out", folder / "held_out.csv"], check=True, stdout=subprocess.DEVNULL)
    return table


def many_users(folder, few, users):
    """The example's rows again and again, under ids from 1 to `users`."""
    table = folder / f"users-{users}.db"
    with contextlib.closing(sqlite3.connect(table)) as many, many:
        many.execute("ATTACH ? AS few", (str(few),))
        columns = [row[1] for row in many.execute("PRAGMA few.table_info(user_features)")]
        names = ", ".join(f'"{name}"' for name in columns[1:])
        many.execute(f'CREATE TABLE user_features ("{columns[0]}" INTEGER PRIMARY KEY, {names})')
        many.execute(f"INSERT INTO user_features SELECT NULL, {names} FROM "
                     f"(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                     f"WHERE i < {-(-users // 5000)}) SELECT i FROM n), few.user_features "
                     f"LIMIT {users}")
    return table


def feature_names(count):
    return [f"f{i}" for i in range(count)]


def many_columns(folder, columns, users):
    table = folder / f"columns-{columns}.db"
    if table.exists():
        return table  # of another curve
    with contextlib.closing(sqlite3.connect(table)) as wide, wide:
        names = ", ".join(f"{name} REAL" for name in feature_names(columns))
        wide.execute(f"CREATE TABLE user_features (user_id INTEGER PRIMARY KEY, {names})")
        wide.executemany(
            f"INSERT INTO user_features VALUES (?{', ?' * columns})",
            ([user, *((user * 31 + i * 17) % 1000 / 500 - 1 for i in range(columns))]
             for user in range(1, users + 1)))
    return table
