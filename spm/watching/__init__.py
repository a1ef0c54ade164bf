"""Brings changed code of pipelines into a running cloud on this machine."""
