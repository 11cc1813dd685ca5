# The application under gunicorn. Runs as an ordinary user on a read-only root file system; it writes to
# /tmp, /srv/app/logs (unless LOG_DIR is given empty) and, with the embedded store, /srv/app/var, so mount something there.
# `make digests` adds the digest to each tag.
FROM python:3.12-slim-bookworm AS build
RUN python -m venv /venv
WORKDIR /build
# The lock file alone: the layer is made again only when it changes, not with each line of code.
COPY requirements.lock ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
# What the program knows of itself, its version; its code is copied below. The lock file has what builds it.
COPY setup.cfg pyproject.toml ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /venv/bin/pip uninstall --yes setuptools pip

FROM python:3.12-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/srv/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
COPY --from=build /venv /venv
WORKDIR /srv/app
COPY config config
COPY migrations_cql migrations_cql
COPY wsgi.py ./
COPY app app
# Nothing can be written there later: each worker and each command would compile all of it for itself.
RUN python -m compileall -q app config wsgi.py
# A number, so that a platform that demands non-root can see that it is. New volumes take over the owner of the folders.
RUN install -d -o 10001 -g 10001 logs var
USER 10001:10001
EXPOSE 8000
# Whether the process answers, not whether its store does: that is no reason to start another.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as client; client.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\") or 8000}/health/live', timeout=4)"]
CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]
