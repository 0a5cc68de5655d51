"""Tests of `seedwise.report`."""
