# Two stages: what compiles stays behind, what runs is Debian's libraries and two programs.
# scripts/debian13 carries out this file without a container engine, and tries the result.
FROM debian:trixie-slim AS build
WORKDIR /src
COPY scripts/setup scripts/
RUN scripts/setup --build
COPY . .
RUN scripts/build release predictd predict
RUN strip --strip-debug build/release/predictd build/release/predict

FROM debian:trixie-slim AS runtime
# What the two programs link, an optimised BLAS for libtorch, and the authorities that TLS trusts.
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates \
    libcares2 \
    libcivetweb1 \
    libhiredis1.1.0 \
    libopenblas0-serial \
    libpq5 \
    libprometheus-cpp-core1.0 \
    libprotobuf32t64 \
    libsqlite3-0 \
    libssl3t64 \
    libtorch2.6 \
    tini \
    zlib1g \
  && apt-get clean && rm -rf /var/lib/apt/lists/*
# A number that Kubernetes can check with runAsNonRoot. /data is for SQLite files.
RUN groupadd --gid 10001 predictd \
  && useradd --uid 10001 --gid predictd --no-create-home --shell /usr/sbin/nologin predictd \
  && install -d /models && install -d -o predictd -g predictd /data
COPY --from=build /src/build/release/predictd /src/build/release/predict /usr/local/bin/
USER 10001:10001
VOLUME ["/models", "/data"]
EXPOSE 50051 8080
# Healthy = alive, whatever becomes of the models: Swarm replaces what is not, and a restart cures no
# model. Asks the HTTP side on its usual port; deploy/README.md has what to do where it has none.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/8080 && echo -e 'GET /healthz HTTP/1.0\\r\\n\\r' >&3 && grep -q ' 200 OK' <&3"]
# tini, as process 1 gets no signal that it has not asked for, and predictd asks only once its
# libraries are loaded: a SIGTERM in its first 0.4 s would be lost.
# Flags after the image's name are added, and the last of a repeated flag counts. All addresses of a
# container are its own; what of them is published is for `docker run -p` to say.
ENTRYPOINT ["tini", "--", "predictd", "--models=/models", "--listen=0.0.0.0:50051", "--http_listen=0.0.0.0:8080"]
