# Stands in for the official image of Postgres: Debian's server, started by a shell script that keeps to the same
# variables, the same user and the same folder of first statements.
ARG BASE
FROM ${BASE}
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 999 -g 999 -m 1777 /var/lib/postgresql/data /var/run/postgresql
ENV PGDATA=/var/lib/postgresql/data/pgdata
RUN printf '%s\n' \
    '#!/bin/sh' \
    'set -eu' \
    'PATH=$(echo /usr/lib/postgresql/*/bin):$PATH' \
    'if [ ! -s "$PGDATA/PG_VERSION" ]; then' \
    '  echo "$POSTGRES_PASSWORD" > /tmp/password' \
    '  initdb --encoding=UTF8 --username="$POSTGRES_USER" --auth=scram-sha-256 --pwfile=/tmp/password >/dev/null' \
    '  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"' \
    '  export PGPASSWORD="$POSTGRES_PASSWORD" PGUSER="$POSTGRES_USER" PGHOST=/var/run/postgresql' \
    '  pg_ctl -w -o "-c listen_addresses=" start >/dev/null' \
    '  createdb "$POSTGRES_DB"' \
    '  for file in /docker-entrypoint-initdb.d/*.sql; do psql -v ON_ERROR_STOP=1 -d "$POSTGRES_DB" -f "$file"; done' \
    '  pg_ctl -m fast -w stop >/dev/null' \
    'fi' \
    'exec postgres -c listen_addresses="*"' \
    > /usr/local/bin/start && chmod 755 /usr/local/bin/start \
    && ln -s /usr/lib/postgresql/*/bin/pg_isready /usr/local/bin/pg_isready_ \
    && rm -f /usr/bin/pg_isready && mv /usr/local/bin/pg_isready_ /usr/local/bin/pg_isready
USER 999:999
ENTRYPOINT ["/usr/local/bin/start"]
