# Stands in for the official image of Airflow: what the project's Dockerfile takes from it is its Python, a shell, and its
# user. Airflow itself comes from the project's own pins.
ARG BASE
FROM ${BASE}
RUN useradd --uid 50000 --gid 0 --create-home --home-dir /home/airflow airflow
USER airflow
