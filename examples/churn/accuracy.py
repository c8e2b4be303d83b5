#!/usr/bin/python3
"""Compares what `predict batch` wrote with the truth about the held-out customers.

    accuracy.py --predictions=PREDICTIONS.csv --held_out=TRUTH.csv [--at_least=93]

Exits with status 1 below that accuracy (percent), or if a held-out customer has no prediction.
"""

import argparse
import csv
import sys


def read(path, value):
    with open(path, newline="", encoding="utf-8") as file:
        return {record["user_id"]: record for record in csv.DictReader(file) if record[value]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--predictions", required=True)
    parser.add_argument("--held_out", required=True)
    parser.add_argument("--at_least", type=float, default=93, help="percent")
    arguments = parser.parse_args()

    predictions = read(arguments.predictions, "churn_probability")
    truth = read(arguments.held_out, "churned")
    missing = [user for user in truth if user not in predictions or predictions[user]["error"]]
    if missing or not truth:
        return f"no prediction for {len(missing)} of {len(truth)} customers, first: {missing[:3]}"

    right = sum((float(predictions[user]["churn_probability"]) > 0.5) == (record["churned"] == "1")
                for user, record in truth.items())
    stay = sum(record["churned"] == "0" for record in truth.values())
    accuracy = 100 * right / len(truth)
    print(f"held-out accuracy: {accuracy:.1f} % of {len(truth)} customers "
          f"(always 'stays': {100 * stay / len(truth):.1f} %)")
    if accuracy < arguments.at_least:
        return f"accuracy is below {arguments.at_least:g} %"
    return 0


if __name__ == "__main__":
    try:
        status = main()
    except (OSError, KeyError, ValueError) as error:
        status = error if isinstance(error, OSError) else f"malformed CSV: {error!r}"
    sys.exit(f"accuracy.py: {status}" if status else 0)
