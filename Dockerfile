# The application under gunicorn. Runs as an ordinary user on a read-only root file system; it writes to
# /tmp, /srv/app/logs and, with the embedded store, /srv/app/var, so mount something there.
FROM python:3.12-slim AS build
RUN python -m venv /venv
WORKDIR /build
# These two alone name every dependency: the layer is made again only when they change, not with each line of code.
COPY setup.cfg pyproject.toml ./
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.12-slim
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
# A number, so that a platform that demands non-root can see that it is. New volumes take over the owner of the folders.
RUN install -d -o 10001 -g 10001 logs var
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "-c", "config/gunicorn.conf.py", "wsgi:app"]
