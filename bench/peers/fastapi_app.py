#!/usr/bin/python3
"""A peer: the endpoint that awaits Redis and runs the model in a thread, under uvicorn.

It saves nothing in the background, as predictd saves nothing beside it. Prints the address it is
about to listen on; /healthz tells which worker answers, so that one can wait for all of them.
"""
import asyncio
import json
import os

import fastapi
import redis.asyncio
import uvicorn

import arguments
import packed_model

# Workers are processes of their own and import this file anew: what they need comes this way.
SETTINGS = "PEER_SETTINGS"


def make():
    settings = json.loads(os.environ[SETTINGS])
    model = packed_model.PackedModel(settings["model"], settings["columns"], settings["features"])
    store = redis.asyncio.Redis(unix_socket_path=settings["redis"])
    app = fastapi.FastAPI()

    @app.get("/predict/{user_id}")
    async def predict(user_id: str):
        row = await store.get(f"features:{user_id}")
        if row is None:
            raise fastapi.HTTPException(404, f"user '{user_id}' is unknown")
        outputs = await asyncio.to_thread(model, row)
        return {"user_id": user_id, "outputs": outputs, "model": "churn", "version": "1"}

    @app.get("/healthz")
    async def healthz():
        return {"worker": os.getpid()}

    return app


def main():
    parser = arguments.parser(__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    os.environ[SETTINGS] = json.dumps({name: getattr(options, name) for name in
                                       ("redis", "model", "columns", "features")})
    print(f"listening http 127.0.0.1:{options.port}", flush=True)
    uvicorn.run("fastapi_app:make", factory=True, port=options.port, workers=options.workers,
                loop="uvloop", http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
