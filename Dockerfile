# Two images, both built by docker-compose.yml: `pipeline`, the project alone, and `airflow`, Airflow with the project in
# it. PYTHON_IMAGE and AIRFLOW_IMAGE name other bases, such as a mirror's.
ARG PYTHON_IMAGE=python:3.12.12-slim
ARG AIRFLOW_IMAGE=apache/airflow:slim-3.3.2-python3.12

FROM ${PYTHON_IMAGE} AS build
# An environment of its own: Debian's Python lets nobody install beside its packages, and a folder is easily copied.
RUN python3 -m venv /opt/verbatims
WORKDIR /build
# The pins first: they change seldom, and what they bring stays in the build's cache.
COPY requirements/installer.txt requirements/main.txt requirements/report.txt requirements/model.txt requirements/
RUN for file in installer main report model; do \
    /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements/$file.txt || exit 1; done
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
# What only builds and installs is not needed where it runs.
RUN /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
    && /opt/verbatims/bin/pip check \
    && /opt/verbatims/bin/pip uninstall --yes --quiet hatchling editables pip

FROM ${PYTHON_IMAGE} AS pipeline
# The folders are where docker-compose.yml mounts volumes: a new volume takes the owner of the folder that it covers
# first. Two are for images that have no such folder: 10001 is the user of the Collector and Tempo, 65534 the
# Pushgateway's. 50000:0 is Airflow's user: its tasks write the files that the project's own containers read.
RUN useradd --uid 50000 --gid 0 --no-create-home --home-dir /verbatims --shell /usr/sbin/nologin verbatims \
    && install -d -o 50000 -g 0 /verbatims /verbatims/var /verbatims/airflow \
    && install -d -o 10001 -g 10001 /var/lib/otelcol /var/tempo \
    && install -d -o 65534 -g 65534 /pushgateway
COPY --from=build /opt/verbatims /opt/verbatims
ENV PATH=/opt/verbatims/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER verbatims
# Relative places in the settings, such as sqlite:///var/verbatims.db, are beneath it, as they are in a checkout.
WORKDIR /verbatims
CMD ["verbatims", "--help"]

FROM ${AIRFLOW_IMAGE} AS airflow
# `--build-arg EXECUTORS=celery` adds the CeleryExecutor and the KubernetesExecutor, 170 MB, for several machines.
ARG EXECUTORS=airflow
USER root
# An environment of its own here too, exactly as pinned and tested: the pins of the project would fall out with the
# image's own. Hence the slim image: what the other one has more, a hundred providers, nothing here would see.
RUN python3 -m venv /opt/verbatims && install -d -o 50000 -g 0 /verbatims /verbatims/var /verbatims/airflow
WORKDIR /build
COPY requirements/installer.txt requirements/main.txt requirements/report.txt requirements/model.txt \
    requirements/airflow.txt requirements/celery.txt requirements/
RUN for files in installer.txt "main.txt -r requirements/report.txt -r requirements/model.txt \
    -r requirements/airflow.txt -r requirements/$EXECUTORS.txt"; do \
    PIP_USER=0 /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check \
    --require-hashes --only-binary :all: -r requirements/$files || exit 1; done
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
RUN PIP_USER=0 /opt/verbatims/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --no-build-isolation . && /opt/verbatims/bin/pip check
COPY dags /opt/verbatims/dags
ENV PATH=/opt/verbatims/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/verbatims/airflow AIRFLOW__CORE__DAGS_FOLDER=/opt/verbatims/dags
USER 50000:0
WORKDIR /verbatims
ENTRYPOINT ["airflow"]
CMD ["--help"]
