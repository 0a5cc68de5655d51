"""Study files beside this one are collected by the seedwise plug-in; manifests in `assets/` are not studies."""

collect_ignore = ["assets"]
