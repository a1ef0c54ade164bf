"""A pipeline whose projection has the name of another's event log."""

from dataclasses import replace

from examples.attendance import PIPELINE as ATTENDANCE
from processor.projections.projection import Immediate

PIPELINE = replace(ATTENDANCE, name="presence", projections=(Immediate("attendance", key=("month",)),))
