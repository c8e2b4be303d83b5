#!/usr/bin/python3
"""Asks predictd for the predictions of the users named on the command line. README.md says how."""

import sys

import grpc
from predictd.v1 import predictor_pb2, predictor_pb2_grpc

failed = 0
with grpc.insecure_channel("127.0.0.1:50051") as channel:
    predictor = predictor_pb2_grpc.PredictorStub(channel)
    for user_id in sys.argv[1:]:
        try:
            answer = predictor.Predict(predictor_pb2.PredictRequest(user_id=user_id), timeout=0.5)
            print(user_id, *answer.outputs, f"{answer.model}/{answer.version}", answer.prediction_id)
        except grpc.RpcError as error:
            failed += 1
            print(user_id, error.code().name, error.details())
sys.exit(1 if failed else 0)
