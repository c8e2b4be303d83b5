#!/usr/bin/python3
"""Writes the table the server reads its rows from, and the truth about the held-out customers.

    features.py --table=FEATURES.db --held_out=TRUTH.csv

The table is user_features(user_id INTEGER PRIMARY KEY, one numeric column per feature). What is to
be predicted is not in it.
"""

import argparse
import csv
import os
import pathlib
import sqlite3
import sys

import churn


def write_table(path, names, rows):
    """Complete or not at all: made beside the file and renamed over it."""
    draft = pathlib.Path(f"{path}.{os.getpid()}")
    draft.parent.mkdir(parents=True, exist_ok=True)
    try:
        database = sqlite3.connect(draft)
        columns = [f"{name} {_column_type(values)}" for name, values in zip(names, zip(*rows))]
        database.execute("CREATE TABLE user_features (user_id INTEGER PRIMARY KEY, "
                         f"{', '.join(columns)})")
        database.executemany(
            f"INSERT INTO user_features VALUES (?{', ?' * len(names)})",
            ([user_id, *row] for user_id, row in enumerate(rows, start=1)))
        database.commit()
        database.close()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _column_type(values):
    return "INTEGER" if all(isinstance(value, int) for value in values) else "REAL"


def write_truth(path, churned):
    held_out = churn.held_out(len(churned))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["user_id", "churned"])
        writer.writerows([index + 1, value] for index, value in enumerate(churned)
                         if held_out[index])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", required=True, help="SQLite file; replaced if it "
                        "exists, though a running server goes on reading the old one")
    parser.add_argument("--held_out", required=True, help="CSV: user_id,churned")
    arguments = parser.parse_args()
    names, rows, churned = churn.read()
    write_table(arguments.table, names, rows)
    write_truth(arguments.held_out, churned)
    print(f"wrote {arguments.table}: {len(rows)} customers, {len(names)} features")


if __name__ == "__main__":
    try:
        main()
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"features.py: {error}")
