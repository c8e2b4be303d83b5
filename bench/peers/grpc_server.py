#!/usr/bin/python3
"""A peer: the gRPC server one writes in Python, a pool of threads that block on Redis and torch."""
import pathlib
import signal
import subprocess
from concurrent import futures

import grpc
import redis
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import arguments
import packed_model

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
PACKAGE = "predictd.v1"


def messages(*names):
    """Classes of the service's messages, made from the .proto files without generated code."""
    described = subprocess.run(
        ["protoc", f"--proto_path={PROTO}", "--include_imports", "--descriptor_set_out=/dev/stdout",
         "predictd/v1/predictor.proto"], check=True, stdout=subprocess.PIPE).stdout
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(described).file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return [factory.GetPrototype(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names]


def service(model, store):
    request_class, response_class = messages("PredictRequest", "PredictResponse")

    def predict(request, context):
        row = store.get(f"features:{request.user_id}")
        if row is None:
            context.abort(grpc.StatusCode.NOT_FOUND, f"user '{request.user_id}' is unknown")
        return response_class(outputs=model(row), model="churn", version="1",
                              feature_origin="FEATURE_ORIGIN_REDIS",
                              request_id=request.request_id)

    handler = grpc.unary_unary_rpc_method_handler(
        predict, request_class.FromString, response_class.SerializeToString)
    return grpc.method_handlers_generic_handler(f"{PACKAGE}.Predictor", {"Predict": handler})


def main():
    parser = arguments.parser(__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=10)
    options = parser.parse_args()
    model = packed_model.PackedModel(options.model, options.columns, options.features)
    store = redis.Redis(unix_socket_path=options.redis)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=options.threads))
    server.add_generic_rpc_handlers((service(model, store),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(None))
    print(f"listening grpc 127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
