"""Study files beside this one are collected by the seedwise plug-in; manifests in `assets/` and files in `pretraining/` are not studies."""

import seedwise.threads  # noqa: F401 - as the suite's own programs do, before numpy is there

collect_ignore_glob = ["assets", "*/pretraining"]
