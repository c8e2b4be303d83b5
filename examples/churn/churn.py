"""The churn data as the example's other files use it: features, ids, truth and the split.

A customer's id is the 1-based number of the row. Every fifth customer is held out: never trained
on, never used to choose a setting, only to say how good the model is.
"""

import csv
import pathlib

import numpy

CSV = pathlib.Path(__file__).resolve().parent / "churn.csv"
LABEL = "churn"
# The state and the area code name places; in these data they say nothing about who leaves.
LEFT_OUT = ("state", "area_code")
YES_NO = {"no": 0, "yes": 1}


def read():
    """Returns (names, rows, churned): names in table order, one row of numbers per customer."""
    with open(CSV, newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    names = [name for name in records[0] if name != LABEL and name not in LEFT_OUT]
    rows = [[_number(record[name]) for name in names] for record in records]
    churned = [YES_NO[record[LABEL]] for record in records]
    return names, rows, churned


def held_out(count):
    """A boolean per customer: True for every fifth."""
    return numpy.arange(1, count + 1) % 5 == 0


def _number(text):
    if text in YES_NO:
        return YES_NO[text]
    return float(text) if "." in text else int(text)
