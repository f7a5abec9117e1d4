# The project's image. docker-compose.yml builds it; PYTHON_IMAGE names another base, such as a mirror's.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
# An environment of its own: Debian's Python lets nobody install beside its packages, and a folder is easily copied.
RUN python3 -m venv /opt/verbatims
WORKDIR /build
# The pins first: they change seldom, and what they bring stays in the build's cache.
COPY requirements/main.txt requirements/main.txt
RUN /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements/main.txt
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
# What only builds and installs is not needed where it runs.
RUN /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/verbatims/bin/pip check \
    && /opt/verbatims/bin/pip uninstall --yes --quiet hatchling editables pip

FROM ${PYTHON_IMAGE}
# The folders are where docker-compose.yml mounts volumes: a new volume takes the owner of the folder that it covers
# first. Two are for images that have no such folder: 10001 is the user of the Collector and Tempo, 65534 the
# Pushgateway's.
RUN useradd --uid 10000 --no-create-home --home-dir /verbatims --shell /usr/sbin/nologin verbatims \
    && install -d -o verbatims -g verbatims /verbatims /verbatims/var \
    && install -d -o 10001 -g 10001 /var/lib/otelcol /var/tempo \
    && install -d -o 65534 -g 65534 /pushgateway
COPY --from=build /opt/verbatims /opt/verbatims
ENV PATH=/opt/verbatims/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER verbatims
# Relative places in the settings, such as sqlite:///var/verbatims.db, are beneath it, as they are in a checkout.
WORKDIR /verbatims
CMD ["verbatims", "--help"]
