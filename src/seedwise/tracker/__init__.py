"""The tracker: imports the store into MLflow.  One writer, idempotent, able to rebuild everything from the store.

Training never talks to MLflow, and importing this package does not import it either: that happens only when there is
something to write.
"""

from __future__ import annotations

from seedwise.tracker.connection import TrackerError, tracking_uri
from seedwise.tracker.track import TrackSummary, track
from seedwise.tracker.ui import quiet_environment, ui_command

__all__ = ["TrackSummary", "TrackerError", "quiet_environment", "track", "tracking_uri", "ui_command"]
