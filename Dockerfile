# One image for every service of docker-compose.yml: `bridge` and what requirements.lock names, hash by hash; it runs as nobody in
# particular, with its plant (bridge.toml, inbox, outbox) in /plant.

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/bridge
COPY requirements.lock ./
RUN /opt/bridge/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bridge ./bridge
COPY templates ./templates
COPY migrations ./migrations
COPY contracts ./contracts
RUN /opt/bridge/bin/pip install --no-cache-dir --no-deps --no-build-isolation --no-index .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bridge
COPY --from=build /opt/bridge /opt/bridge
ENV PATH=/opt/bridge/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /plant
USER 10001
# what the image alone can say; worker and beat have a closer question in docker-compose.yml
HEALTHCHECK --interval=60s --timeout=20s --start-period=60s CMD ["bridge", "db", "check"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["bridge"]
CMD ["--help"]
