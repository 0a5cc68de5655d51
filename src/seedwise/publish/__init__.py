"""Studies as a static site: a page each with the bundle that it rests on, and an index of claims by data sets.

`publish` checks every bundle before anything of it appears.  No server, no script from elsewhere: any static host will do.
"""

from seedwise.publish.site import Item, publish

__all__ = ["Item", "publish"]
