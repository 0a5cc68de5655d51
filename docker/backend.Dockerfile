# One backend: its environment (environment.Dockerfile), and our own sources in /opt/seedwise.  They come last, so that a
# change of a source rebuilds in a second.  The build context holds packages/; no network is needed or given.
ARG ENVIRONMENT
FROM ${ENVIRONMENT} AS build
# By this label the harness finds the stage, and removes it after the build.
ARG INPUTS
LABEL seedwise.stage=${INPUTS}
COPY packages/ /layer/opt/seedwise/
RUN set -eu; \
    cd /layer/opt/seedwise; \
    PYTHONHASHSEED=0 python -m compileall -q -s /layer --invalidation-mode unchecked-hash .; \
    find /layer -exec touch -h -d @0 {} +

FROM ${ENVIRONMENT}
COPY --from=build /layer/ /
ARG MODULE
ENV PYTHONPATH=/opt/seedwise SEEDWISE_MODULE=${MODULE}
USER 10001:10001
WORKDIR /tmp
# A shell only to name the module; `exec` leaves Python as the process that gets the signals.
ENTRYPOINT ["/bin/sh", "-c", "exec python -m \"$SEEDWISE_MODULE\" \"$@\"", "seedwise"]
