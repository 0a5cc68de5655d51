"""Study files beside this one are collected by the seedwise plug-in; manifests in `assets/` and files in `pretraining/` are not studies."""

collect_ignore_glob = ["assets", "*/pretraining"]
