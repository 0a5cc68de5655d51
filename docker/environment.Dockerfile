# The environment of a backend: a base with Python, and in /opt/venv what a lock file pins.  No package source of ours is
# in it, so that a change of ours does not rebuild it.  The build context is made by seedwise.images.build:
#     requirements.lock   the lock file
#     wheels/             every archive that it names, and those of build.lock, which is there too
# Sdists are built here, by the tools of build.lock alone and without a compiler: READTHEDOCS is the switch of fairseq's own
# setup.py that leaves its optional compiled parts out.  The build needs no network and gets none.
# Layers hold no time and no order of chance: equal input gives equal digests.  torch, with its CUDA, is a layer of its own, the
# lower one: backends whose lock files pin the same torch share it on the disk and in a registry.
ARG BASE
FROM ${BASE} AS build
ARG PYTHON
# By this label the harness finds the stage, which holds every wheel once more, and removes it after the build.
ARG INPUTS
LABEL seedwise.stage=${INPUTS}
COPY wheels/ /wheels/
COPY requirements.lock /wheels/requirements.lock
ENV PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
RUN set -eu; \
    found=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
    [ "$found" = "$PYTHON" ] || { echo "the base image holds Python $found, but docker/images.yaml says $PYTHON" >&2; exit 1; }; \
    site="opt/venv/lib/python$PYTHON/site-packages"; \
    mkdir -p /layer/opt "/torch/$site"; \
    python3 -m venv --without-pip /opt/venv; \
    install() { \
        /opt/venv/bin/python "$(echo /wheels/pip-*.whl)/pip" install --isolated --no-index --find-links /wheels --no-deps \
            --require-hashes --no-compile --no-cache-dir --disable-pip-version-check --root-user-action ignore "$@"; \
    }; \
    if ls /wheels/*.tar.gz >/dev/null 2>&1; then \
        install --target /tools -r /wheels/build.lock; \
        ( export PYTHONPATH=/tools READTHEDOCS=1 SOURCE_DATE_EPOCH=315532800; \
          install --ignore-installed --no-build-isolation -r /wheels/requirements.lock ); \
    else \
        install -r /wheels/requirements.lock; \
    fi; \
    cd "/$site"; \
    ls | xargs -r -n 1 -P "$(nproc)" /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash || true; \
    find /opt/venv -type d -exec chmod 755 {} +; \
    for name in torch torchgen functorch triton nvidia; do \
        [ ! -e "$name" ] || mv "$name" "/torch/$site/"; \
    done; \
    mv /opt/venv /layer/opt/venv; \
    find /layer /torch -exec touch -h -d @0 {} +

FROM ${BASE}
# Copied onto /, not to /opt/venv: so the times of the folders above it come from /layer too.
COPY --from=build /torch/ /
COPY --from=build /layer/ /
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 LANG=C.UTF-8
