# The environment of a backend: a base with Python, and in /opt/venv what a lock file pins.  No package source of ours is
# in it, so that a change of ours does not rebuild it.  The build context is made by seedwise.images.build:
#     requirements.lock   the lock file
#     wheels/             every archive that it names, and those of build.lock, which is there too
# Sdists are built here, by the tools of build.lock alone: setuptools and a compiler (ziglang) are wheels like any other.
# It optimises and strips when it links, too: else its run-time library would keep the name of a temporary folder.
# The build needs no network and gets none.  Layers hold no time and no order of chance: equal input gives equal digests.
ARG BASE
FROM ${BASE} AS build
ARG PYTHON
ARG GLIBC
# By this label the harness finds the stage, which holds every wheel once more, and removes it after the build.
ARG INPUTS
LABEL seedwise.stage=${INPUTS}
COPY wheels/ /wheels/
COPY requirements.lock /wheels/requirements.lock
ENV PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
RUN set -eu; \
    found=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
    [ "$found" = "$PYTHON" ] || { echo "the base image holds Python $found, but docker/images.yaml says $PYTHON" >&2; exit 1; }; \
    mkdir -p /layer/opt; \
    python3 -m venv --without-pip /opt/venv; \
    install() { \
        /opt/venv/bin/python "$(echo /wheels/pip-*.whl)/pip" install --isolated --no-index --find-links /wheels --no-deps \
            --require-hashes --no-compile --no-cache-dir --disable-pip-version-check --root-user-action ignore "$@"; \
    }; \
    if ls /wheels/*.tar.gz >/dev/null 2>&1; then \
        install --target /tools -r /wheels/build.lock; \
        for name in cc c++; do \
            printf '#!/bin/sh\nexec /tools/ziglang/zig %s -target %s-linux-gnu.%s -idirafter /usr/include -O2 "$@" -g0 -s\n' \
                "$name" "$(uname -m)" "$GLIBC" >"/tools/$name"; \
            chmod 755 "/tools/$name"; \
        done; \
        ( export ZIG_GLOBAL_CACHE_DIR=/tmp/zig ZIG_LOCAL_CACHE_DIR=/tmp/zig PYTHONPATH=/tools; \
          export CC=/tools/cc CXX=/tools/c++ LDSHARED="/tools/cc -shared" LDCXXSHARED="/tools/c++ -shared" CFLAGS=-g0; \
          install --ignore-installed --no-build-isolation -r /wheels/requirements.lock ); \
    else \
        install -r /wheels/requirements.lock; \
    fi; \
    cd "/opt/venv/lib/python$PYTHON/site-packages"; \
    ls | xargs -r -n 1 -P "$(nproc)" /opt/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash || true; \
    find /opt/venv -type d -exec chmod 755 {} +; \
    mv /opt/venv /layer/opt/venv; \
    find /layer -exec touch -h -d @0 {} +

FROM ${BASE}
# Copied onto /, not to /opt/venv: so the times of the folders above it come from /layer too.
COPY --from=build /layer/ /
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 LANG=C.UTF-8
