# An image that trains a commit elsewhere, as on Kubeflow: its files, and the group `pipeline`.
#
#     git archive HEAD | docker build --file loop/tools/training.Dockerfile --tag NAME -
#
# The context is the commit itself, so nothing of the work tree slips in: neither data nor secrets.
# The secrets ca, uv and netrc are those of Dockerfile.

FROM ghcr.io/astral-sh/uv:0.13.8 AS uv

FROM python:3.11-slim-bookworm
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy \
    UV_PYTHON=/usr/local/bin/python3.11 \
    UV_PYTHON_DOWNLOADS=never \
    UV_SYSTEM_CERTS=true \
    UV_NO_CACHE=true
WORKDIR /app
COPY . .
RUN --mount=type=secret,id=ca,target=/etc/ssl/certs/ca-certificates.crt \
    --mount=type=secret,id=uv,target=/root/.config/uv/uv.toml \
    --mount=type=secret,id=netrc,target=/root/.netrc \
    uv sync --locked --no-default-groups --group pipeline && \
    .venv/bin/dvc config --local core.no_scm true && \
    chown --recursive 10001:10001 /app

# A number, so that Kubernetes can check that it is not root.
USER 10001:10001
ENV PATH=/app/.venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
CMD ["loop", "repro"]
