"""The arguments that both Python peers take."""
import argparse


def parser(description):
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--redis", required=True, help="its Unix socket")
    result.add_argument("--model", required=True, help="model.pt, which takes one tensor of rows")
    result.add_argument("--columns", required=True, type=names,
                        help="names of a packed row's values, in order")
    result.add_argument("--features", required=True, type=names,
                        help="names of the model's, in order")
    return result


def names(text):
    return text.split(",")
